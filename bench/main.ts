import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { describeMachine } from './support/machine.ts'
import { runScenarios } from './support/runner.ts'
import { answerAsScenario, scenarioProcesses } from './support/scenario-process.ts'
import { SCENARIOS } from './support/scenarios.ts'

const NAMES = Object.keys(SCENARIOS)
const USAGE = `usage: npm run bench -- [SCENARIO...] [--json] [--quick]

  SCENARIO  ${NAMES.join(', ')}; none: all of them
  --json    one JSON line for each scenario instead of a table
  --quick   sizes so small that the figures mean nothing: does everything still run?

What is expensive to make is kept in ${cacheFolder()}.`

const progress = (line: string): void => void process.stderr.write(`${line}\n`)

function cacheFolder(): string {
  return join(tmpdir(), 'soundledger-bench-cache')
}

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      /** How this program calls itself for one scenario. */
      one: { type: 'string' },
    },
  })
  const unknown = [...positionals, ...(values.one === undefined ? [] : [values.one])].filter(
    (name) => !Object.hasOwn(SCENARIOS, name),
  )
  if (unknown.length > 0) throw new Error(`no such scenario: ${unknown.join(', ')}`)
  return { ...values, names: positionals.length === 0 ? NAMES : positionals }
}

async function runAll(names: readonly string[], json: boolean, quick: boolean): Promise<number> {
  const machine = describeMachine()
  const runFolder = mkdtempSync(join(tmpdir(), 'soundledger-bench-'))
  const setting = { quick, cacheFolder: cacheFolder() }
  mkdirSync(setting.cacheFolder, { recursive: true })
  const processes = scenarioProcesses(import.meta.filename, runFolder, setting)
  const removeRunFolder = () =>
    rmSync(runFolder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  const interrupted = async (): Promise<void> => {
    await processes.kill()
    removeRunFolder()
    process.exit(130)
  }
  process.once('SIGINT', () => void interrupted())
  process.once('SIGTERM', () => void interrupted())
  try {
    const write = (text: string) => void process.stdout.write(text)
    return await runScenarios({ names, json, machine, measure: processes.measure, write, progress })
  } finally {
    removeRunFolder()
  }
}

async function main(): Promise<number | null> {
  let wanted: ReturnType<typeof readArguments>
  try {
    wanted = readArguments()
  } catch (error) {
    progress(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`)
    return 2
  }
  if (wanted.help) {
    process.stdout.write(`${USAGE}\n`)
    return 0
  }
  const one = wanted.one === undefined ? undefined : SCENARIOS[wanted.one]
  if (one === undefined) return await runAll(wanted.names, wanted.json, wanted.quick)
  await answerAsScenario(one, progress)
  return null
}

const code = await main()
if (code !== null) process.exitCode = code
