import Database from 'better-sqlite3'

/** Ids in one transaction. */
const CHUNK = 50_000

const INSPECTED = `
  update tracks set size_bytes = 20000000 + id, mtime_ns = 1767225600123456789 + id,
    fingerprint = lower(hex(randomblob(32))), inspect = 0, due_at = null
  where id between ? and ?`
const EMBEDDED = `
  update operations set state = 'done',
    fingerprint = (select fingerprint from tracks where id = track_id),
    digest = (select digest from models where name = model)
  where track_id between ? and ?`

/** Makes a ledger say of all its tracks what it says once they are embedded, so that rows are as long as they will be. */
export function settleLedger(file: string): void {
  const database = new Database(file)
  try {
    const last = database.prepare<[], number | null>('select max(id) from tracks').pluck().get() ?? 0
    const inspected = database.prepare(INSPECTED)
    const embedded = database.prepare(EMBEDDED)
    for (let from = 1; from <= last; from += CHUNK) {
      database.transaction(() => {
        inspected.run(from, from + CHUNK - 1)
        embedded.run(from, from + CHUNK - 1)
      })()
    }
    database.pragma('wal_checkpoint(truncate)')
  } finally {
    database.close()
  }
}
