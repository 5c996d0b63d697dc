import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { PageMap } from '../../../src/capture/pages/page-map.ts'
import { rangesAround } from '../../../src/capture/pages/ranges.ts'
import { judge, type Setting } from '../../../src/capture/pages/relevance.ts'
import type { Owner } from '../../../src/capture/pages/row-probe.ts'

const PAGE_SIZE = 4096
/** Root of the watched table in `pages`. */
const ROOT = 2

/** Pages of a database with a table of several leaves. */
function databasePages(): Map<number, Uint8Array> {
  const database = new Database(':memory:')
  database.exec(`create table t (a text);
    with recursive n (i) as (select 1 union all select i + 1 from n where i < 100)
    insert into t select printf('%.*c', 300, 'x') from n`)
  const bytes = database.serialize()
  return new Map(
    Array.from({ length: bytes.byteLength / PAGE_SIZE }, (_, index) => [
      index + 1,
      bytes.subarray(index * PAGE_SIZE, (index + 1) * PAGE_SIZE),
    ]),
  )
}

function setting(owner: Owner, changes: Partial<Setting> = {}): Setting {
  const schema = { otherRoots: new Set<number>() }
  const defaults = { schema, root: ROOT, map: new PageMap(), usable: PAGE_SIZE }
  return { ...defaults, ownerOf: () => owner, otherOverflow: () => new Set(), ...changes }
}

/** Some of the pages of the table. */
function only(...numbers: number[]): Map<number, Uint8Array> {
  const pages = databasePages()
  return new Map(numbers.map((page) => [page, pages.get(page) ?? new Uint8Array()]))
}

describe('judging pages', () => {
  it('names the rows of a leaf of the watched table', () => {
    const { leaves, full } = judge(only(3), setting('watched'))
    assert.equal(full, null)
    assert.deepEqual(leaves, [{ first: 1, last: 13 }])
  })

  it('finds nothing in a leaf of another table, and knows it the next time', () => {
    let asked = 0
    const ownerOf = (): Owner => {
      asked += 1
      return 'other'
    }
    const given = setting('other', { ownerOf })
    for (const _ of [1, 2, 3]) assert.deepEqual(judge(only(3), given).leaves, [])
    assert.equal(asked, 1)
  })

  it('asks again whose a leaf is when an interior page of the watched table was written', () => {
    const map = new PageMap()
    judge(only(3), setting('other', { map }))
    assert.equal(judge(only(2, 3), setting('watched', { map })).leaves.length, 1)
  })

  it('asks for all, and for a second look, when nobody knows a leaf', () => {
    const { leaves, full, fullAgain } = judge(only(3), setting(null))
    assert.equal(full, 'a leaf of unknown owner')
    assert.equal(fullAgain, null)
    assert.deepEqual(leaves, [{ first: 1, last: 13 }])
  })

  it('asks for all when the table has no rows left', () => {
    const empty = new Uint8Array(PAGE_SIZE)
    empty.set([13, 0, 0, 0, 0, 16])
    assert.equal(judge(new Map([[ROOT, empty]]), setting('watched')).full, 'an empty leaf')
  })

  it('asks for all when it does not know a page for what it is', () => {
    const strange = new Uint8Array(PAGE_SIZE).fill(7)
    assert.equal(judge(new Map([[9, strange]]), setting('other')).full, 'a page of unknown type')
    const malformed = new Uint8Array(PAGE_SIZE).fill(255)
    malformed[0] = 13
    assert.equal(judge(new Map([[9, malformed]]), setting('other')).full, 'a malformed page')
  })

  it('asks for all when an overflow page changed that nothing leads to, unless a small table owns it', () => {
    const pages = new Map([[9, new Uint8Array(PAGE_SIZE)]])
    assert.equal(judge(pages, setting('other')).full, 'an overflow page of unknown owner')
    const map = new PageMap()
    assert.equal(judge(pages, setting('other', { map, otherOverflow: () => new Set([9]) })).full, null)
    assert.equal(judge(pages, setting('other', { map })).full, null)
  })
})

describe('the page map', () => {
  it('is a set of pages', () => {
    const step = fc.tuple(fc.nat(100_000), fc.boolean())
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const map = new PageMap()
        const model = new Set<number>()
        for (const [page, other] of steps) {
          if (other) map.setOther(page)
          else map.setUnknown(page)
          if (other) model.add(page)
          else model.delete(page)
        }
        for (const [page] of steps) {
          for (const near of [page - 1, page, page + 1]) assert.equal(map.isOther(near), model.has(near))
        }
      }),
    )
  })
})

describe('ranges around leaves', () => {
  it('reach to the next rows that are none of the leaves, ascend and do not overlap', () => {
    const rows = fc.uniqueArray(fc.integer({ min: -500, max: 500 }), { minLength: 1, maxLength: 60 })
    const parts = fc.array(fc.tuple(fc.nat(59), fc.nat(5)), { minLength: 1, maxLength: 10 })
    fc.assert(
      fc.property(rows, parts, (unsorted, picks) => {
        const sorted = unsorted.toSorted((a, b) => a - b)
        const leaves = picks.map(([start, length]) => {
          const from = start % sorted.length
          const to = Math.min(from + length, sorted.length - 1)
          return { first: sorted[from] ?? 0, last: sorted[to] ?? 0 }
        })
        const ranges = rangesAround(leaves, {
          below: (rowid) => sorted.findLast((each) => each < rowid) ?? null,
          above: (rowid) => sorted.find((each) => each > rowid) ?? null,
        })
        assert.ok(ranges)
        for (let rowid = -502; rowid <= 502; rowid += 1) {
          const inside: number = ranges.filter(({ first, last }) => first <= rowid && rowid <= last).length
          const expected = leaves.some(({ first, last }) => {
            const [before, after] = [
              sorted.findLast((each) => each < first),
              sorted.find((each) => each > last),
            ]
            return rowid > (before ?? -1000) && rowid < (after ?? 1000)
          })
          assert.equal(inside, expected ? 1 : 0, `${rowid}`)
        }
        assert.deepEqual(
          ranges,
          ranges.toSorted((a, b) => a.first - b.first),
        )
      }),
    )
  })
})
