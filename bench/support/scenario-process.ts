import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Scenario, Setting } from '../scenario.ts'
import { Gathering, type Measured } from './measured.ts'

/** stdout belongs to the results: whatever a scenario or its children print goes to stderr. */
const STDIO: Array<number | 'ignore' | 'ipc'> = ['ignore', 2, 2, 'ipc']

export interface ScenarioProcesses {
  /** Runs one scenario in a process of its own; null when it has no quick size and that was asked for. */
  measure(name: string): Promise<Measured | null>
  /** Kills the one that runs, if any, and waits until it is gone. */
  kill(): Promise<void>
}

/** `entry` is a module that calls `answerAsScenario` when its arguments begin with `--one NAME`. */
export function scenarioProcesses(entry: string, runFolder: string, setting: Setting): ScenarioProcesses {
  let child: ChildProcess | null = null
  return {
    async measure(name) {
      const env = { ...process.env, TMPDIR: runFolder, TEMP: runFolder, TMP: runFolder }
      const running = fork(entry, ['--one', name], { env, stdio: STDIO })
      child = running
      running.send(setting)
      let measured: Measured | null | undefined
      running.on('message', (message: { measured: Measured | null }) => {
        measured = message.measured
      })
      const [code, signal] = await once(running, 'close')
      child = null
      if (measured !== undefined) return measured
      throw new Error(`its process ended with ${signal ?? `exit code ${code}`} before it had a result`)
    },
    async kill() {
      if (child === null) return
      const gone = once(child, 'close')
      child.kill('SIGKILL')
      await gone
    },
  }
}

/** The other side: runs the scenario, tells the parent what it measured, and ends with it. */
export async function answerAsScenario(
  load: () => Promise<Scenario>,
  progress: (line: string) => void,
): Promise<void> {
  const [setting] = (await once(process, 'message')) as [Setting]
  process.once('disconnect', () => process.exit(1))
  const scenario = await load()
  let measured: Measured | null = null
  if (!setting.quick || scenario.hasQuick === true) {
    const report = new Gathering((name, value) => progress(`${name}: ${value}`))
    await scenario.run(report, setting)
    measured = report.measured()
  }
  process.send?.({ measured }, () => {
    process.removeAllListeners('disconnect')
    process.disconnect?.()
  })
}
