import { fork } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

export interface PartOptions {
  /** The part and all its children share one core, where there is `taskset`. */
  readonly oneCore?: boolean
}

/**
 * Runs a module that calls `answerPart` in a process of its own, hands it `input` and returns its answer. Rejects when the
 * process ends without one; what it has to say about that is on stderr.
 */
export async function runPart<Input extends object, Output>(
  file: string,
  input: Input,
  { oneCore = false }: PartOptions = {},
): Promise<Output> {
  const pinned = oneCore && canPin()
  const how = pinned ? { execPath: 'taskset', execArgv: ['-c', '0', process.execPath] } : {}
  const child = fork(join(import.meta.dirname, file), [], {
    ...how,
    serialization: 'advanced',
    stdio: ['ignore', 2, 2, 'ipc'],
  })
  let answer: { output: Output } | undefined
  child.on('message', (message: { output: Output }) => {
    answer = message
  })
  child.send(input)
  const [code, signal] = await once(child, 'close')
  if (answer === undefined) throw new Error(`${file} ended with ${signal ?? `exit code ${code}`}`)
  return answer.output
}

/** Whether a process can be tied to one core here. */
export function canPin(): boolean {
  if (process.platform !== 'linux') return false
  return (process.env.PATH ?? '').split(delimiter).some((folder) => isExecutable(join(folder, 'taskset')))
}

/** The other side of `runPart`: works on the one input it gets, answers, and ends with its parent. */
export async function answerPart<Input, Output>(work: (input: Input) => Promise<Output>): Promise<void> {
  process.once('disconnect', () => process.exit(1))
  const [input] = (await once(process, 'message')) as [Input]
  const output = await work(input)
  process.send?.({ output }, () => {
    process.removeAllListeners('disconnect')
    process.disconnect?.()
  })
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
