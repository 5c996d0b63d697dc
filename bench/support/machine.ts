import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'

/** Where figures were taken; nothing in it names the machine. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGb: number
  readonly node: string
  /** Processes that wanted to run, over the last minute, before the bench began: above `cores`, times are too long. */
  readonly load: number
}

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: Number((totalmem() / 2 ** 30).toFixed(1)),
    node: process.version,
    load: Number((loadavg()[0] ?? 0).toFixed(2)),
  }
}
