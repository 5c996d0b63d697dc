import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export const ROOT = join(import.meta.dirname, '../..')
const MAIN = join(ROOT, 'src/main.ts')

export interface Finished {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A temporary folder that is gone when the test is over. */
export function temporaryFolder(context: { after(fn: () => void): void }, name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `soundledger-${name}-`))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Without what makes a start take longer: probing for a GPU, and waiting for files that were only just written. */
const QUICK = { SOUNDLEDGER_EXECUTION_PROVIDER: 'cpu', SOUNDLEDGER_LIBRARY_SETTLE_SECONDS: '0' }

/** The environment of a stranger: nothing of soundledger's set but the provider, which would be probed for at every start. */
function cleanEnvironment(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  const environment = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('SOUNDLEDGER_')),
  )
  return { ...environment, NODE_TEST_CONTEXT: '', ...QUICK, ...extra }
}

export interface RunOptions {
  readonly cwd?: string
  readonly environment?: Record<string, string>
}

/** Runs `soundledger <words>` to its end. */
export async function soundledger(words: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return new Soundledger(words, options).finished
}

/** A `soundledger` that is running: its log lines can be awaited, and it can be killed. */
export class Soundledger {
  readonly process: ChildProcess
  readonly finished: Promise<Finished>
  readonly lines: string[] = []
  #stdout = ''
  #stderr = ''
  readonly #waiting = new Set<{ matches(line: string): boolean; resolve(line: string): void }>()

  constructor(words: readonly string[], { cwd = ROOT, environment = {} }: RunOptions = {}) {
    this.process = spawn(process.execPath, [MAIN, ...words], {
      cwd,
      env: cleanEnvironment(environment),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.process.stdout?.on('data', (data) => {
      this.#stdout += data
    })
    if (this.process.stderr === null) throw new Error('no stderr')
    createInterface({ input: this.process.stderr }).on('line', (line) => this.#line(line))
    this.finished = once(this.process, 'close').then(([code, signal]) => ({
      code,
      signal,
      stdout: this.#stdout,
      stderr: this.#stderr,
    }))
  }

  /** The next log line (JSON) whose message contains `text`, or the first one that already did. */
  async logged(text: string, after = 0): Promise<string> {
    const matches = (line: string): boolean => line.includes(text)
    const seen = this.lines.slice(after).find(matches)
    if (seen !== undefined) return seen
    const line = new Promise<string>((resolve) => this.#waiting.add({ matches, resolve }))
    const ended = this.finished.then(({ stderr }) => {
      throw new Error(`ended before it said ${JSON.stringify(text)}:\n${stderr}`)
    })
    return Promise.race([line, ended])
  }

  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<Finished> {
    this.process.kill(signal)
    return this.finished
  }

  #line(line: string): void {
    this.lines.push(line)
    this.#stderr += `${line}\n`
    for (const each of this.#waiting) {
      if (!each.matches(line)) continue
      this.#waiting.delete(each)
      each.resolve(line)
    }
  }
}

export interface Summary {
  converged: boolean
  tracks: { total: number; present: number; missing: number; failed: number; held: number }
  operations: { total: number; done: number; pending: number; failed: number }
  run: Record<
    'fingerprinted' | 'decoded' | 'embedded' | 'reused' | 'attributesUpdated' | 'removed' | 'failed',
    number
  >
  durationMs: number
}

/** `watch --once --json` on these folders or this database; throws unless it converged. */
export async function converge(
  words: readonly string[],
  dataDir: string,
  options: RunOptions = {},
): Promise<Summary> {
  const { code, stdout, stderr } = await soundledger(
    ['watch', '--once', '--json', '--data', dataDir, ...words],
    options,
  )
  if (code !== 0 && code !== 3) throw new Error(`exit code ${code}\n${stderr}`)
  return JSON.parse(stdout)
}
