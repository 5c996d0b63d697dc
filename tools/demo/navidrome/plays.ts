import type Database from 'better-sqlite3'
import { goNow } from './ids.ts'

const RANDOM_TRACK = 'select id from media_file where missing = 0 order by random() limit 1'
const COUNT_PLAY = `insert into annotation (user_id, item_id, item_type, play_count, play_date)
  values ('demouser', ?, 'media_file', 1, ?)
  on conflict (user_id, item_id, item_type) do update set play_count = play_count + 1, play_date = excluded.play_date`
const INSERT_SCROBBLE =
  "insert into scrobbles (media_file_id, user_id, submission_time) values (?, 'demouser', ?)"
const UPDATE_PLAYER = "update player set last_seen = ? where id = 'demoplayer'"

/** Someone listens to a track: writes that concern no file. Returns its id, null in an empty library. */
export function playSomething(database: Database.Database): string | null {
  const id = database.prepare<[], string>(RANDOM_TRACK).pluck().get()
  if (id === undefined) return null
  const now = goNow()
  database.transaction(() => {
    database.prepare(COUNT_PLAY).run(id, now)
    database.prepare(INSERT_SCROBBLE).run(id, Math.floor(Date.now() / 1000))
    database.prepare(UPDATE_PLAYER).run(now)
  })()
  return id
}
