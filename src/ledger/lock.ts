import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { errorCode, TransientError } from '../core/errors.ts'

const LOCK_FILE = 'daemon.lock'
const PID_FILE = 'daemon.pid'

/**
 * Makes this process the only daemon of a data directory until `release`, or until it dies, however it dies: an exclusive
 * SQLite transaction is held open, and the kernel drops its lock with the process. Throws TransientError naming the pid of
 * the daemon that has it.
 */
export function lockDataDir(dataDir: string): { release(): void } {
  const file = join(dataDir, LOCK_FILE)
  const pidFile = join(dataDir, PID_FILE)
  const db = new Database(file, { timeout: 200 })
  try {
    db.exec('begin exclusive')
  } catch (error) {
    db.close()
    if (errorCode(error) !== 'SQLITE_BUSY') throw error
    throw new TransientError({
      operation: 'lock data directory',
      subject: dataDir,
      message: `another soundledger (pid ${readPid(pidFile) ?? 'unknown'}) is running on it`,
      hint: 'stop it first, or give this one a data directory of its own with --data',
    })
  }
  writeFileSync(pidFile, `${process.pid}\n`)
  return {
    release() {
      if (!db.open) return
      rmSync(pidFile, { force: true })
      db.close()
    },
  }
}

function readPid(pidFile: string): string | null {
  try {
    return readFileSync(pidFile, 'utf8').trim()
  } catch {
    // The other daemon is just starting or ending.
    return null
  }
}
