import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { BatchBuffer } from './batch-buffer.ts'
import { type Calls, InferenceFailure, type Reply, type Request } from './messages.ts'
import { probe, probeWindow } from './probe.ts'
import { classify, Session, supportedBackends } from './session.ts'

/**
 * Entry of the process that computes. Its parent sends one request at a time and waits for the reply. The process ends when its
 * parent does, even in the middle of a run.
 */
const WATCHED_DESCRIPTOR = 4

const sessions = new Map<string, Session>()
const buffer = new BatchBuffer()

async function load(request: Calls['load']['request']): Promise<null> {
  const { key, spec } = request
  if (sessions.has(key)) return null
  const session = await Session.open(request)
  try {
    await session.run(probeWindow(spec), 1)
  } catch (error) {
    await session.release()
    throw error
  }
  sessions.set(key, session)
  return null
}

async function run(request: Calls['run']['request']): Promise<Calls['run']['value']> {
  const session = sessions.get(request.key)
  if (!session) throw new InferenceFailure('transient', `model ${request.key} is not loaded`)
  const { windows } = request
  const started = performance.now()
  const audio = buffer.fill(windows, session.spec.channels, session.spec.windowSamples)
  const filled = performance.now()
  const vectors = await session.run(audio, windows.length)
  return { vectors, readMilliseconds: filled - started, runMilliseconds: performance.now() - filled }
}

async function release(key: string): Promise<null> {
  const session = sessions.get(key)
  sessions.delete(key)
  if (sessions.size === 0) buffer.clear()
  await session?.release()
  return null
}

async function answer(message: Request): Promise<unknown> {
  switch (message.name) {
    case 'backends':
      return supportedBackends()
    case 'load':
      return await load(message.request)
    case 'probe':
      return await probe(message.request)
    case 'run':
      return await run(message.request)
    case 'release':
      return await release(message.request.key)
  }
}

async function reply(message: Request): Promise<void> {
  let result: Reply
  try {
    result = { ok: true, value: await answer(message) }
  } catch (error) {
    const { kind, message: text, hint } = classify(error)
    result = { ok: false, kind, message: text, ...(hint === undefined ? {} : { hint }) }
  }
  process.send?.(result)
}

process.on('message', (message: Request) => void reply(message))
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
if (process.platform !== 'win32') {
  const watch = new URL(`./parent-watch${extname(import.meta.url)}`, import.meta.url)
  new Worker(watch, { workerData: WATCHED_DESCRIPTOR, execArgv: [] }).unref()
}
