import { MultiBar, type SingleBar } from 'cli-progress'
import type { Config } from '../config.ts'
import { createLogger, type Logger } from '../telemetry/log.ts'
import type { CommandContext } from './context.ts'

export interface Progress {
  update(done: number, total: number, tracks: number): void
  stop(): void
}

/** Log and progress share the terminal: lines are written above the bar. Everything goes to stderr. */
export interface Output {
  readonly log: Logger
  readonly progress: Progress
}

/** cli-progress gives words until it can tell. */
function timeLeft(seconds: number | string): string {
  if (typeof seconds !== 'number' || !Number.isFinite(seconds)) return 'unknown time'
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)]
  return hours > 0
    ? `${hours} h ${minutes} min`
    : minutes > 0
      ? `${minutes} min ${seconds % 60} s`
      : `${seconds} s`
}

const BAR = '{bar} {percentage}% | {value}/{total} operations | {tracks} tracks | {eta_formatted} left'

export function createOutput(config: Config, context: CommandContext): Output {
  const { stderr } = context
  const terminal = stderr.isTTY === true
  const bars = terminal
    ? new MultiBar({
        format: BAR,
        stream: stderr,
        hideCursor: true,
        clearOnComplete: true,
        etaBuffer: 50,
        formatTime: timeLeft,
      })
    : null
  let bar: SingleBar | null = null
  const format = config.log.format === 'auto' ? (terminal ? 'pretty' : 'json') : config.log.format
  const log = createLogger({
    level: config.log.level,
    format,
    colour: terminal && (context.environment.NO_COLOR ?? '') === '',
    write: (line) => {
      if (bars !== null && bar !== null) bars.log(line)
      else stderr.write(line)
    },
  })
  return {
    log,
    progress: {
      update(done, total, tracks) {
        if (bars === null) return
        bar ??= bars.create(total, done, { tracks })
        bar.setTotal(total)
        bar.update(done, { tracks })
      },
      stop() {
        if (bars === null || bar === null) return
        bars.update()
        bars.stop()
        bar = null
      },
    },
  }
}
