import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Gathering, type Measured } from '../../bench/support/measured.ts'
import { runScenarios } from '../../bench/support/runner.ts'

const machine = { cpu: 'abacus', cores: 1, memoryGb: 1, node: 'v24.0.0', load: 0 }

function gathered(metrics: Record<string, number>, aim?: readonly ['<=' | '>=', number]): Measured {
  const report = new Gathering(() => {})
  for (const [name, value] of Object.entries(metrics)) report.metric(name, value)
  if (aim !== undefined) report.aim('speed', ...aim)
  return report.measured()
}

async function run(results: Record<string, Measured | Error | null>, json = true) {
  const written: string[] = []
  const said: string[] = []
  const code = await runScenarios({
    names: Object.keys(results),
    json,
    machine,
    measure: async (name) => {
      const result = results[name] ?? null
      if (result instanceof Error) throw result
      return result
    },
    write: (text) => void written.push(text),
    progress: (text) => void said.push(text),
  })
  return { code, written, said }
}

describe('runScenarios', () => {
  it('a missed aim is told and fails nothing', async () => {
    const { code, written } = await run({ slow: gathered({ speed: 2 }, ['>=', 3]) })
    assert.equal(code, 0)
    assert.deepEqual(JSON.parse(written[0] ?? ''), {
      scenario: 'slow',
      metrics: { speed: 2 },
      aims: [{ metric: 'speed', op: '>=', value: 3, met: false }],
      machine,
    })
  })

  it('a scenario that fails keeps none of the others from running, and the run ends with 1', async () => {
    const { code, written, said } = await run({
      broken: new Error('no disk'),
      fine: gathered({ speed: 1 }),
    })
    assert.equal(code, 1)
    assert.deepEqual(
      written.map((line) => JSON.parse(line).scenario),
      ['fine'],
    )
    assert.match(said.join('\n'), /broken failed: .*no disk/)
  })

  it('a scenario that was left out has no line', async () => {
    const { code, written, said } = await run({ huge: null })
    assert.equal(code, 0)
    assert.deepEqual(written, [])
    assert.match(said.join('\n'), /huge: left out/)
  })

  it('a table shows each figure beside its aim', async () => {
    const { written } = await run({ slow: gathered({ speed: 2, size: 7 }, ['>=', 3]) }, false)
    assert.match(written[0] ?? '', /speed.*2.*>= 3.*missed/)
    assert.match(written[0] ?? '', /size.*7/)
    assert.match(written.at(-1) ?? '', /abacus/)
  })
})

describe('Gathering', () => {
  it('takes the aim itself for met', () => {
    assert.equal(gathered({ speed: 3 }, ['<=', 3]).aims[0]?.met, true)
    assert.equal(gathered({ speed: 3 }, ['>=', 3]).aims[0]?.met, true)
  })

  it('refuses a figure that is no number, and an aim for a figure nobody took', () => {
    assert.throws(() => gathered({ speed: Number.NaN }), /speed is NaN/)
    assert.throws(() => gathered({ size: 1 }, ['<=', 3]), /speed, which was not measured/)
  })

  it('rounds figures to four digits', () => {
    assert.deepEqual(gathered({ a: 123_456, b: 0.123456 }).metrics, { a: 123_500, b: 0.1235 })
  })
})
