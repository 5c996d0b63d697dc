// The process behind `startNavidromeWriter`: owns the database as the server would.
import { readFileSync, renameSync, rmSync } from 'node:fs'
import Database from 'better-sqlite3'
import { errorCode } from '../../src/core/errors.ts'
import { bulkInsert } from './navidrome-bulk.ts'
import type {
  NavidromeVersion,
  TrackInput,
  WriterCommands,
  WriterReply,
  WriterRequest,
} from './navidrome-commands.ts'

const SCHEMAS: Readonly<Record<NavidromeVersion, string>> = {
  '0.55': '../fixtures/navidrome/0.55.sql',
  '0.61': '../fixtures/navidrome/0.61.sql',
  '0.64': '../../tools/demo/navidrome/schema.sql',
}
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const INSERT_TRACK = `insert into media_file (id, pid, path, title, artist, album, duration, size, missing, library_id,
    suffix, tags, participants, lyrics, created_at, updated_at, birth_time)
  values (@id, @id, @path, @title, @artist, @album, @duration, @size, @missing, @libraryId,
    'flac', @json, @json, '[]', @now, @now, @now)`
const PLAY = `insert into annotation (user_id, item_id, item_type, play_count, play_date) values ('u', ?, 'media_file', 1, ?)
  on conflict do update set play_count = play_count + 1, play_date = excluded.play_date`

let path = ''
let database: Database.Database | undefined

function db(): Database.Database {
  if (database === undefined) throw new Error('no database is open')
  return database
}

function open(): void {
  database = new Database(path, { timeout: 15_000 })
  // Lets tests write `sqlite_schema`.
  database.unsafeMode()
  database.pragma('journal_mode = wal')
  database.pragma('synchronous = normal')
  database.pragma('foreign_keys = on')
}

function closeDatabase(): void {
  database?.close()
  database = undefined
}

/** Now as Go writes it. */
function goNow(): string {
  return new Date().toISOString().replace('T', ' ').replace('Z', '123456+00:00')
}

function newId(): string {
  return Array.from({ length: 22 }, () => BASE62[Math.floor(Math.random() * 62)]).join('')
}

function forAll(sql: string, ids: readonly string[], ...first: unknown[]): void {
  const statement = db().prepare(sql)
  for (const id of ids) statement.run(...first, id)
}

function insert(tracks: readonly TrackInput[]): string[] {
  const statement = db().prepare(INSERT_TRACK)
  return tracks.map((track) => {
    const id = track.id ?? newId()
    const title = track.title ?? track.path
    const { path, artist = 'Artist', album = 'Album', duration = 180.5, size = 1000, libraryId = 1 } = track
    const json = JSON.stringify({ title, artist, album, filler: 'x'.repeat(1200) })
    const missing = track.missing === true ? 1 : 0
    statement.run({ id, path, title, artist, album, duration, size, missing, libraryId, json, now: goNow() })
    return id
  })
}

const commands: WriterCommands = {
  open(target, version) {
    path = target
    open()
    if (version === 'existing') return
    db().exec(readFileSync(new URL(SCHEMAS[version], import.meta.url), 'utf8'))
    db()
      .prepare("insert into user (id, user_name, created_at, updated_at) values ('u', 'listener', ?, ?)")
      .run(goNow(), goNow())
    db().exec("insert into player (id, name, user_id, client) values ('p', 'browser', 'u', 'web')")
  },
  exec: (sql) => void db().exec(sql),
  all: (sql, parameters = []) =>
    db()
      .prepare(sql)
      .all(...parameters),
  addLibrary(root, name = root) {
    const result = db().prepare('insert into library (name, path) values (?, ?)').run(name, root)
    return Number(result.lastInsertRowid)
  },
  insert: (tracks) => db().transaction(insert)(tracks),
  update(id, columns) {
    const sets = Object.keys(columns).map((name) => `"${name}" = ?`)
    db()
      .prepare(`update media_file set ${sets.join(', ')} where id = ?`)
      .run(...Object.values(columns), id)
  },
  markMissing(ids, missing = true) {
    db().transaction(() => forAll('update media_file set missing = ? where id = ?', ids, missing ? 1 : 0))()
  },
  remove(ids) {
    db().transaction(() => forAll('delete from media_file where id = ?', ids))()
  },
  rewriteAllIds() {
    db().pragma('foreign_keys = off')
    const old = db().prepare<[], string>('select id from media_file order by rowid').pluck().all()
    const pairs = old.map((id): [string, string] => [id, newId()])
    const update = db().prepare('update media_file set id = ?, pid = ? where id = ?')
    db().transaction(() => pairs.forEach(([from, to]) => void update.run(to, to, from)))()
    db().pragma('foreign_keys = on')
    return pairs
  },
  fullScanRewrite() {
    db().prepare("update media_file set tags = json_set(tags, '$.scanned', ?)").run(goNow())
  },
  beginScan(full = false) {
    db()
      .prepare('update library set last_scan_started_at = ?, full_scan_in_progress = ?')
      .run(goNow(), full ? 1 : 0)
  },
  endScan() {
    db()
      .prepare(
        "update library set last_scan_started_at = '0001-01-01 00:00:00+00:00', full_scan_in_progress = 0, last_scan_at = ?",
      )
      .run(goNow())
  },
  play(id) {
    const hasScrobbles =
      db().prepare("select 1 from sqlite_schema where name = 'scrobbles'").get() !== undefined
    db().transaction(() => {
      db().prepare(PLAY).run(id, goNow())
      db().prepare("update player set last_seen = ? where id = 'p'").run(goNow())
      if (hasScrobbles) {
        db()
          .prepare("insert into scrobbles (media_file_id, user_id, submission_time) values (?, 'u', ?)")
          .run(id, Math.floor(Date.now() / 1000))
      }
    })()
  },
  bulkInsert: (options) => bulkInsert(db(), options),
  begin: (kind) => void db().exec(`begin ${kind}`),
  commit: () => void db().exec('commit'),
  rollback: () => void db().exec('rollback'),
  checkpoint: (mode) => void db().pragma(`wal_checkpoint(${mode})`),
  vacuum: () => void db().exec('vacuum'),
  journalMode: (mode) => String(db().pragma(`journal_mode = ${mode}`, { simple: true })),
  replaceByRename() {
    const copy = `${path}.new`
    rmSync(copy, { force: true })
    db().prepare('vacuum into ?').run(copy)
    closeDatabase()
    for (const sidecar of ['-wal', '-shm']) rmSync(path + sidecar, { force: true })
    renameSync(copy, path)
    open()
  },
  async backup(target) {
    await db().backup(target)
  },
  async restore(source) {
    const from = new Database(source, { readonly: true })
    try {
      await from.backup(path)
    } finally {
      from.close()
    }
  },
  closeDatabase,
}

async function answer({ call, name, args }: WriterRequest): Promise<WriterReply> {
  try {
    const command: (...args: never[]) => unknown = commands[name]
    return { call, result: await command(...(args as never[])) }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return { call, error: { message, code: errorCode(error) } }
  }
}

process.on('message', (request: WriterRequest) => {
  void answer(request).then((reply) => process.send?.(reply))
})
process.on('disconnect', closeDatabase)
