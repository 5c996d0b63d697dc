import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { displayName, publicId } from '../../src/core/track.ts'
import { type Ledger, openLedger } from '../../src/ledger/ledger.ts'
import { Bench, MODEL, type Song, World } from '../support/world.ts'

/** Memory, where there is such a folder: thousands of ledgers are opened here. */
const SCRATCH = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

type Step = { kind: StepKind; pick: number; folder: number }
type StepKind = keyof typeof STEPS

/** What can happen to a library; each returns whether any sound changed or came. */
const STEPS = {
  add: (world: World, _song: Song | undefined, folder: string) => {
    world.add(folder)
    return true
  },
  retag: (world: World, song: Song | undefined) => {
    if (song) Object.assign(song, { title: `${song.title}'`, mtime: world.later(), size: song.size + 7 })
    return false
  },
  'rename in the database only': (_world: World, song: Song | undefined) => {
    if (song) song.title = `${song.title}*`
    return false
  },
  'replace audio': (world: World, song: Song | undefined) => {
    if (song) Object.assign(song, { sound: world.freshSound(), mtime: world.later(), size: song.size + 100 })
    return song !== undefined
  },
  'replace audio, older mtime, same size': (world: World, song: Song | undefined) => {
    if (song) Object.assign(song, { sound: world.freshSound(), mtime: song.mtime - 5_000_000_000n })
    return song !== undefined
  },
  move: (_world: World, song: Song | undefined, folder: string) => {
    if (song) song.path = song.path.replace(/^\/music\/[^/]+\//, `/music/${folder}/moved-`)
    return false
  },
  'move under a new id': (world: World, song: Song | undefined, folder: string) => {
    if (song) Object.assign(song, { id: world.freshId(), path: `/music/${folder}/${song.id}-renamed.flac` })
    return false
  },
  'rename folder': (world: World, _song: Song | undefined, folder: string) => {
    for (const song of world.alive()) song.path = song.path.replace(`/music/${folder}/`, `/music/${folder}x/`)
    return false
  },
  delete: (_world: World, song: Song | undefined) => {
    if (song) song.alive = false
    return false
  },
  reappear: (world: World) => {
    const gone = world.songs.filter(
      ({ alive, path }) => !alive && !world.alive().some((each) => each.path === path),
    )
    const [song] = gone
    if (song) song.alive = true
    return false
  },
  'rewrite all ids': (world: World) => {
    for (const song of world.songs) song.id = world.freshId()
    return false
  },
  'full scan': () => false,
  copy: (world: World, song: Song | undefined, folder: string) => {
    if (song) world.add(folder, song.sound)
    return false
  },
  'rebuild the table': (world: World) => {
    world.songs.forEach((song, n) => {
      song.rowid = world.songs.length - n
    })
    return false
  },
  'purge missing rows': (world: World) => {
    world.keepsMissingRows = false
    return false
  },
} as const

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(...(Object.keys(STEPS) as StepKind[])),
  pick: fc.nat(50),
  folder: fc.nat(2),
})

async function withLedger(body: (ledger: Ledger) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(SCRATCH, 'soundledger-history-'))
  const ledger = openLedger(join(folder, 'ledger.db'), { retry: { delaysMs: [1000] } })
  try {
    await ledger.models.enable([MODEL], 0, async () => {})
    await body(ledger)
  } finally {
    ledger.close()
    rmSync(folder, { recursive: true })
  }
}

function perform(world: World, { kind, pick, folder }: Step): boolean {
  const alive = world.alive()
  return STEPS[kind](world, alive[pick % Math.max(1, alive.length)], `folder${folder}`)
}

/** I1: the store holds exactly one right, visible row for each song that is there, and no row without a track. */
function assertConverged(world: World, ledger: Ledger, bench: Bench): void {
  const { present } = ledger.report.tracks()
  assert.equal(present, world.alive().length, 'present tracks')
  const visible = [...bench.rows.values()].filter(({ available }) => available)
  assert.equal(visible.length, present, 'visible rows')
  for (const song of world.alive()) {
    const [track, ...others] = ledger.lookups.byPath(song.path).filter(({ state }) => state === 'present')
    assert.ok(track, `no track at ${song.path}`)
    assert.equal(others.length, 0, `several tracks at ${song.path}`)
    const row = bench.rows.get(track.key)
    assert.equal(row?.fingerprint, `sound ${song.sound}`)
    assert.deepEqual([...(row?.segments[0]?.embedding ?? [])], [song.sound])
    assert.equal(row?.trackId, world.kind === 'folders' ? publicId(track) : song.id)
    assert.equal(row?.name, displayName({ ...track.attributes, title: track.attributes.title }))
    if (world.kind === 'navidrome') assert.equal(row?.name, `A - ${song.title}`)
  }
  assert.equal(bench.rows.size, ledger.report.tracks().total, 'rows without a track')
}

