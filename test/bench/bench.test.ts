import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { SCENARIOS } from '../../bench/support/scenarios.ts'
import { temporaryFolder } from '../support/audio.ts'

const MAIN = join(import.meta.dirname, '../../bench/main.ts')

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function bench(words: readonly string[], folder = tmpdir()): Promise<Ended> {
  return new Promise((resolve) => {
    const env = { ...process.env, TMPDIR: folder, NODE_TEST_CONTEXT: '' }
    const child = execFile(process.execPath, [MAIN, ...words], { env }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    )
  })
}

describe('npm run bench', () => {
  it('runs every scenario that has a quick size and gives one line for each, of one shape', async (t) => {
    const folder = temporaryFolder(t)
    const quick: string[] = []
    for (const load of Object.values(SCENARIOS)) {
      const scenario = await load()
      if (scenario.hasQuick === true) quick.push(scenario.name)
    }
    const { code, stdout, stderr } = await bench(['--quick', '--json'], folder)
    assert.equal(code, 0, stderr)
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(
      lines.map(({ scenario }) => scenario),
      quick,
    )
    for (const line of lines) {
      assert.deepEqual(Object.keys(line), ['scenario', 'metrics', 'aims', 'machine'])
      assert.ok(Object.keys(line.metrics).length > 0, line.scenario)
      for (const [name, value] of Object.entries(line.metrics)) {
        assert.ok(name.startsWith(`${line.scenario}.`), name)
        assert.ok(Number.isFinite(value), name)
      }
      for (const aim of line.aims) {
        assert.deepEqual(Object.keys(aim), ['metric', 'op', 'value', 'met'])
        assert.ok(aim.metric in line.metrics, aim.metric)
      }
      assert.deepEqual(Object.keys(line.machine), ['cpu', 'cores', 'memoryGb', 'node', 'load'])
    }
    assert.deepEqual(readdirSync(folder), ['soundledger-bench-cache'])
  })

  it('refuses a scenario it does not have, with the ones it has', async () => {
    const { code, stdout, stderr } = await bench(['embed', 'sing'])
    assert.equal(code, 2)
    assert.equal(stdout, '')
    assert.match(stderr, /no such scenario: sing/)
    for (const name of Object.keys(SCENARIOS)) assert.ok(stderr.includes(name), name)
  })

  it('refuses an option it does not have', async () => {
    const { code, stderr } = await bench(['--fast'])
    assert.equal(code, 2)
    assert.match(stderr, /--fast/)
  })

  it('every scenario goes by the name it is listed under', async () => {
    for (const [name, load] of Object.entries(SCENARIOS)) assert.equal((await load()).name, name)
  })
})
