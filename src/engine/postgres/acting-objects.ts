import { type RawBuilder, sql } from 'kysely'

/**
 * What acts on the tables with these ids without being a part of them: a JSON array of `ActingObject`s. Each `select` is one
 * kind.
 */
export const actingObjects = (ids: RawBuilder<unknown>) => sql`(
  select coalesce(json_agg(json_build_object('label', label, 'removal', removal) order by label), '[]') from (
    select format('the trigger %s on %s', tgname, tgrelid::regclass) as label,
      format('drop trigger %I on %s', tgname, tgrelid::regclass) as removal
    from pg_trigger where tgrelid = any(${ids}) and not tgisinternal
    union all
    select distinct format('the foreign keys of %s, which are not enforced', tgrelid::regclass),
      format('alter table %s enable trigger all', tgrelid::regclass)
    from pg_trigger where tgrelid = any(${ids}) and tgisinternal and tgenabled not in ('O', 'A')
    union all
    select format('the rule %s on %s', rulename, ev_class::regclass), format('drop rule %I on %s', rulename, ev_class::regclass)
    from pg_rewrite where ev_class = any(${ids}) and rulename <> '_RETURN'
    union all
    select format('the row policy %s on %s', polname, polrelid::regclass), format('drop policy %I on %s', polname, polrelid::regclass)
    from pg_policy where polrelid = any(${ids})
    union all
    select format('the row security of %s', oid::regclass),
      format('alter table %s disable row level security, no force row level security', oid::regclass)
    from pg_class where oid = any(${ids}) and (relrowsecurity or relforcerowsecurity)
    union all
    select format('the foreign key %s of the table %s to %s', conname, conrelid::regclass, confrelid::regclass),
      format('alter table %s drop constraint %I', conrelid::regclass, conname)
    from pg_constraint where contype = 'f' and confrelid = any(${ids}) and not conrelid = any(${ids})
    union all
    select format('the table %s, which shares rows with %s', other::regclass, own::regclass),
      format('alter table %s no inherit %s', child::regclass, parent::regclass)
    from (
      select inhparent as own, inhrelid as other, inhrelid as child, inhparent as parent from pg_inherits where inhparent = any(${ids})
      union all select inhrelid, inhparent, inhrelid, inhparent from pg_inherits where inhrelid = any(${ids})) as heirs
    union all
    ${dependentObjects(ids)}
    union all
    select format('the subscription %s, which writes to %s', s.subname, m.srrelid::regclass), format('drop subscription %I', s.subname)
    from pg_subscription_rel m join pg_subscription s on s.oid = m.srsubid where m.srrelid = any(${ids})
    union all
    select format('the extended statistics %s of %s', s.stxname, s.stxrelid::regclass),
      format('drop statistics %s.%I', s.stxnamespace::regnamespace, s.stxname)
    from pg_statistic_ext s where s.stxrelid = any(${ids}) and to_jsonb(s) ->> 'stxexprs' is not null
    union all
    select format('the search path, which has the schema %s in front of pg_catalog', name),
      format('alter role %I reset search_path; alter database %I reset search_path', current_user, current_database())
    from unnest(current_schemas(true)) with ordinality as path (name, position)
    where position < array_position(current_schemas(true), 'pg_catalog') and name not like 'pg\\_%'
  ) as found
)`

/** Views, functions with a body of SQL, and rules and policies of other tables, which read or write ours. */
const dependentObjects = (ids: RawBuilder<unknown>) => sql`
  select distinct format('the %s %s over our tables', x.type, x.identity), format('drop %s %s', x.type, x.identity)
  from (
    select d.classid, d.objid, r.ev_class, (select relkind from pg_class where oid = r.ev_class) in ('v', 'm') as is_view
    from pg_depend d left join pg_rewrite r on d.classid = 'pg_rewrite'::regclass and r.oid = d.objid
    where d.refclassid = 'pg_class'::regclass and d.refobjid = any(${ids}) and d.deptype = 'n'
      and d.classid in ('pg_rewrite'::regclass, 'pg_proc'::regclass, 'pg_policy'::regclass)
      and coalesce(r.ev_class, (select polrelid from pg_policy where oid = d.objid and d.classid = 'pg_policy'::regclass), 0)
        <> all(${ids})
  ) as dependent,
  pg_identify_object(case when is_view then 'pg_class'::regclass::oid else classid end,
    case when is_view then ev_class else objid end, 0) as x`
