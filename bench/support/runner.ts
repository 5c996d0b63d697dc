import type { Machine } from './machine.ts'
import type { Measured } from './measured.ts'
import { formatTable } from './table.ts'

export interface RunnerOptions {
  /** The scenarios to run, in this order, by names that exist. */
  readonly names: readonly string[]
  readonly json: boolean
  readonly machine: Machine
  /** Null: the scenario was left out. Rejects when it failed. */
  measure(name: string): Promise<Measured | null>
  /** One piece of the result, with its line end. */
  write(text: string): void
  /** One line of what is going on. */
  progress(text: string): void
}

/**
 * Runs scenarios one after the other and writes a line or a table for each as soon as it is there. Resolves with the exit
 * code: 0 also when aims were missed, 1 when a scenario failed; the others run nevertheless.
 */
export async function runScenarios(options: RunnerOptions): Promise<0 | 1> {
  const { names, json, machine, write, progress } = options
  let failed = false
  for (const name of names) {
    try {
      const measured = await options.measure(name)
      if (measured === null) progress(`${name}: left out, it has no quick size`)
      else if (json) write(`${JSON.stringify({ scenario: name, ...measured, machine })}\n`)
      else write(`${formatTable(name, measured)}\n`)
    } catch (error) {
      failed = true
      progress(`${name} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
    }
  }
  if (!json) write(`${describe(machine)}\n`)
  return failed ? 1 : 0
}

function describe({ cpu, cores, memoryGb, node, load }: Machine): string {
  return `${cpu}, ${cores} cores, ${memoryGb} GB, Node.js ${node}, load ${load} at the start`
}
