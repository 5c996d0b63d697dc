import { utimesSync } from 'node:fs'
import type { Fault } from './messages.ts'

/** What an honest child never does, done on purpose so that the pool's answer to it can be tested. */
export function causeFault(fault: Fault, path: string): void {
  switch (fault) {
    case 'hang':
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
      break
    case 'crash':
      process.kill(process.pid, 'SIGSEGV')
      break
    case 'leak':
      leak()
      break
    case 'touch':
      utimesSync(path, 1, 1)
      break
    case 'exit':
      process.exit(3)
  }
}

function leak(): never {
  const kept: Buffer[] = []
  for (;;) {
    kept.push(Buffer.alloc(16 * 1024 * 1024, kept.length + 1))
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
  }
}