for (const kind of ['navidrome', 'folders'] as const) {
  describe(`histories of a library (${kind})`, () => {
    it('I1 I3: after any history the store is right, and only new sounds were embedded', async () => {
      const property = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) =>
        withLedger(async (ledger) => {
          const world = new World(kind)
          const bench = new Bench(world, ledger)
          for (const folder of ['folder0', 'folder0', 'folder1', 'folder2']) world.add(folder)
          await bench.converge()
          assert.equal(bench.computed.length, 4)
          for (const each of steps) {
            const before = bench.computed.length
            const soundChanged = perform(world, each)
            await bench.converge()
            assertConverged(world, ledger, bench)
            assert.ok(
              bench.computed.length - before <= (soundChanged ? 1 : 0),
              `${each.kind} computed an embedding`,
            )
          }
        }),
      )
      await fc.assert(property, { numRuns: 600 })
    })

    it('I1: steps that happen between two passes are taken in together', async () => {
      const property = fc.asyncProperty(
        fc.array(fc.array(step, { maxLength: 6 }), { maxLength: 6 }),
        async (bursts) =>
          withLedger(async (ledger) => {
            const world = new World(kind)
            const bench = new Bench(world, ledger)
            for (const folder of ['folder0', 'folder1', 'folder2']) world.add(folder)
            for (const burst of bursts) {
              for (const each of burst) perform(world, each)
              await bench.converge()
              assertConverged(world, ledger, bench)
            }
          }),
      )
      await fc.assert(property, { numRuns: 400 })
    })
  })
}

describe('histories of a table', () => {
  it('I1 I3: comparing only the rows that changed leads where a full comparison leads', async () => {
    const property = fc.asyncProperty(
      fc.array(fc.array(step, { maxLength: 3 }), { maxLength: 15 }),
      async (bursts) =>
        withLedger(async (ledger) => {
          const world = new World('navidrome')
          const bench = new Bench(world, ledger)
          for (const folder of ['folder0', 'folder0', 'folder1', 'folder2']) world.add(folder)
          await bench.converge()
          for (const burst of bursts) {
            for (const each of burst) perform(world, each)
            await bench.hintedPass()
            await bench.work()
            assertConverged(world, ledger, bench)
          }
        }),
    )
    await fc.assert(property, { numRuns: 600 })
  })
})

describe('identity', () => {
  it('keeps the track key through retag, move, id rewrite and return', async () =>
    withLedger(async (ledger) => {
      const world = new World('navidrome')
      const bench = new Bench(world, ledger)
      const song = world.add('folder0')
      await bench.converge()
      const [key] = bench.rows.keys()
      for (const kind of [
        'retag',
        'move',
        'rewrite all ids',
        'move under a new id',
        'delete',
        'reappear',
      ] as const) {
        perform(world, { kind, pick: 0, folder: 1 })
        await bench.converge()
        assert.deepEqual([...bench.rows.keys()], [key], kind)
      }
      assert.deepEqual(bench.computed, [song.sound])
    }))

  it('computes nothing when a server rewrites all ids of a library', async () =>
    withLedger(async (ledger) => {
      const world = new World('navidrome')
      const bench = new Bench(world, ledger)
      for (let n = 0; n < 50; n += 1) world.add('folder0')
      await bench.converge()
      const fingerprinted = ledger.report.lifetime().fingerprinted
      perform(world, { kind: 'rewrite all ids', pick: 0, folder: 0 })
      await bench.converge()
      assertConverged(world, ledger, bench)
      assert.equal(bench.computed.length, 50)
      assert.equal(ledger.report.lifetime().fingerprinted, fingerprinted)
    }))
})
