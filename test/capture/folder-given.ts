import { type ChildProcess, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import type { FolderCause } from '../../src/capture/folder-session.ts'
import { type FolderWatcherOptions, watchFolders } from '../../src/capture/folder-watcher.ts'

const MEMORY = '/dev/shm'

/** An empty folder, in memory where there is such a place, that is gone after the test; anyone may enter it. */
export function temporaryFolder(t: TestContext): string {
  const parent = existsSync(MEMORY) ? MEMORY : tmpdir()
  const folder = realpathSync(mkdtempSync(join(parent, 'soundledger-capture-')))
  chmodSync(folder, 0o755)
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export function write(folder: string, name: string, content = name): string {
  const path = join(folder, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
  return path
}

/** Things that happen one after the other, to be awaited. */
export class Happenings<Happening> {
  readonly all: Happening[] = []
  readonly #waiting = new Set<(happening: Happening) => void>()

  readonly add = (happening: Happening): void => {
    this.all.push(happening)
    for (const see of [...this.#waiting]) see(happening)
  }

  /** The next one from now on for which `matches` holds; it is asked in the moment something happens. */
  next(matches: (happening: Happening) => boolean = () => true): Promise<Happening> {
    return new Promise((resolve) => {
      const see = (happening: Happening): void => {
        if (!matches(happening)) return
        this.#waiting.delete(see)
        resolve(happening)
      }
      this.#waiting.add(see)
    })
  }
}

export interface Watching {
  readonly wakes: Happenings<FolderCause>
  readonly errors: Happenings<string>
  readonly children: ChildProcess[]
  close(): Promise<void>
}

/** `watchFolders` in a hurry, until the test is over; resolves when it has begun. */
export async function watching(
  t: TestContext,
  roots: readonly string[],
  options: Partial<FolderWatcherOptions> = {},
): Promise<Watching> {
  const wakes = new Happenings<FolderCause>()
  const errors = new Happenings<string>()
  const children: ChildProcess[] = []
  const started = wakes.next((cause) => cause === 'folder watch started')
  const watcher = watchFolders(roots, {
    followSymlinks: true,
    onMoved: wakes.add,
    onError: errors.add,
    onStart: (child) => children.push(child),
    settleSeconds: 0.1,
    probeSeconds: 0.1,
    restartSeconds: 0.1,
    ...options,
  })
  t.after(() => watcher.close())
  await started
  return { wakes, errors, children, close: () => watcher.close() }
}

/** Whether a command runs to a good end here; for what only some machines allow. */
export function can(command: string, ...words: readonly string[]): boolean {
  return spawnSync(command, words, { stdio: 'ignore' }).status === 0
}
