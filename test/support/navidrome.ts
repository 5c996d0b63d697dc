import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { NavidromeVersion, WriterCommands, WriterReply } from './navidrome-commands.ts'

export type { NavidromeVersion, TrackInput } from './navidrome-commands.ts'

/** Every command of the writer process as an async function; each is done (committed) when its promise resolves. */
export type NavidromeWriter = {
  readonly [Name in keyof WriterCommands]: (
    ...args: Parameters<WriterCommands[Name]>
  ) => Promise<Awaited<ReturnType<WriterCommands[Name]>>>
} & {
  readonly database: string
  readonly pid: number
  /** Closes the database as a server that is stopped does, and waits for the process to end. May be called twice. */
  close(): Promise<void>
  /** Kills the process: -wal and -shm stay behind. */
  kill(): Promise<void>
}

interface Pending {
  resolve(value: unknown): void
  reject(error: Error): void
}

/**
 * Starts a process that creates `database` with the tables of a Navidrome version (or opens it when `version` is
 * `'existing'`), in WAL mode, and writes to it on command, as the server would.
 */
export async function startNavidromeWriter(
  database: string,
  version: NavidromeVersion | 'existing' = '0.64',
): Promise<NavidromeWriter> {
  const child = fork(new URL('./navidrome-writer.ts', import.meta.url), [], { serialization: 'advanced' })
  const call = caller(child)
  const ended = once(child, 'exit')
  const end = async (): Promise<void> => {
    await ended
  }
  const named: object = {
    database,
    pid: child.pid,
    close: async () => {
      if (child.connected) child.disconnect()
      await end()
    },
    kill: async () => {
      child.kill('SIGKILL')
      await end()
    },
  }
  const writer = new Proxy(named, {
    get(target, name) {
      // A promise resolved with the writer asks whether it is a thenable.
      if (name in target || name === 'then' || typeof name !== 'string') return Reflect.get(target, name)
      return (...args: unknown[]) => call(name, args)
    },
  }) as NavidromeWriter
  try {
    await writer.open(database, version)
  } catch (error) {
    await writer.close()
    throw error
  }
  return writer
}

function caller(child: ChildProcess): (name: string, args: unknown[]) => Promise<unknown> {
  const pending = new Map<number, Pending>()
  let lastCall = 0
  child.on('message', (reply: WriterReply) => {
    const waiting = pending.get(reply.call)
    pending.delete(reply.call)
    if (reply.error === undefined) waiting?.resolve(reply.result)
    else waiting?.reject(Object.assign(new Error(reply.error.message), { code: reply.error.code }))
  })
  child.on('exit', (code, signal) => {
    for (const waiting of pending.values()) waiting.reject(new Error(`the writer ended: ${signal ?? code}`))
    pending.clear()
  })
  return (name, args) => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    lastCall += 1
    pending.set(lastCall, { resolve, reject })
    child.send({ call: lastCall, name, args }, (error) => {
      if (error !== null) reject(error)
    })
    return promise
  }
}
