import type { NavidromeWriter } from '../../support/navidrome.ts'
import type { Random } from './random.ts'

/** Something a server, or a person with a shell, does to the database. */
export interface Operation {
  readonly name: string
  readonly weight: number
  run(writer: NavidromeWriter, random: Random): Promise<unknown>
}

const LENGTHS = [0, 5, 40, 200, 400, 1000, 1800, 4000, 9000]

/** Statements of one transaction. */
function transaction(writer: NavidromeWriter, ...statements: string[]): Promise<void> {
  return writer.exec(['begin immediate', ...statements, 'commit'].join(';\n'))
}

/** A place in the table that exists more often than not. */
export function place(random: Random): string {
  const share = random.below(1000) / 1000
  return `(select rowid from media_file where rowid >= (select min(rowid) + cast((max(rowid) - min(rowid)) * ${share} as int) from media_file) limit 1)`
}

function insertion(random: Random, rowid = 'null'): string {
  const text = (): string => random.text(random.pick(LENGTHS))
  const path = random.below(8) === 0 ? random.text(3000) : random.text(30)
  return `insert or ignore into media_file (rowid, id, path, title, artist, album, duration, library_id, lyrics, tags, participants, probe_data)
    values (${rowid}, '${random.text(22)}', '${path}', '${random.text(8)}', 'artist', 'album', ${random.below(300)}.5,
      ${1 + random.below(2)}, '"${text()}"', '{"a":"${text()}"}', '{"b":"${text()}"}', '${text()}')`
}

function many(count: number, make: () => string): string[] {
  return Array.from({ length: count }, make)
}

const plays: Operation = {
  name: 'play',
  weight: 14,
  run: (writer, random) =>
    transaction(
      writer,
      `insert into annotation (user_id, item_id, item_type, play_count, play_date)
        select 'u', id, 'media_file', 1, ${random.below(1_000_000)} from media_file where rowid = ${place(random)}
        on conflict do update set play_count = play_count + 1, play_date = excluded.play_date`,
      `update player set last_seen = ${random.below(1_000_000)} where id = 'p'`,
      `insert into scrobbles (media_file_id, user_id, submission_time)
        select id, 'u', ${random.below(1_000_000)} from media_file where rowid = ${place(random)}`,
    ),
}

const inserts: Operation[] = [
  { name: 'insert', weight: 5, run: (w, r) => transaction(w, ...many(1 + r.below(6), () => insertion(r))) },
  {
    name: 'insert between',
    weight: 3,
    run: (w, r) => transaction(w, ...many(1 + r.below(6), () => insertion(r, `1 + ${place(r)}`))),
  },
  {
    name: 'insert far away',
    weight: 1,
    run: (w, r) => transaction(w, insertion(r, String(r.below(4000) - 2000))),
  },
  { name: 'insert many', weight: 1, run: (w, r) => transaction(w, ...many(60, () => insertion(r))) },
]

const updates: Operation[] = [
  {
    name: 'title of the same length',
    weight: 4,
    run: (w, r) => transaction(w, `update media_file set title = '${r.text(8)}' where rowid = ${place(r)}`),
  },
  {
    name: 'title longer or shorter',
    weight: 4,
    run: (w, r) =>
      transaction(w, `update media_file set title = '${r.text(r.pick(LENGTHS))}' where rowid = ${place(r)}`),
  },
  {
    name: 'library, behind the lyrics',
    weight: 4,
    run: (w, r) =>
      transaction(
        w,
        `update media_file set library_id = 5 - library_id where library_id in (2, 3) and rowid = ${place(r)}`,
      ),
  },
  {
    name: 'library, put behind long lyrics',
    weight: 2,
    run: (w, r) =>
      transaction(
        w,
        `update media_file set library_id = 2, lyrics = '"${r.text(2500)}"' where rowid = ${place(r)}`,
      ),
  },
  {
    name: 'end of a long path',
    weight: 3,
    run: (w, r) =>
      transaction(
        w,
        `update media_file set path = substr(path, 1, 2990) || '${r.text(10)}' where rowid in (select rowid from media_file where length(path) = 3000 and rowid >= ${place(r)} limit 1)`,
      ),
  },
  {
    name: 'columns nobody asks for',
    weight: 3,
    run: (w, r) =>
      transaction(
        w,
        `update media_file set average_rating = ${r.below(5)}.5, probe_data = '${r.text(40)}' where rowid = ${place(r)}`,
      ),
  },
  {
    name: 'many rows wider',
    weight: 1,
    run: (w, r) =>
      transaction(
        w,
        `update media_file set tags = '{"c":"${r.text(900)}"}' where rowid between ${place(r)} and ${place(r)}`,
      ),
  },
  {
    name: 'rowids moved',
    weight: 1,
    run: (w, r) =>
      transaction(
        w,
        `update or ignore media_file set rowid = rowid + ${r.below(50) - 25} where rowid = ${place(r)}`,
      ),
  },
  {
    name: 'missing',
    weight: 2,
    run: (w, r) => transaction(w, `update media_file set missing = not missing where rowid = ${place(r)}`),
  },
  { name: 'full scan', weight: 0.3, run: (w) => w.fullScanRewrite() },
  { name: 'new ids', weight: 0.2, run: (w) => w.rewriteAllIds() },
]

