import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { writeAudio } from './audio.ts'
import { ROOT, Soundledger, temporaryFolder } from './cli.ts'
import { type NavidromeVersion, type NavidromeWriter, startNavidromeWriter } from './navidrome.ts'

export const NOBODY = 65_534
/** Another user than root and `NOBODY`; needs no entry anywhere. */
export const OWNER = 65_533
const PRELOAD = new URL('./guest-preload.ts', import.meta.url).href
const NODE_OPTIONS = `--disable-warning=ExperimentalWarning --import=${PRELOAD}`
const UNSHARE = '/usr/bin/unshare'

const QUICK = { SOUNDLEDGER_LOG_LEVEL: 'debug', SOUNDLEDGER_CAPTURE_DEBOUNCE_SECONDS: '0.05' }

type Environment = Record<string, string>

/** A program started with this is this user and group; needs root. */
export function asUser(uid: number): Environment {
  return { NODE_OPTIONS, GUEST_UID: String(uid) }
}

/** A program started with this sees `folder` read-only, through a mount that nobody else sees and that ends with it; needs root. */
export function behindMount(folder: string): Environment {
  return { NODE_OPTIONS, GUEST_MOUNT: folder }
}

/** Why `asUser` cannot work here, or false. */
export function noUsers(): string | false {
  if (process.getuid?.() !== 0) return 'another user can only be had by root'
  const code = `require('node:fs').readdirSync(${JSON.stringify(join(ROOT, 'src'))})`
  const probe = spawnSync(process.execPath, ['--eval', code], { uid: NOBODY, gid: NOBODY })
  return probe.status === 0 ? false : 'another user cannot read this checkout'
}

/** Why `behindMount` cannot work here, or false. */
export function noMount(): string | false {
  if (process.getuid?.() !== 0) return 'a mount needs root'
  const script = 'mount --make-rprivate / && mount --bind "$0" "$0" && mount -o remount,ro,bind "$0"'
  const probe = spawnSync(UNSHARE, ['--mount', 'sh', '-c', script, join(ROOT, 'test')], { encoding: 'utf8' })
  return probe.status === 0
    ? false
    : `a private mount is not permitted here: ${probe.stderr}${probe.error ?? ''}`
}

interface LibraryOptions {
  readonly tracks?: number
  /** User that runs the server and owns the database and its folder; default: the one who runs the test. */
  readonly owner?: number
}

/** A folder of music, and a server that owns a database about it. */
export class Library {
  readonly folder: string
  readonly music: string
  readonly data: string
  readonly database: string
  readonly ids: string[] = []
  readonly #owner: number
  #writer: NavidromeWriter | null = null

  /** Anyone may enter the folders; the data directory belongs to `NOBODY` where there can be one. */
  static async start(t: TestContext, { tracks = 2, owner = 0 }: LibraryOptions = {}): Promise<Library> {
    const root = temporaryFolder(t, 'guest')
    chmodSync(root, 0o755)
    for (const name of ['db', 'music', 'data']) mkdirSync(join(root, name))
    if (owner > 0) chownSync(join(root, 'db'), owner, owner)
    if (process.getuid?.() === 0) chownSync(join(root, 'data'), NOBODY, NOBODY)
    const library = new Library(root, owner)
    await library.#open('0.64')
    t.after(() => library.writer.close())
    await library.writer.addLibrary(library.music)
    for (let n = 0; n < tracks; n += 1) await library.add(`Title ${n}`)
    return library
  }

  private constructor(root: string, owner: number) {
    this.folder = join(root, 'db')
    this.music = join(root, 'music')
    this.data = join(root, 'data')
    this.database = join(root, 'db', 'navidrome.db')
    this.#owner = owner
  }

  get writer(): NavidromeWriter {
    if (this.#writer === null) throw new Error('the server was never started')
    return this.#writer
  }

  /** A new track of a second, whose sound is none of the others'; returns its id. */
  async add(title: string): Promise<string> {
    const path = `${this.ids.length}.flac`
    writeAudio(this.music, path, 'flac', this.ids.length, 1)
    const [id = ''] = await this.writer.insert([{ path, artist: 'Artist', title, duration: 1 }])
    this.ids.push(id)
    return id
  }

  async retitle(title: string, id = this.ids[0] ?? ''): Promise<void> {
    await this.writer.update(id, { title })
  }

  async play(times: number): Promise<void> {
    for (let n = 0; n < times; n += 1) await this.writer.play(this.ids[n % this.ids.length] ?? '')
  }

  /** The server starts again, after `writer.close()` or `writer.kill()`. */
  async restart(): Promise<void> {
    await this.#open('existing')
  }

  async #open(version: NavidromeVersion | 'existing'): Promise<void> {
    const before = { ...process.env }
    if (this.#owner > 0) Object.assign(process.env, asUser(this.#owner))
    // The process is forked, with the environment as it is now, before this returns.
    const started = startNavidromeWriter(this.database, version)
    for (const name of Object.keys(asUser(0))) {
      if (before[name] === undefined) delete process.env[name]
      else process.env[name] = before[name]
    }
    this.#writer = await started
  }

  /** A daemon that follows it and has converged; it is stopped after the test at the latest. */
  async followed(t: TestContext, environment: Environment = {}): Promise<Soundledger> {
    const daemon = new Soundledger(['watch', '--data', this.data, '--library', this.database], {
      environment: { ...QUICK, ...environment },
    })
    t.after(() => daemon.stop())
    await daemon.logged('"converged')
    return daemon
  }

  /** A TRUNCATE checkpoint by the owner, which waits so long for readers; returns whether one was in the way. */
  async truncate(busyTimeoutMs: number): Promise<boolean> {
    await this.writer.exec(`pragma busy_timeout = ${busyTimeoutMs}`)
    const [result] = (await this.writer.all('pragma wal_checkpoint(truncate)')) as Array<{ busy: number }>
    return result?.busy !== 0
  }

  async integrity(): Promise<unknown> {
    return (await this.writer.all('pragma integrity_check'))[0]
  }

  /** Owner, mode and inode of all files beside the database, by name. */
  files(): Record<string, string> {
    const described = readdirSync(this.folder).map((name) => {
      const { uid, gid, mode, ino } = statSync(join(this.folder, name))
      return [name, `${uid}:${gid} ${mode.toString(8)} ${ino}`]
    })
    return Object.fromEntries(described)
  }
}

/** A descriptor that a process has of a file, with the POSIX locks the process holds on it. */
interface Descriptor {
  readonly path: string
  readonly locks: readonly string[]
}

/** All descriptors of a process below a folder, in order of their paths (Linux). */
export function descriptors(pid: number, folder: string): Descriptor[] {
  const found = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/${pid}/fd/${fd}`)
      const info = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8')
      const locks = info.split('\n').filter((line) => line.startsWith('lock:'))
      return path.startsWith(folder) ? [{ path, locks }] : []
    } catch {
      // It was closed while we looked.
      return []
    }
  })
  return found.sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** The processes that a process started, and those that they started (Linux). */
export function descendants(pid: number): number[] {
  const tasks = readdirSync(`/proc/${pid}/task`)
  const children = tasks
    .flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' '))
    .filter((each) => each !== '')
    .map(Number)
  return children.flatMap((child) => [child, ...descendants(child)])
}
