import { type ChildProcess, fork } from 'node:child_process'
import { mkdirSync, renameSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type AudioFormat, encodeAudio } from './encode.ts'
import type { ServerReport, ServerRequest } from './navidrome/server.ts'
import { PIECES, type Piece, VARIANTS } from './pieces.ts'
import { type RenderedAudio, renderPiece } from './synth.ts'

/** Raised when the files change: a demo of another version is made anew. */
const VERSION = 1
/** All files are dated from here on, a minute apart, so that a demo made twice is the same to the last byte. */
const FIRST_MTIME_MS = Date.UTC(2024, 0, 6, 12)
const MAX_WORKERS = 4

export interface DemoTrack {
  /** Absolute. */
  readonly path: string
  readonly artist: string
  readonly album: string
  readonly title: string
  readonly genre: string
  readonly date: string
  readonly track: number
  readonly format: AudioFormat
  /** Title of the piece that it is rendered from. */
  readonly piece: string
  /** Title of the track that it is a version of; null for the piece itself. */
  readonly variantOf: string | null
  /** What a correct daemon makes of it. */
  readonly expected: 'embedded' | 'failed'
  readonly changes: Changes
}

/** What is done to the rendering of the piece, or to the file, on the way. */
interface Changes {
  readonly bitRate?: number
  readonly gainDecibel?: number
  readonly trimSeconds?: number
  /** `cut`: ends before the index without which nothing can be decoded; `text`: holds no audio at all. */
  readonly damage?: 'cut' | 'text'
}

export interface DemoLibrary {
  readonly folder: string
  readonly musicFolder: string
  readonly tracks: readonly DemoTrack[]
  /** False when a complete demo was there already. */
  readonly created: boolean
}

export interface DemoOptions {
  /** Called after every file with the number of files done and the name of the last one. */
  readonly onProgress?: (done: number, total: number, what: string) => void
  readonly signal?: AbortSignal
}

/** What the demo library below `folder` consists of; touches nothing. */
export function planDemo(folder: string): DemoTrack[] {
  const music = musicFolder(folder)
  const pieces = new Map(PIECES.map((piece) => [piece.title, piece]))
  const find = (title: string): Piece => {
    const piece = pieces.get(title)
    if (piece === undefined) throw new Error(`no piece is called "${title}"`)
    return piece
  }
  return [
    ...PIECES.map((piece) => plan(music, piece, piece, null, {})),
    ...VARIANTS.map(({ of, suffix, track, format, ...changes }) =>
      plan(music, find(of), { track, format, title: `${of} (${suffix})` }, of, changes),
    ),
    plan(music, find('Rooftop Static'), { track: 8, format: 'm4a', title: 'Lost Reel' }, null, {
      damage: 'cut',
    }),
    plan(music, find('Rooftop Static'), { track: 9, format: 'mp3', title: 'Liner Notes' }, null, {
      damage: 'text',
    }),
  ]
}

function plan(
  music: string,
  piece: Piece,
  { track, title, format }: Pick<Piece, 'track' | 'title' | 'format'>,
  variantOf: string | null,
  changes: Changes,
): DemoTrack {
  const { artist, album, genre, date } = piece
  const name = `${String(track).padStart(2, '0')} ${title}.${format}`
  const path = join(music, fileName(artist), fileName(album), fileName(name))
  const expected = changes.damage === undefined ? 'embedded' : 'failed'
  return {
    path,
    artist,
    album,
    title,
    genre,
    date,
    track,
    format,
    piece: piece.title,
    variantOf,
    expected,
    changes,
  }
}