const deletes: Operation[] = [
  {
    name: 'delete',
    weight: 3,
    run: (w, r) => transaction(w, `delete from media_file where rowid = ${place(r)}`),
  },
  {
    name: 'delete a stretch',
    weight: 2,
    run: (w, r) =>
      transaction(
        w,
        `delete from media_file where rowid between ${place(r)} and ${r.below(40)} + ${place(r)} limit 40`,
      ),
  },
  {
    name: 'delete and insert',
    weight: 2,
    run: (w, r) =>
      transaction(
        w,
        `delete from media_file where rowid = ${place(r)}`,
        ...many(r.below(4), () => insertion(r)),
      ),
  },
  {
    name: 'delete half',
    weight: 0.15,
    run: (w) => transaction(w, 'delete from media_file where rowid % 2 = 0'),
  },
  {
    name: 'delete all',
    weight: 0.1,
    run: (w, r) => transaction(w, 'delete from media_file', ...many(80, () => insertion(r))),
  },
]

const others: Operation[] = [
  {
    name: 'other tables fill',
    weight: 2,
    run: (w, r) =>
      transaction(
        w,
        'create table if not exists junk (n integer primary key, v blob)',
        `insert into junk (v) select '${r.text(r.pick(LENGTHS))}' || rowid from media_file limit ${r.below(60)}`,
      ),
  },
  {
    name: 'other overflow in place',
    weight: 2,
    run: (w, r) =>
      transaction(
        w,
        'create table if not exists junk (n integer primary key, v blob)',
        `update junk set v = substr(v, 1, length(v) - 6) || '${r.text(6)}' where length(v) > 700 and n % 7 = ${r.below(7)}`,
      ),
  },
  {
    name: 'other tables shrink',
    weight: 2,
    run: (w, r) =>
      transaction(
        w,
        'create table if not exists junk (n integer primary key, v blob)',
        `delete from junk where n % 3 = ${r.below(3)}`,
      ),
  },
  { name: 'other tables dropped', weight: 0.5, run: (w) => w.exec('drop table if exists junk') },
  {
    name: 'a copy of the table',
    weight: 0.3,
    run: (w) => w.exec('drop table if exists copy; create table copy as select * from media_file limit 200'),
  },
  {
    name: 'an index dropped and made',
    weight: 0.5,
    run: (w) =>
      w.exec('drop index if exists media_file_title; create index media_file_title on media_file (title)'),
  },
  {
    name: 'a migration',
    weight: 0.2,
    run: (w, r) => w.exec(`alter table media_file add column extra${r.below(1_000_000)} text default 'x'`),
  },
  { name: 'scan', weight: 1, run: async (w) => [await w.beginScan(), await w.endScan()] },
  {
    name: 'a library moved',
    weight: 0.3,
    run: (w, r) => transaction(w, `update library set path = '/${r.text(9)}' where id = ${1 + r.below(3)}`),
  },
]

const upkeep: Operation[] = [
  { name: 'vacuum', weight: 0.2, run: (w) => w.vacuum() },
  {
    name: 'checkpoint',
    weight: 1.5,
    run: (w, r) => w.checkpoint(r.pick(['passive', 'passive', 'passive', 'full', 'restart', 'truncate'])),
  },
  {
    name: 'rolled back',
    weight: 2,
    run: (w, r) =>
      w.exec(
        [
          'begin immediate',
          ...many(1 + r.below(40), () => insertion(r)),
          'update media_file set title = 1',
          'rollback',
        ].join(';'),
      ),
  },
]

export const OPERATIONS: readonly Operation[] = [
  plays,
  ...inserts,
  ...updates,
  ...deletes,
  ...others,
  ...upkeep,
]

/** One of them, by their weights. */
export function pickOperation(random: Random, operations = OPERATIONS): Operation {
  let left = (random.below(1_000_000) / 1_000_000) * operations.reduce((sum, { weight }) => sum + weight, 0)
  for (const operation of operations) {
    left -= operation.weight
    if (left < 0) return operation
  }
  return plays
}
