import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type LibrarySource, type NavidromeOptions, openLibrary } from '../../src/library/source.ts'
import { type NavidromeVersion, type NavidromeWriter, startNavidromeWriter } from '../support/navidrome.ts'
import { temporaryFolder } from './temporary.ts'

export interface Setting {
  readonly folder: string
  readonly music: string
  readonly server: NavidromeWriter
  open(options?: Partial<NavidromeOptions>): LibrarySource
}

/** A server with one library at `/srv/music`, which is `music` here. */
export async function startServer(t: TestContext, version: NavidromeVersion = '0.64'): Promise<Setting> {
  const folder = temporaryFolder(t)
  const music = join(folder, 'music')
  const database = join(folder, 'navidrome.db')
  const server = await startNavidromeWriter(database, version)
  const opened: LibrarySource[] = []
  t.after(async () => {
    for (const library of opened) library.close()
    await server.close()
  })
  await server.addLibrary('/srv/music')
  const open = (options: Partial<NavidromeOptions> = {}): LibrarySource => {
    const pathMap = [{ from: '/srv/music', to: music }]
    const library = openLibrary({ kind: 'navidrome', database, pathMap, statFiles: true, ...options })
    opened.push(library)
    return library
  }
  return { folder, music, server, open }
}
