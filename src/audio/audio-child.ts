import { type ChildProcess, fork } from 'node:child_process'
import { extname } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { type Answer, REPORT_DESCRIPTOR, type Request } from './messages.ts'

export interface ChildLimits {
  readonly rssLimitBytes: number
  readonly faults: boolean
}

/** How a child ended. */
export interface ChildExit {
  readonly pid: number
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** What the memory guard measured when it ended the child; null when it did not. */
  readonly rssBytes: number | null
  /** The end of what the child wrote to stderr. */
  readonly stderr: string
}

/** Environment that Node and its libraries need; nothing else, so no secret, reaches a child. */
const ENVIRONMENT = [
  'PATH',
  'LANG',
  'LC_ALL',
  'TZ',
  'TMPDIR',
  'LD_LIBRARY_PATH',
  'DYLD_LIBRARY_PATH',
  'SystemRoot',
  'NODE_V8_COVERAGE',
]
const STDERR_KEPT = 2000

/** One child process. Sends requests, hands on answers, and reports its end exactly once. */
export class AudioChild {
  readonly #process: ChildProcess
  readonly exited: Promise<ChildExit>

  constructor(limits: ChildLimits, onAnswer: (answer: Answer) => void) {
    const entry = fileURLToPath(new URL(`./child${extname(import.meta.filename)}`, import.meta.url))
    const environment = Object.fromEntries(
      ENVIRONMENT.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
    )
    const args = [String(process.pid), String(limits.rssLimitBytes), ...(limits.faults ? ['--faults'] : [])]
    this.#process = fork(entry, args, {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc', 'pipe'],
      env: environment,
      execArgv: [],
    })
    this.#process.on('message', (message) => onAnswer(message as Answer))
    this.exited = this.#end()
  }

  /** Undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#process.pid
  }

  /** A request that cannot be delivered ends the child, which then reports it. */
  send(request: Request): void {
    this.#process.send(request, (error) => {
      if (error !== null) this.kill()
    })
  }

  kill(): void {
    this.#process.kill('SIGKILL')
  }

  #end(): Promise<ChildExit> {
    const child = this.#process
    const stderr = tail(child.stderr)
    const report = tail(child.stdio[REPORT_DESCRIPTOR] as Readable | null | undefined)
    return new Promise((resolve) => {
      const settle = (code: number | null, signal: NodeJS.Signals | null): void => {
        const rssBytes = report.text === '' ? null : Number.parseInt(report.text, 10)
        resolve({ pid: child.pid ?? 0, code, signal, rssBytes, stderr: stderr.text.trim() })
      }
      child.on('close', settle)
      child.on('error', (error) => {
        stderr.text += error.message
        // Without a process there is no 'close'.
        if (child.pid === undefined) settle(null, null)
      })
    })
  }
}

function tail(stream: Readable | null | undefined): { text: string } {
  const kept = { text: '' }
  stream?.setEncoding('utf8').on('data', (chunk: string) => {
    kept.text = (kept.text + chunk).slice(-STDERR_KEPT)
  })
  return kept
}
