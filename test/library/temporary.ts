import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import type { SnapshotRow } from '../../src/core/track.ts'
import type { LibrarySource } from '../../src/library/source.ts'

/** An empty folder that is gone after the test; anyone may enter it. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'soundledger-library-'))
  chmodSync(folder, 0o755)
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Writes files of a few bytes below a folder. */
export function addFiles(folder: string, ...names: readonly string[]): void {
  for (const name of names) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), name)
  }
}

export function allRows(library: LibrarySource, pageSize = 1000): SnapshotRow[] {
  return [...library.snapshot({ pageSize })].flat()
}

/** Paths of a snapshot, relative to a folder. */
export function pathsBelow(folder: string, library: LibrarySource): string[] {
  return allRows(library).map((row) => row.path.slice(folder.length + 1))
}

export const NOBODY = 65_534
export const isRoot = process.getuid?.() === 0

/**
 * Runs statements in another process that is not root, with `openLibrary` and `attempt` at hand (it returns what was
 * thrown as {name, message}); returns what `result` evaluates to.
 */
export function asAnyUser(statements: string, result: string): unknown {
  const source = new URL('../../src/library/source.ts', import.meta.url).href
  const code = `
    import { openLibrary } from ${JSON.stringify(source)}
    const attempt = (run) => { try { return run() } catch (error) { return { name: error.name, message: error.describe?.() ?? error.message } } }
    ${statements}
    process.stdout.write(JSON.stringify(${result}, (key, value) => typeof value === 'bigint' ? String(value) : value))`
  const child = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', code], {
    encoding: 'utf8',
    ...(isRoot ? { uid: NOBODY, gid: NOBODY } : {}),
  })
  if (child.status !== 0) throw new Error(`the child process failed: ${child.stderr}${child.error ?? ''}`)
  return JSON.parse(child.stdout)
}
