/**
 * Replaces several files of a folder together: a key is useless beside the certificate of another key. The new files are
 * written into a folder of their own, the stage. Once a stage is renamed to `.replacement`, the replacement is decided, and
 * anyone who works on the folder next finishes it. So after a crash there are either all of the old files or all of the new
 * ones. A stage with an id waits for a decision that is made elsewhere: in the database.
 *
 * The caller holds the lock of the folder. Functions throw system errors.
 */
import { existsSync, readdirSync, rmdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { removeDurably, writeNewFile } from './atomic-file'
import { createFolder } from './data-folder'
import { removeFile, renameFile } from './open-elsewhere'
import { syncFolder } from './sync'

const draftName = '.draft'
const replacementName = '.replacement'
const stagePrefix = '.stage-'

/** A file of the folder, by its base name. */
export interface ReplacedFile {
  readonly name: string
  /** Null to remove the file: it was created from the old ones. */
  readonly text: string | null
}

/** Creates or replaces files of a folder. If the disk is full, nothing changes. */
export function replaceFiles(folder: string, files: readonly ReplacedFile[]): void {
  writeStage(folder, join(folder, draftName), files)
  replaceBy(folder, join(folder, draftName))
}

/** Writes files to the stage with this id. Nothing else changes. If that fails, there is no stage. */
export function stageFiles(folder: string, id: string, files: readonly ReplacedFile[]): void {
  writeStage(folder, stagePath(folder, id), files)
}

/** Replaces the files of a folder with those of a stage. */
export function replaceByStage(folder: string, id: string): void {
  replaceBy(folder, stagePath(folder, id))
}

export function listStages(folder: string): readonly string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => name.startsWith(stagePrefix))
    .map((name) => name.slice(stagePrefix.length))
}

export function removeStage(folder: string, id: string): void {
  rmSync(stagePath(folder, id), { recursive: true, force: true })
}

/** Removes files from all stages: those that are about to be created are newer. */
export function removeFromStages(folder: string, names: readonly string[]): void {
  for (const id of listStages(folder)) {
    for (const name of names) removeDurably(join(stagePath(folder, id), name))
  }
}

function stagePath(folder: string, id: string): string {
  return join(folder, stagePrefix + id)
}

function writeStage(folder: string, stage: string, files: readonly ReplacedFile[]): void {
  rmSync(stage, { recursive: true, force: true })
  try {
    createFolder(stage)
    // An empty file stands for a removal: no key and no certificate is empty.
    for (const { name, text } of files) writeNewFile(join(stage, name), text ?? '')
    syncFolder(stage)
    syncFolder(folder)
  } catch (error) {
    rmSync(stage, { recursive: true, force: true })
    throw error
  }
}

function replaceBy(folder: string, stage: string): void {
  renameFile(stage, join(folder, replacementName))
  syncFolder(folder)
  finishReplacement(folder)
}

/** Returns whether a replacement of files was interrupted. */
export function isReplacementPending(folder: string): boolean {
  return [draftName, replacementName].some((name) => existsSync(join(folder, name)))
}

/**
 * Finishes a replacement that was interrupted after it was decided, and removes what is left of one that was not.
 *
 * Versions up to 0.1.0 know no replacement. They must never find a certificate beside the key of another one, so the old
 * certificates are removed first; they use a key without a certificate again.
 */
export function finishReplacement(folder: string): void {
  rmSync(join(folder, draftName), { recursive: true, force: true })
  const path = join(folder, replacementName)
  if (!existsSync(path)) return
  const names = readdirSync(path).sort()
  const [keys, others] = [names.filter(isKey), names.filter((name) => !isKey(name))]
  for (const name of others) removeFile(join(folder, name))
  syncFolder(folder)
  for (const name of keys) renameFile(join(path, name), join(folder, name))
  syncFolder(folder)
  for (const name of others) {
    const file = join(path, name)
    if (statSync(file).size === 0) removeFile(file)
    else renameFile(file, join(folder, name))
  }
  syncFolder(folder)
  rmdirSync(path)
  syncFolder(folder)
}

function isKey(name: string): boolean {
  return name.endsWith('.key')
}
