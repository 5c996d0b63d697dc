import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { type NavidromeWriter, startNavidromeWriter } from '../../support/navidrome.ts'
import { Mirror } from './mirror.ts'

/** A database of Navidrome with pages of a size, owned by another process, and a mirror beside it. Both end with the test. */
export async function library(
  t: TestContext,
  pageSize: number,
  prepare: (writer: NavidromeWriter) => Promise<unknown> = async () => {},
): Promise<{ writer: NavidromeWriter; mirror: Mirror; path: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'soundledger-pages-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'navidrome.db')
  const database = new Database(path)
  database.pragma(`page_size = ${pageSize}`)
  database.pragma('journal_mode = wal')
  database.close()
  const writer = await startNavidromeWriter(path)
  t.after(() => writer.close())
  for (const name of ['/one', '/two', '/three']) await writer.addLibrary(name)
  await prepare(writer)
  const mirror = new Mirror(path)
  t.after(() => mirror.close())
  mirror.follow()
  return { writer, mirror, path }
}
