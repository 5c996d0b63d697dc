import { type ChildProcess, fork } from 'node:child_process'
import { extname } from 'node:path'
import { type CallName, type Calls, InferenceFailure, type Reply } from './messages.ts'

const DEFAULT_ENTRY = new URL(`./inference-child${extname(import.meta.url)}`, import.meta.url)
const TAIL_CHARACTERS = 2000
const COLOURS = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g')

interface Waiting {
  resolve(value: unknown): void
  reject(failure: InferenceFailure): void
}

/**
 * A child process that computes, as its owner sees it. States: alive -> ended, never back. At most one call is waiting; it is
 * settled by a reply, by its timeout (which kills) or by the end of the process, whichever is first.
 */
export class InferenceProcess {
  readonly #child: ChildProcess
  /** Fulfilled when the process is gone and its pipes are closed, with the way it went. */
  readonly ended: Promise<string>
  #alive = true
  #waiting: Waiting | null = null
  #killedBecause: string | null = null
  #stderr = ''

  /** Forks at once. `entry` is another file only in tests. The owner must `kill` it in the end. */
  constructor(entry: URL = DEFAULT_ENTRY) {
    this.#child = fork(entry, [], {
      serialization: 'advanced',
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc', 'pipe'],
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text.replaceAll(COLOURS, '')).slice(-TAIL_CHARACTERS)
    })
    this.#child.on('message', (reply: Reply) => this.#settle(reply))
    this.ended = new Promise((resolve) => {
      this.#child.on('error', (error) => resolve(this.#end(`could not be started: ${error.message}`)))
      this.#child.once('close', (code, signal) => resolve(this.#end(this.#farewell(code, signal))))
    })
  }

  /** Undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid
  }

  /** False as soon as it is known to go, so that no call is sent to a process that is dying. */
  get alive(): boolean {
    return this.#alive && this.#killedBecause === null && this.#child.connected
  }

  /**
   * Asks and waits for the answer. A process that does not answer within `timeoutMs` is killed, since it cannot be
   * interrupted otherwise.
   * @throws InferenceFailure of the kind the child reports, or `lost`.
   */
  async call<Name extends CallName>(
    name: Name,
    request: Calls[Name]['request'],
    timeoutMs: number,
  ): Promise<Calls[Name]['value']> {
    if (this.#waiting) throw new Error('an inference process takes one call at a time')
    if (!this.alive) throw new InferenceFailure('lost', await this.ended)
    const timer = setTimeout(() => void this.kill(`it did not answer within ${timeoutMs} ms`), timeoutMs)
    try {
      const value = await new Promise((resolve, reject) => {
        this.#waiting = { resolve, reject }
        // A failed send means that the process is going; its end says more than this error.
        this.#child.send({ name, request }, () => undefined)
      })
      return value as Calls[Name]['value']
    } finally {
      clearTimeout(timer)
    }
  }

  /** Ends the process; fulfilled when it is gone. May be called again; the first reason counts. */
  async kill(because: string): Promise<void> {
    this.#killedBecause ??= because
    this.#child.kill('SIGKILL')
    await this.ended
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting
    this.#waiting = null
    if (reply.ok) waiting?.resolve(reply.value)
    else waiting?.reject(new InferenceFailure(reply.kind, reply.message, reply.hint))
  }

  #end(story: string): string {
    this.#alive = false
    this.#settle({ ok: false, kind: 'lost', message: story })
    return story
  }

  #farewell(code: number | null, signal: string | null): string {
    if (this.#killedBecause !== null) return this.#killedBecause
    const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`
    const last = this.#stderr.trim().split('\n').at(-1) ?? ''
    return last === '' ? `the process ${how}` : `the process ${how}: ${last}`
  }
}
