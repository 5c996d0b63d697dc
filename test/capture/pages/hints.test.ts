import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { ChangeHints, type Judgement } from '../../../src/capture/pages/hints.ts'
import type { SqlDatabase } from '../../../src/capture/pages/schema.ts'
import { readWal } from '../../../src/capture/wal/reader.ts'
import type { NavidromeWriter } from '../../support/navidrome.ts'
import { LIBRARIES } from './mirror.ts'
import { library } from './setting.ts'

const SMALL_TABLES = [{ table: 'library', query: LIBRARIES }]

async function tracks(writer: NavidromeWriter): Promise<void> {
  await writer.exec(`
    with recursive n (i) as (select 1 union all select i + 1 from n where i < 3000)
    insert into media_file (rowid, id, path, title, library_id, lyrics, tags)
    select i * 10, printf('id%020d', i), printf('album %d/%d.flac', i / 10, i), 'a title', 2,
      case when i % 50 = 0 then printf('%.*c', 9000, 'l') else '[]' end, printf('{"x":"%.*c"}', 900, 't')
    from n`)
}

/** A library that was followed for some plays, so that what stands in the WAL at the start is behind. */
async function followed(t: TestContext) {
  const { writer, mirror, path } = await library(t, 4096, tracks)
  for (let n = 0; n < 3; n += 1) {
    await play(writer, 10)
    mirror.follow()
  }
  return { writer, mirror, path }
}

async function play(writer: NavidromeWriter, n: number): Promise<void> {
  await writer.play(`id${String(n).padStart(20, '0')}`)
}

function width(judgement: Judgement): number {
  if (judgement.kind !== 'ranges') return Number.NaN
  return judgement.ranges.reduce((sum, { first, last }) => sum + (last - first + 1) / 10, 0)
}

function reason(judgement: Judgement): string {
  return judgement.kind === 'full' ? judgement.reason : judgement.kind
}

/** A connection that counts what is asked of it, apart from the data version. */
function counting(database: SqlDatabase): { database: SqlDatabase; asked: () => number } {
  let asked = 0
  const prepare = (sql: string) => {
    const statement = database.prepare(sql)
    const count = sql === 'pragma data_version' ? 0 : 1
    return {
      get(...parameters: unknown[]) {
        asked += count
        return statement.get(...parameters)
      },
      all(...parameters: unknown[]) {
        asked += count
        return statement.all(...parameters)
      },
    }
  }
  return { database: { prepare }, asked: () => asked }
}

function covers(judgement: Judgement, rowid: number): boolean {
  if (judgement.kind !== 'ranges') return false
  return judgement.ranges.some(({ first, last }) => first <= rowid && rowid <= last)
}

/** Hints over SQL that can be made to lag behind, as when frames are in the WAL and the wal-index does not say so yet. */
function lagging(t: TestContext, path: string) {
  const [lagging, current] = [1, 2].map(() => new Database(path, { readonly: true }))
  assert.ok(lagging && current)
  t.after(() => [lagging, current].map((each) => each.close()))
  const connection: SqlDatabase = {
    prepare: (sql) => (sql === 'pragma data_version' ? current : lagging).prepare(sql),
  }
  const walPath = `${path}-wal`
  const options = {
    connection: () => connection,
    walPath,
    table: 'media_file',
    smallTables: SMALL_TABLES,
    readWal,
  }
  const hints = new ChangeHints(options)
  hints.poll()
  return {
    hints,
    hide() {
      lagging.exec('begin')
      lagging.prepare('select count(*) from library').get()
    },
    show: () => void lagging.exec('commit'),
  }
}

