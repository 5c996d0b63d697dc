import { writeSync } from 'node:fs'
import { workerData } from 'node:worker_threads'

/** What the guard thread of an audio child watches. */
export interface GuardLimits {
  readonly parentPid: number
  readonly rssLimitBytes: number
  /** Where the size is written before the process is ended for it. */
  readonly reportDescriptor: number
}

const LOOK_EVERY_MS = 250

/**
 * Ends its process at once when the parent is gone or memory exceeds the limit. A thread of its own, because the main
 * thread spends its time inside native code and can be stuck there.
 */
function guard({ parentPid, rssLimitBytes, reportDescriptor }: GuardLimits): void {
  setInterval(() => {
    const rssBytes = process.memoryUsage.rss()
    if (rssBytes > rssLimitBytes) writeSync(reportDescriptor, `${rssBytes}\n`)
    if (rssBytes > rssLimitBytes || process.ppid !== parentPid) process.kill(process.pid, 'SIGKILL')
  }, LOOK_EVERY_MS)
}

guard(workerData as GuardLimits)
