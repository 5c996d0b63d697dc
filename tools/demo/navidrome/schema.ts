import { readFileSync } from 'node:fs'
import Database from 'better-sqlite3'

const HAS_TABLES = "select 1 from sqlite_schema where name = 'media_file'"
const INSERT_USER = `insert into user (id, user_name, name, is_admin, created_at, updated_at)
  values ('demouser', 'demo', 'Demo', true, current_timestamp, current_timestamp)`
const INSERT_PLAYER = `insert into player (id, name, user_agent, user_id, client, last_seen)
  values ('demoplayer', 'NavidromeUI', 'demo', 'demouser', 'NavidromeUI', current_timestamp)`
const INSERT_LIBRARY = "insert into library (id, name, path) values (1, 'Music Library', ?)"
const UPDATE_LIBRARY = 'update library set path = ? where id = 1'

/** The tables of Navidrome's newest version. */
export function navidromeSchema(): string {
  return readFileSync(new URL('./schema.sql', import.meta.url), 'utf8')
}

/** Opens the server's database as Navidrome does, creating it with one user, one player and one library at `music`. */
export function openServerDatabase(path: string, music: string): Database.Database {
  const database = new Database(path, { timeout: 15_000 })
  database.pragma('journal_mode = wal')
  database.pragma('synchronous = normal')
  database.pragma('foreign_keys = on')
  database.transaction(() => {
    if (database.prepare(HAS_TABLES).get() !== undefined) {
      database.prepare(UPDATE_LIBRARY).run(music)
      return
    }
    database.exec(navidromeSchema())
    database.exec(INSERT_USER)
    database.exec(INSERT_PLAYER)
    database.prepare(INSERT_LIBRARY).run(music)
  })()
  return database
}
