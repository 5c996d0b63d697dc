import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { indexOverflows, pageType, parseTablePage } from '../../../src/capture/pages/btree.ts'
import { chainOf, freePages } from '../../../src/capture/pages/chains.ts'

interface Stat {
  readonly page: number
  readonly type: 'leaf' | 'internal' | 'overflow'
  readonly cells: number
}

/** A database in memory and all its pages. */
function pagesOf(pageSize: number, fill: (database: Database.Database) => void) {
  const database = new Database(':memory:')
  database.pragma(`page_size = ${pageSize}`)
  fill(database)
  const bytes = database.serialize()
  const pages = new Map<number, Uint8Array>()
  for (let page = 1; page * pageSize <= bytes.byteLength; page += 1) {
    pages.set(page, bytes.subarray((page - 1) * pageSize, page * pageSize))
  }
  const stats = (name: string): Stat[] =>
    database
      .prepare<[string], Stat>(
        'select pageno as page, pagetype as type, ncell as cells from dbstat where name = ?',
      )
      .all(name)
  return { database, pages, stats }
}

function fillWide(database: Database.Database): void {
  database.exec(`
    create table t (a text, b int, c blob);
    create index t_a on t (a);
    with recursive n (i) as (select 1 union all select i + 1 from n where i < 900)
    insert into t (rowid, a, b, c) select i * i - 5000, printf('%.*c', (i * 37) % 3000, 'x') || i, i, zeroblob((i * 91) % 7000) from n;
    delete from t where rowid % 13 = 4`)
}

describe('b-tree pages', () => {
  for (const pageSize of [512, 1024, 4096, 65_536]) {
    it(`of ${pageSize} bytes show the rows and the overflow pages that SQLite sees`, () => {
      const { database, pages, stats } = pagesOf(pageSize, fillWide)
      const rowids: number[] = []
      const chained = new Set<number>()
      const children = new Set<number>()
      for (const { page, type, cells } of stats('t')) {
        const content = pages.get(page) ?? new Uint8Array()
        if (type === 'overflow') {
          assert.equal(pageType(content), 'chain')
          continue
        }
        const parsed = parseTablePage(content, page, pageSize)
        assert.equal(parsed?.kind, type === 'leaf' ? 'leaf' : 'interior')
        if (parsed?.kind === 'leaf') {
          assert.equal(parsed.cells.length, cells)
          rowids.push(...parsed.cells.map(({ rowid }) => rowid))
          for (const { overflow } of parsed.cells) {
            if (overflow !== 0) for (const each of chainOf(overflow, pages)) chained.add(each)
          }
        }
        for (const child of parsed?.kind === 'interior' ? parsed.children : []) children.add(child)
      }
      const truth = database.prepare('select rowid from t order by rowid').pluck().all()
      assert.deepEqual(
        rowids.toSorted((a, b) => a - b),
        truth,
      )
      const overflow = stats('t').filter(({ type }) => type === 'overflow')
      assert.deepEqual(chained, new Set(overflow.map(({ page }) => page)))
      assert.equal(children.size, stats('t').length - overflow.length - 1)
    })

    it(`of ${pageSize} bytes show the overflow pages of an index`, () => {
      const { pages, stats } = pagesOf(pageSize, fillWide)
      const found = new Set<number>()
      for (const { page, type } of stats('t_a')) {
        if (type === 'overflow') continue
        const content = pages.get(page) ?? new Uint8Array()
        assert.equal(pageType(content), 'index')
        assert.equal(parseTablePage(content, page, pageSize), null)
        for (const first of indexOverflows(content, pageSize) ?? []) {
          for (const each of chainOf(first, pages)) found.add(each)
        }
      }
      const overflow = stats('t_a').filter(({ type }) => type === 'overflow')
      assert.deepEqual(found, new Set(overflow.map(({ page }) => page)))
    })
  }

  it('that are free are all found from page 1', () => {
    const { database, pages } = pagesOf(1024, (each) => {
      fillWide(each)
      each.exec('drop table t')
    })
    assert.equal(freePages(pages).size, database.pragma('freelist_count', { simple: true }))
    assert.ok(freePages(pages).size > 1000)
  })

  it('hold rowids up to what a number holds, and say where one does not', () => {
    const rowids = [
      0n,
      -1n,
      2n ** 53n - 1n,
      1n - 2n ** 53n,
      2n ** 53n,
      -(2n ** 63n),
      2n ** 63n - 1n,
      2n ** 56n,
      127n,
      128n,
    ]
    const { pages, stats } = pagesOf(4096, (database) => {
      database.exec('create table t (a)')
      for (const rowid of rowids) database.prepare('insert into t (rowid, a) values (?, 1)').run(rowid)
    })
    const page = stats('t')[0]?.page ?? 0
    const parsed = parseTablePage(pages.get(page) ?? new Uint8Array(), page, 4096)
    const shown = parsed?.kind === 'leaf' ? parsed.cells.map(({ rowid }) => rowid) : []
    const expected = rowids
      .toSorted((a, b) => (a < b ? -1 : 1))
      .map((rowid) => (Number.isSafeInteger(Number(rowid)) ? Number(rowid) : Number.NaN))
    assert.deepEqual(shown, expected)
  })

  it('of random bytes never throw and never lead out of the page', () => {
    const bytes = fc.uint8Array({ minLength: 0, maxLength: 1024 })
    fc.assert(
      fc.property(
        bytes,
        fc.constantFrom(2, 5, 10, 13),
        fc.integer({ min: 1, max: 3 }),
        (random, type, page) => {
          const content = new Uint8Array(random)
          content[page === 1 ? 100 : 0] = type
          assertContained(content, page)
        },
      ),
      { numRuns: 3000 },
    )
  })

  it('of which some bytes are wrong never throw and never lead out of the page', () => {
    const { pages, stats } = pagesOf(512, fillWide)
    const numbers = [...stats('t'), ...stats('t_a')].map(({ page }) => page)
    const changes = fc.array(fc.tuple(fc.nat(511), fc.nat(255)), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(fc.constantFrom(...numbers), changes, (page, wrong) => {
        const content = new Uint8Array(pages.get(page) ?? [])
        for (const [offset, value] of wrong) content[offset] = value
        assertContained(content, page)
      }),
      { numRuns: 3000 },
    )
  })
})

function assertContained(content: Uint8Array, page: number): void {
  const parsed = parseTablePage(content, page, content.byteLength)
  for (const { local } of parsed?.kind === 'leaf' ? parsed.cells : []) {
    assert.ok(local.byteOffset >= content.byteOffset)
    assert.ok(local.byteOffset + local.byteLength <= content.byteOffset + content.byteLength)
  }
  indexOverflows(content, content.byteLength)
  freePages(new Map([[1, content]]))
  chainOf(1, new Map([[1, content]]))
}
