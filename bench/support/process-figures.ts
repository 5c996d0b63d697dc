import { readdirSync, readFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'

/** Linux counts processor time in hundredths of a second, whatever the kernel's own tick is. */
const TICKS_PER_SECOND = 100
const LOOP_RESOLUTION_MS = 5

/** Most memory this process has held, threads included, children not. In MB of 10^6 bytes. */
export function peakRssMb(): number {
  // The process that started this one counts in `resourceUsage` until the program was loaded, but not here.
  if (process.platform === 'linux') {
    const kilobytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
    if (kilobytes !== undefined) return (Number(kilobytes) * 1024) / 1e6
  }
  return (process.resourceUsage().maxRSS * 1024) / 1e6
}

/** Processor time of the whole machine's processes whose parent is this one, by command line; empty where there is no /proc. */
export function childrenCpuSeconds(): Array<{ commandLine: string; cpuSeconds: number }> {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        // The name in parentheses may hold anything; what follows it is: state, parent, ... and 11 and 12 further on, the times.
        const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
        if (Number(fields[1]) !== process.pid) return []
        const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
        return [{ commandLine, cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND }]
      } catch {
        // It ended meanwhile.
        return []
      }
    })
}

/** How late this thread's event loop was between two moments, in ms; a loop that rests shows the resolution of 5 ms. */
export interface LoopDelay {
  stop(): { p99Ms: number; maxMs: number }
}

export function watchLoop(): LoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS })
  histogram.enable()
  return {
    stop() {
      histogram.disable()
      return { p99Ms: histogram.percentile(99) / 1e6, maxMs: histogram.max / 1e6 }
    },
  }
}