describe('change hints', () => {
  it('take plays for irrelevant', async (t) => {
    const { writer, mirror } = await followed(t)
    for (let n = 0; n < 60; n += 1) {
      await play(writer, 1 + n * 7)
      assert.equal(mirror.follow().kind, 'irrelevant', `play ${n}`)
    }
  })

  it('ask SQL nothing about pages that are known', async (t) => {
    const { writer, path } = await followed(t)
    const connection = new Database(path, { readonly: true })
    t.after(() => connection.close())
    const { database, asked } = counting(connection)
    const hints = new ChangeHints({
      connection: () => database,
      walPath: `${path}-wal`,
      table: 'media_file',
      smallTables: SMALL_TABLES,
      readWal,
    })
    hints.poll()
    const touch = 'update annotation set play_count = play_count + 1'
    await writer.exec(touch)
    hints.poll()
    const before = asked()
    for (let n = 0; n < 10; n += 1) {
      await writer.exec(touch)
      assert.equal(hints.poll().kind, 'irrelevant')
    }
    assert.equal(asked(), before)
  })

  it('name a few rows around one that changed', async (t) => {
    const { writer, mirror } = await followed(t)
    await writer.exec(`update media_file set title = 'other title' where rowid = 15000`)
    assert.ok(width(mirror.follow()) < 20)
    mirror.assertTrue('one update')
    await writer.exec('delete from media_file where rowid between 20000 and 20100')
    assert.ok(width(mirror.follow()) < 60)
    mirror.assertTrue('eleven rows deleted')
  })

  it('know rows by texts that are no UTF-8', async (t) => {
    const { writer, mirror } = await followed(t)
    const broken = `cast(x'ff41c328' || rowid as text)`
    await writer.exec(
      `update media_file set path = ${broken}, title = ${broken} where rowid between 15000 and 15100`,
    )
    mirror.follow()
    await writer.exec('update media_file set duration = 7 where rowid = 15050')
    assert.ok(width(mirror.follow()) < 60)
    mirror.assertTrue('an update of such a row')
  })

  it('name few rows where rows are added, at the end as in between', async (t) => {
    const { writer, mirror } = await followed(t)
    await writer.insert([{ path: 'one' }, { path: 'two' }])
    await writer.exec(`insert into media_file (rowid, id, path, tags) select rowid + 1, id || 'x', path || 'x', tags
      from media_file where rowid between 15000 and 15100`)
    mirror.follow()
    mirror.assertTrue('additions')
    assert.ok(mirror.rowsRead < 100, `${mirror.rowsRead} rows`)
  })

  it('miss nothing when every row goes, and when the first ones come', async (t) => {
    const { writer, mirror } = await followed(t)
    await writer.exec('delete from media_file')
    mirror.follow()
    mirror.assertTrue('everything deleted')
    await play(writer, 1).catch(() => {})
    mirror.follow()
    await writer.insert([{ path: 'one' }])
    mirror.follow()
    mirror.assertTrue('a first row')
  })

  it('look twice at a commit that SQL did not show yet', async (t) => {
    const { writer, path } = await followed(t)
    const { hints, hide, show } = lagging(t, path)
    for (let n = 0; n < 3; n += 1) {
      await play(writer, 1)
      hints.poll()
    }
    hide()
    await writer.exec('delete from media_file where rowid = 15000')
    hints.poll()
    show()
    await play(writer, 1)
    assert.ok(covers(hints.poll(), 15_000))
    for (let n = 0; n < 2; n += 1) {
      await play(writer, 1)
      const { kind } = hints.poll()
      assert.ok(n === 0 || kind === 'irrelevant', kind)
    }
  })

  it('look at a leaf once more with the next commit, since SQL may not have shown it', async (t) => {
    const { writer, mirror } = await followed(t)
    await writer.exec('update media_file set title = 1 where rowid = 15000')
    assert.ok(covers(mirror.follow(), 15_000))
    await play(writer, 1)
    assert.ok(covers(mirror.follow(), 15_000))
    await play(writer, 1)
    assert.equal(mirror.follow().kind, 'irrelevant')
  })

  it('look twice at a small table that SQL did not show yet', async (t) => {
    const { writer, path } = await followed(t)
    const { hints, hide, show } = lagging(t, path)
    await play(writer, 1)
    hints.poll()
    hide()
    await writer.exec(`update library set path = '/moved' where id = 2`)
    hints.poll()
    show()
    await play(writer, 1)
    assert.equal(reason(hints.poll()), 'library changed')
  })

  it('put a leaf off that SQL does not show, and ask for all if it stays so', async (t) => {
    const { writer, path } = await followed(t)
    const { hints, hide, show } = lagging(t, path)
    for (let n = 0; n < 3; n += 1) {
      await play(writer, 1)
      hints.poll()
    }
    const insertion = (title: string) => `insert into media_file (rowid, id, path, title, lyrics)
      select 40000 + rowid, rowid || '${title}', '${title}', '${title}', printf('%.*c', 3000, 'l') from media_file limit 2`
    hide()
    await writer.exec(insertion('one'))
    assert.equal(hints.poll().kind, 'irrelevant')
    show()
    await play(writer, 1)
    assert.ok(covers(hints.poll(), 40_010))
    await play(writer, 1)
    hints.poll()
    hide()
    assert.equal(hints.waiting, false)
    await writer.exec('update media_file set path = path || 2, title = title || 2 where rowid > 30000')
    assert.equal(hints.poll().kind, 'irrelevant')
    assert.equal(hints.waiting, true)
    assert.equal(reason(hints.poll()), 'a leaf of unknown owner')
    assert.equal(hints.waiting, false)
  })

  it('ask for all when the schema changes, and follow the new one', async (t) => {
    const { writer, mirror } = await followed(t)
    for (const change of [
      'alter table media_file add column mood text',
      'create table rebuilt as select * from media_file; drop table media_file; alter table rebuilt rename to media_file',
      'vacuum',
    ]) {
      await writer.exec('pragma foreign_keys = off')
      await writer.exec(change)
      // Much was written: the WAL may have been reset as well.
      assert.equal(mirror.follow().kind, 'full', change)
      mirror.assertTrue(change)
      await writer.exec(`update media_file set title = title || 1 where rowid between 100 and 200`)
      mirror.follow()
      mirror.assertTrue(change)
      await play(writer, 3)
      mirror.follow()
      await writer.exec(`update media_file set title = title || 1 where rowid between 1000 and 1100`)
      assert.equal(mirror.follow().kind, 'ranges', change)
      mirror.assertTrue(change)
    }
  })

  it('ask for all when a value changes behind the first page of its row', async (t) => {
    const { writer, mirror } = await followed(t)
    await writer.exec('update media_file set library_id = 3 where rowid = 5000')
    assert.equal(reason(mirror.follow()), 'an overflow page of unknown owner')
    mirror.assertTrue('an update in place')
  })

  it('are not disturbed by a long play queue that is overwritten in place', async (t) => {
    const { writer, mirror } = await followed(t)
    await writer.exec(`insert into playqueue (id, user_id, current, position, changed_by, items, created_at, updated_at)
      values ('q', 'u', 0, 100, 'web', printf('%.*c', 30000, 'i'), '2026', '2026')`)
    mirror.hints.reset()
    for (let n = 0; n < 5; n += 1) {
      await writer.exec(`update playqueue set updated_at = '200${n}' where id = 'q'`)
      const judgement = mirror.follow()
      assert.ok(n === 0 || judgement.kind === 'irrelevant', reason(judgement))
    }
  })

  it('tell a library that moved from one that was scanned', async (t) => {
    const { writer, mirror } = await followed(t)
    await writer.beginScan()
    assert.equal(mirror.follow().kind, 'irrelevant')
    await writer.endScan()
    assert.equal(mirror.follow().kind, 'irrelevant')
    await writer.exec(`update library set path = '/moved' where id = 2`)
    assert.equal(reason(mirror.follow()), 'library changed')
  })

  it('are not misled when a page changes hands', async (t) => {
    const { writer, mirror } = await followed(t)
    await writer.exec('create table junk (n integer primary key, v text)')
    mirror.follow()
    for (let round = 0; round < 6; round += 1) {
      await writer.exec(`insert into junk (v) select printf('%.*c', 700, 'j') from media_file limit 300`)
      mirror.follow()
      await writer.exec('delete from junk where n % 2 = 0')
      await writer.exec('delete from junk where n % 2 = 1')
      mirror.follow()
      await writer.insert(Array.from({ length: 40 }, (_, n) => ({ path: `${round}/${n}` })))
      mirror.follow()
      mirror.assertTrue(`round ${round}, inserted`)
      await writer.exec(`update media_file set title = 'new ${round}' where path like '${round}/%'`)
      mirror.follow()
      mirror.assertTrue(`round ${round}, updated`)
      await writer.exec(`delete from media_file where path like '${round}/%'`)
      mirror.follow()
      mirror.assertTrue(`round ${round}, deleted`)
    }
  })

  it('are off where SQLite moves pages by itself', async (t) => {
    const { writer, mirror } = await library(t, 4096, async (each) => {
      await each.exec('pragma auto_vacuum = full')
      await each.vacuum()
    })
    await writer.insert([{ path: 'one' }])
    mirror.follow()
    await writer.exec(`update player set last_seen = 'now'`)
    assert.equal(reason(mirror.follow()), 'the database moves pages by itself')
  })

  it('start over with another connection', async (t) => {
    const { path } = await followed(t)
    const connections = [1, 2].map(() => new Database(path, { readonly: true }))
    t.after(() => connections.map((each) => each.close()))
    let used = 0
    const hints = new ChangeHints({
      connection: () => connections[used] ?? assert.fail(),
      walPath: `${path}-wal`,
      table: 'media_file',
      smallTables: SMALL_TABLES,
      readWal,
    })
    assert.equal(reason(hints.poll()), 'start')
    assert.equal(hints.poll().kind, 'irrelevant')
    used = 1
    assert.equal(reason(hints.poll()), 'the library was opened again')
  })

  it('begin anew after a failure, because what was taken was not judged', async (t) => {
    const { writer, path } = await followed(t)
    const connection = new Database(path, { readonly: true })
    t.after(() => connection.close())
    let fails = false
    const hints = new ChangeHints({
      connection: () => connection,
      walPath: `${path}-wal`,
      table: 'media_file',
      smallTables: SMALL_TABLES,
      readWal(walPath, position) {
        if (fails) throw new Error('the disk is gone')
        return readWal(walPath, position)
      },
    })
    hints.poll()
    await writer.exec('update media_file set title = 1 where rowid = 2000')
    fails = true
    assert.throws(() => hints.poll(), /the disk is gone/)
    fails = false
    assert.equal(reason(hints.poll()), 'start')
  })
})