/** Without the characters that some file system refuses. */
function fileName(text: string): string {
  return text.replaceAll(/[/\\:*?"<>|]/g, '-').replace(/\.$/, '')
}

function musicFolder(folder: string): string {
  return join(resolve(folder), 'music')
}

/**
 * Makes the demo library below `folder`: `music/<artist>/<album>/<nn> <title>.<format>`, rendered and encoded by child
 * processes. Every file appears complete, under its final name, or not at all. A complete demo of this version is left
 * as it is, whatever was done to its files since; anything else is made anew, byte for byte the same each time.
 * Files of other names are not touched.
 *
 * @throws the signal's reason when aborted, an Error naming the piece when a child fails.
 */
export async function makeDemoLibrary(folder: string, options: DemoOptions = {}): Promise<DemoLibrary> {
  const root = resolve(folder)
  const tracks = planDemo(root)
  const marker = join(root, 'demo.json')
  const result = { folder: root, musicFolder: musicFolder(root), tracks }
  if (await isComplete(marker)) return { ...result, created: false }
  options.signal?.throwIfAborted()
  const staging = stagingFolder(root)
  await rm(staging, { recursive: true, force: true })
  await mkdir(staging, { recursive: true })
  try {
    await runWorkers(root, tracks, options)
    const files = tracks.map(({ path, piece, variantOf, expected }) => {
      return { path: relative(root, path).replaceAll(sep, '/'), piece, variantOf, expected }
    })
    await writeFile(join(staging, 'demo.json'), `${JSON.stringify({ version: VERSION, files }, null, 2)}\n`)
    await rename(join(staging, 'demo.json'), marker)
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
  return { ...result, created: true }
}

function stagingFolder(root: string): string {
  return join(root, '.making')
}

async function isComplete(marker: string): Promise<boolean> {
  try {
    const content: unknown = JSON.parse(await readFile(marker, 'utf8'))
    return (
      typeof content === 'object' && content !== null && 'version' in content && content.version === VERSION
    )
  } catch {
    // Absent or unreadable: not a complete demo.
    return false
  }
}

interface Job {
  readonly folder: string
  readonly piece: string
}

type Report = { readonly made: string } | { readonly finished: string }

async function runWorkers(folder: string, tracks: readonly DemoTrack[], options: DemoOptions): Promise<void> {
  const jobs = [...new Set(tracks.map((track) => track.piece))].map((piece) => ({ folder, piece }))
  // The pieces with variants take longest: first, or one child would still be at them when the others are idle.
  const size = (job: Job) => tracks.filter((track) => track.piece === job.piece).length
  jobs.sort((a, b) => size(a) - size(b))
  let done = 0
  const made = (title: string) => options.onProgress?.(++done, tracks.length, title)
  const count = Math.min(MAX_WORKERS, availableParallelism(), jobs.length)
  const children = Array.from({ length: count }, () => forkModule('main', ['--worker']))
  const stop = () => children.map((child) => child.kill())
  options.signal?.addEventListener('abort', stop, { once: true })
  const runs = children.map((child) => feed(child, () => jobs.pop(), made))
  try {
    await Promise.all(runs)
  } catch (error) {
    options.signal?.throwIfAborted()
    throw error
  } finally {
    options.signal?.removeEventListener('abort', stop)
    stop()
    await Promise.allSettled(runs)
  }
}

/** Gives a child one job after the other; settles when the child has ended. */
function feed(
  child: ChildProcess,
  next: () => Job | undefined,
  made: (title: string) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let current: Job | undefined
    const give = () => {
      current = next()
      if (current === undefined) child.disconnect()
      else child.send(current)
    }
    child.on('message', (report: Report) => ('made' in report ? made(report.made) : give()))
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      if (code === 0 && current === undefined) return resolve()
      reject(
        new Error(`making "${current?.piece}" failed: child ended with ${signal ?? `exit code ${code}`}`),
      )
    })
    give()
  })
}

