# The Postgres of the tests, which has no packages for this system, as a service of its own.
expect 0 sh -c 'useradd -r postgres && install -d -o postgres -m 700 /srv/postgres && echo secret >/srv/password && chmod 644 /srv/password'
as_postgres() { expect 0 env LC_ALL=C setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }
as_postgres /opt/postgres/bin/initdb -D /srv/postgres/data -U snailpass -E UTF8 --no-locale --no-sync \
  --auth=scram-sha-256 --pwfile=/srv/password
as_postgres sh -c 'echo "create database vaults" | /opt/postgres/bin/postgres --single -D /srv/postgres/data postgres'
expect 0 sh -c 'printf "[Service]\nUser=postgres\nKillSignal=SIGINT\nExecStart=/opt/postgres/bin/postgres -D /srv/postgres/data -h 127.0.0.1 -k /srv/postgres\n" >/etc/systemd/system/postgresql.service && systemctl daemon-reload'
postgres="SNAILPASS_DATABASE_URL=postgres://snailpass:secret@127.0.0.1/vaults"

echo "the settings of Postgres are there before the service" >&2
expect 0 sh -c "mkdir /etc/snailpass && printf '%s\n' SNAILPASS_DATA_DIR=/var/lib/snailpass $postgres >$settings && chmod 600 $settings"
expect 1 /mnt/install.sh
says "hint: let the user snailpass read the file, as root: chgrp snailpass $settings && chmod g+r $settings"
expect 0 sh -c "chgrp snailpass $settings && chmod g+r $settings"
expect 1 /mnt/install.sh
says "postgres://127.0.0.1/vaults can't be used: connect ECONNREFUSED"
says 'hint: check that Postgres is running'
missing /usr/local/bin/snailpass /etc/systemd/system/snailpass.service
expect 0 systemctl start postgresql
eventually bash -c ': </dev/tcp/127.0.0.1/5432'
expect 0 /mnt/install.sh
says 'started the service'
runs "$version"
add_user
missing /var/lib/snailpass/snailpass.db

echo "the service starts when Postgres comes up later, and goes on when it comes back" >&2
expect 0 systemctl stop snailpass postgresql
expect 1 systemctl start snailpass
expect 1 snailpass service status
says "postgres://127.0.0.1/vaults can't be used"
property ActiveState activating
expect 0 systemctl start postgresql
eventually systemctl is-active -q snailpass
runs "$version"
note_process
expect 0 systemctl stop postgresql
eventually sh -c '! snailpass healthcheck'
expect 0 systemctl start postgresql
eventually snailpass healthcheck
was_not_stopped
has_user

echo "an upgrade migrates Postgres, and a version that fails is rolled back there" >&2
set_fault dies
expect 1 /mnt/next service install
says 'restored the database from before the migration'
says 'and its database; the service is running again'
runs "$version"
has_user
set_fault ''
expect 0 /mnt/next service install
runs 99.0.0
has_user
expect 1 /mnt/install.sh
says 'belongs to a newer snailpass'
runs 99.0.0
