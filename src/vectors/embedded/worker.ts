import { parentPort, workerData } from 'node:worker_threads'
import { toWire, type WireError } from '../../core/errors.ts'
import { type EmbeddedEngine, openEngine } from './engine.ts'
import { classify } from './failure.ts'
import type { Arguments, Method, Request, Response, WorkerOptions } from './protocol.ts'

/** The worker thread: opens the file, then answers one request after the other until it is told to close. */

function call<M extends Method>(engine: EmbeddedEngine, method: M, args: Arguments<M>): unknown {
  const run = engine[method] as (...args: Arguments<M>) => unknown
  return run(...args)
}

const operations: Record<Method, string> = {
  ensure: 'ensure collection',
  collections: 'list collections',
  switchAlias: 'switch alias',
  drop: 'drop collection',
  replace: 'replace vectors',
  remove: 'remove tracks',
  update: 'update attributes',
  search: 'search',
  get: 'get track',
  stored: 'look up tracks',
  count: 'count',
  page: 'list tracks',
  close: 'close vector database',
}

/** SQLite's code decides the class; then only what crosses threads is kept. */
function failed(error: unknown, operation: string, subject: string): WireError {
  return toWire(classify(error, operation, subject), operation, subject)
}

function answer(engine: EmbeddedEngine, file: string, { id, method, args }: Request): Response {
  try {
    return { id, ok: true, value: call(engine, method, args) }
  } catch (error) {
    const [first] = args
    const subject = typeof first === 'string' ? first : file
    return { id, ok: false, error: failed(error, operations[method], subject) }
  }
}

function serve(port: NonNullable<typeof parentPort>, { file, readOnly }: WorkerOptions): void {
  let engine: EmbeddedEngine
  try {
    engine = openEngine(file, readOnly)
  } catch (error) {
    const wire = failed(error, 'open vector database', file)
    port.postMessage({ id: 0, ok: false, error: wire } satisfies Response)
    return
  }
  port.on('message', (request: Request) => {
    port.postMessage(answer(engine, file, request))
    if (request.method === 'close') port.close()
  })
  port.postMessage({ id: 0, ok: true, value: null } satisfies Response)
}

if (parentPort !== null) serve(parentPort, workerData as WorkerOptions)
