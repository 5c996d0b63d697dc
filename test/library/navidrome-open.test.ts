import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { PermanentError, type SoundledgerError, TransientError } from '../../src/core/errors.ts'
import { openLibrary } from '../../src/library/source.ts'
import { startNavidromeWriter } from '../support/navidrome.ts'
import { allRows, asAnyUser, isRoot, NOBODY, temporaryFolder } from './temporary.ts'

type ErrorClass = typeof PermanentError | typeof TransientError

function open(database: string): ReturnType<typeof openLibrary> {
  return openLibrary({ kind: 'navidrome', database, pathMap: [], statFiles: false })
}

/** Opening fails in this way, and the one line of the error names the path and matches. */
function assertFails(run: () => unknown, kind: ErrorClass, database: string, line: RegExp): void {
  assert.throws(run, (error: SoundledgerError) => {
    assert(error instanceof kind, `expected ${kind.name}, got ${error}`)
    assert(error.describe().includes(database), error.describe())
    assert.match(error.describe(), line)
    assert.notEqual(error.hint, undefined)
    return true
  })
}

/** A closed database of a server, without sidecars. */
async function stoppedServer(t: TestContext): Promise<string> {
  const database = join(temporaryFolder(t), 'navidrome.db')
  const server = await startNavidromeWriter(database)
  await server.addLibrary('/srv/music')
  await server.insert([{ path: 'a.flac' }, { path: 'b.flac' }])
  await server.close()
  return database
}

describe('opening a Navidrome database fails', () => {
  it('transiently where there is none, and creates none', (t) => {
    const database = join(temporaryFolder(t), 'navidrome.db')
    assertFails(() => open(database), TransientError, database, /does not exist.*start the server once/)
    assert.equal(existsSync(database), false)
  })

  it('permanently where a folder is', (t) => {
    const folder = temporaryFolder(t)
    assertFails(() => open(folder), PermanentError, folder, /found a folder.*navidrome\.db itself/)
  })

  it('permanently where the file is something else', (t) => {
    const database = join(temporaryFolder(t), 'navidrome.db')
    writeFileSync(database, 'no database at all, but long enough to have a header '.repeat(100))
    assertFails(() => open(database), PermanentError, database, /no SQLite database.*SQLITE_NOTADB/)
  })

  it('transiently where the server has made no tables yet', (t) => {
    const database = join(temporaryFolder(t), 'navidrome.db')
    writeFileSync(database, '')
    assertFails(() => open(database), TransientError, database, /no tables.*start the server once/)
  })

  it('permanently where tables or columns of another program are, naming what is lacking', (t) => {
    const database = join(temporaryFolder(t), 'navidrome.db')
    const foreign = new Database(database)
    foreign.exec('create table media_file (id text, path text); create table songs (id text)')
    foreign.close()
    assertFails(
      () => open(database),
      PermanentError,
      database,
      /lacks media_file\.library_id, .*library\.path/,
    )
  })

  it('transiently while the server holds an exclusive lock, and works afterwards', async (t) => {
    const database = await stoppedServer(t)
    const server = await startNavidromeWriter(database, 'existing')
    t.after(() => server.close())
    assert.equal(await server.journalMode('delete'), 'delete')
    await server.begin('exclusive')
    assertFails(() => open(database), TransientError, database, /locked by the server.*SQLITE_BUSY/)
    await server.rollback()
    const library = open(database)
    t.after(() => library.close())
    assert.equal(allRows(library).length, 2)
    await server.begin('exclusive')
    assertFails(() => allRows(library), TransientError, database, /SQLITE_BUSY/)
    await server.commit()
    assert.equal(allRows(library).length, 2)
  })

  it('never while the server writes in WAL mode, however it locks', async (t) => {
    const database = await stoppedServer(t)
    const server = await startNavidromeWriter(database, 'existing')
    t.after(() => server.close())
    await server.begin('exclusive')
    await server.insert([{ path: 'c.flac' }])
    const library = open(database)
    t.after(() => library.close())
    assert.equal(allRows(library).length, 2)
    await server.commit()
    assert.equal(allRows(library).length, 3)
  })

  it('transiently where pages are damaged, and a repaired file is read again', async (t) => {
    const database = await stoppedServer(t)
    const whole = readFileSync(database)
    const size = statSync(database).size
    const garbage = Buffer.from(whole)
    garbage.fill(0xab, 4096)
    writeFileSync(database, garbage)
    assertFails(() => allRows(open(database)), TransientError, database, /damaged.*SQLITE_CORRUPT/)
    writeFileSync(database, whole)
    const library = open(database)
    t.after(() => library.close())
    truncateSync(database, 4096)
    assertFails(() => allRows(library), TransientError, database, /SQLITE_(CORRUPT|IOERR)/)
    truncateSync(database, size)
    writeFileSync(database, whole)
    assert.equal(allRows(library).length, 2)
  })
})

describe('opening the database of another user', () => {
  it('is refused while it would create sidecars, and creates none', {
    skip: !isRoot && 'needs chown',
  }, async (t) => {
    const database = await stoppedServer(t)
    chownSync(database, NOBODY, NOBODY)
    assertFails(
      () => open(database),
      TransientError,
      database,
      /belongs to user 65534.*no -shm.*start the server first/,
    )
    assert.deepEqual(
      ['-wal', '-shm'].filter((sidecar) => existsSync(database + sidecar)),
      [],
    )
  })

  it('works while its server runs', { skip: !isRoot && 'needs chown' }, async (t) => {
    const database = await stoppedServer(t)
    const server = await startNavidromeWriter(database, 'existing')
    t.after(() => server.close())
    await server.insert([{ path: 'c.flac' }])
    for (const name of ['', '-wal', '-shm']) chownSync(database + name, NOBODY, NOBODY)
    const library = open(database)
    t.after(() => library.close())
    assert.equal(allRows(library).length, 3)
    for (const name of ['', '-wal', '-shm']) assert.equal(statSync(database + name).uid, NOBODY)
  })

  it('fails transiently in a read-only folder when the server has stopped', {
    skip: !isRoot && 'needs root',
  }, async (t) => {
    const database = await stoppedServer(t)
    chmodSync(database, 0o644)
    const thrown = asAnyUser(
      '',
      `attempt(() => openLibrary({ kind: 'navidrome', database: ${JSON.stringify(database)}, pathMap: [], statFiles: false }))`,
    )
    assert.equal(Reflect.get(Object(thrown), 'name'), 'TransientError')
    assert.match(
      String(Reflect.get(Object(thrown), 'message')),
      /cannot open it or its -wal and -shm.*start the server/,
    )
  })

  it('fails where the file may not be read at all', async (t) => {
    const database = await stoppedServer(t)
    mkdirSync(`${database}.d`)
    chmodSync(`${database}.d`, 0o000)
    const thrown = asAnyUser(
      '',
      `attempt(() => openLibrary({ kind: 'navidrome', database: ${JSON.stringify(`${database}.d/x.db`)}, pathMap: [], statFiles: false }))`,
    )
    chmodSync(`${database}.d`, 0o755)
    assert.equal(Reflect.get(Object(thrown), 'name'), 'PermanentError')
    assert.match(String(Reflect.get(Object(thrown), 'message')), /permission denied/)
  })
})
