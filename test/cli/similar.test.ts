import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { planDemo } from '../../tools/demo/library.ts'
import { soundledger } from '../support/cli.ts'

interface Found {
  trackId: string
  name: string
  path: string
  score: number
}

describe('similar, on the demo', () => {
  const folder = mkdtempSync(join(tmpdir(), 'soundledger-demo-'))
  const data = join(folder, 'data')
  const tracks = planDemo(join(folder, 'demo'))

  const similar = async (track: string, ...options: string[]): Promise<Found[]> => {
    const { code, stdout, stderr } = await soundledger([
      'similar',
      track,
      '--json',
      '--data',
      data,
      ...options,
    ])
    assert.equal(code, 0, stderr)
    return JSON.parse(stdout)
  }

  before(async () => {
    const { code, stderr } = await soundledger(['--demo', '--once', '--data', data], { cwd: folder })
    assert.equal(code, 3, stderr)
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('embedded every track that can be played and failed exactly the others', async () => {
    const { stdout } = await soundledger(['status', '--json', '--data', data])
    const { operations, failures } = JSON.parse(stdout)
    const expected = tracks.filter((track) => track.expected === 'failed').map(({ path }) => path)
    assert.deepEqual(failures.map(({ path }: Found) => path).sort(), expected.sort())
    assert.deepEqual(operations, {
      total: tracks.length,
      done: tracks.length - expected.length,
      pending: 0,
      failed: expected.length,
    })
  })

  it('ranks transcoded, quieter and trimmed versions of a piece before all other music', async () => {
    const originals = tracks.filter(({ title }) => tracks.some(({ variantOf }) => variantOf === title))
    assert.ok(originals.length >= 3)
    for (const { path, title } of originals) {
      const variants = tracks.filter(({ variantOf }) => variantOf === title).map((variant) => variant.path)
      assert.ok(variants.length >= 3)
      const found = await similar(path, '-n', String(variants.length + 1))
      const best = found.slice(0, variants.length)
      assert.deepEqual(best.map((each) => each.path).sort(), variants.sort())
      const [last, next] = [best.at(-1), found[variants.length]]
      assert.ok(
        (last?.score ?? 0) > (next?.score ?? 0) + 0.1,
        `${last?.score} is no clear lead over ${next?.score}`,
      )
    }
  })

  it('finds a track by name, by path and by library id, and leaves it out of the answer', async () => {
    const [byPath] = await similar(tracks[0]?.path ?? '', '-n', '1')
    assert.ok(byPath)
    const byId = await similar(byPath.trackId, '-n', '5')
    const byName = await similar(byPath.name.toUpperCase(), '-n', '5')
    assert.deepEqual(byId, byName)
    assert.equal(byId.length, 5)
    assert.ok(!byId.some(({ trackId }) => trackId === byPath.trackId))
    const scores = byId.map(({ score }) => score)
    assert.deepEqual(
      scores,
      scores.toSorted((a, b) => b - a),
    )
  })

  it('says what it expects when there is no such track', async () => {
    const { code, stderr } = await soundledger(['similar', 'Nobody - Nothing', '--data', data])
    assert.equal(code, 1)
    assert.match(stderr, /"Nobody - Nothing".*no track has this id, path or name.*artist - title/)
  })
})