/** Starts a module below this folder as a process with a message channel, from sources as well as from a build. */
function forkModule(name: string, args: readonly string[]): ChildProcess {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const file = fileURLToPath(new URL(`./${name}.${extension}`, import.meta.url))
  return fork(file, args, { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
}

/** Body of a child process: makes what the parent asks for until it disconnects. */
export function serveDemoWorker(): void {
  const report = (message: Report) => process.send?.(message)
  process.on('message', (job: Job) => {
    makePiece(job.folder, job.piece, (title) => report({ made: title }))
    report({ finished: job.piece })
  })
}

/** Writes all files that are rendered from one piece; blocks its thread for about a second. */
export function makePiece(folder: string, title: string, made: (title: string) => void = () => {}): void {
  const piece = PIECES.find((each) => each.title === title)
  if (piece === undefined) throw new Error(`no piece is called "${title}"`)
  const audio = renderPiece(piece)
  mkdirSync(stagingFolder(folder), { recursive: true })
  for (const [index, track] of planDemo(folder).entries()) {
    if (track.piece !== title) continue
    const temporary = join(stagingFolder(folder), `${index}.${track.format}`)
    writeTrack(temporary, track, audio)
    const mtime = new Date(FIRST_MTIME_MS + index * 60_000)
    utimesSync(temporary, mtime, mtime)
    mkdirSync(dirname(track.path), { recursive: true })
    renameSync(temporary, track.path)
    made(track.title)
  }
}

function writeTrack(path: string, track: DemoTrack, audio: RenderedAudio): void {
  const { artist, album, title, genre, date, format, changes } = track
  if (changes.damage === 'text') {
    writeFileSync(
      path,
      'All of it was recorded in one night. The tape is lost; these notes are what remains.\n'.repeat(40),
    )
    return
  }
  encodeAudio(path, {
    samples: audio.samples.map((side) => change(side, audio.sampleRate, changes)),
    sampleRate: audio.sampleRate,
    format,
    ...(changes.bitRate === undefined ? {} : { bitRate: changes.bitRate }),
    tags: { artist, title, album, genre, date, track: String(track.track) },
  })
  if (changes.damage === 'cut') truncateSync(path, 20_000)
}

function change(side: Float32Array, sampleRate: number, changes: Changes): Float32Array {
  const trim = Math.round((changes.trimSeconds ?? 0) * sampleRate)
  const gain = 10 ** ((changes.gainDecibel ?? 0) / 20)
  return side.subarray(trim, side.length - trim).map((value) => value * gain)
}

export interface DemoServer {
  readonly databasePath: string
  readonly pid: number
  /**
   * Resolves when a scan that began after the call has ended.
   *
   * @throws Error when the scan fails or the server has ended.
   */
  rescan(): Promise<void>
  /** Lets the server finish its scan and close the database; may be called twice. */
  close(): Promise<void>
}

/** How often the server looks for changes and plays a track, in seconds; its own defaults unless given. */
export interface DemoServerOptions {
  readonly scanSeconds?: number
  readonly playSeconds?: number
}

/**
 * Starts a process that keeps `navidrome.db` beside the demo's music, as the music server whose guest the daemon is.
 * Resolves when the database lists all files. The process ends with `close` or with its parent.
 *
 * @throws Error when the first scan fails; the process has ended then.
 */
export async function startDemoServer(folder: string, options: DemoServerOptions = {}): Promise<DemoServer> {
  const databasePath = join(resolve(folder), 'navidrome.db')
  const args = ['--database', databasePath, '--music', musicFolder(folder)]
  if (options.scanSeconds !== undefined) args.push('--scan-seconds', String(options.scanSeconds))
  if (options.playSeconds !== undefined) args.push('--play-seconds', String(options.playSeconds))
  const server = forkModule('navidrome/server', args)
  const ended = new Promise<void>((resolve) => {
    server.once('exit', () => resolve())
    server.once('error', () => resolve())
  })
  const close = async () => {
    if (server.connected) server.disconnect()
    await ended
  }
  try {
    await reports(server, 'ready', 1)
  } catch (error) {
    await close()
    throw error
  }
  const rescan = async () => {
    if (!server.connected) throw new Error("the demo's music server has ended")
    // The first report may be that of a scan already under way.
    const scanned = reports(server, 'scanned', 2)
    for (let request = 0; request < 2; request++) server.send({ type: 'rescan' } satisfies ServerRequest)
    await scanned
  }
  return { databasePath, pid: server.pid ?? 0, rescan, close }
}

/** Waits for reports of one type; rejects when the server reports a failure or ends before. */
function reports(server: ChildProcess, type: ServerReport['type'], count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let missing = count
    const settle = (error: Error | null) => {
      server.off('message', onMessage).off('error', settle).off('exit', onExit)
      if (error === null) resolve()
      else reject(error)
    }
    const onMessage = (report: ServerReport) => {
      if (report.type === 'failed') settle(new Error(`the demo's music server failed: ${report.message}`))
      else if (report.type === type && --missing === 0) settle(null)
    }
    const onExit = (code: number | null, signal: NodeJS.Signals | null) =>
      settle(new Error(`the demo's music server ended with ${signal ?? `exit code ${code}`}`))
    server.on('message', onMessage).once('error', settle).once('exit', onExit)
  })
}
