import Table from 'cli-table3'
import type { Measured } from './measured.ts'

/** What a scenario found as a table for people. */
export function formatTable(scenario: string, { metrics, aims }: Measured): string {
  const table = new Table({
    head: [scenario, 'figure', 'aim', ''],
    colAligns: ['left', 'right', 'right', 'left'],
    style: { head: [], border: [], compact: true },
  })
  for (const [name, value] of Object.entries(metrics)) {
    const aim = aims.find(({ metric }) => metric === name)
    const wanted = aim === undefined ? '' : `${aim.op} ${aim.value}`
    const verdict = aim === undefined ? '' : aim.met ? 'met' : 'missed'
    table.push([name, value.toLocaleString('en'), wanted, verdict])
  }
  return table.toString()
}
