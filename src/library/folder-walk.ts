import { isUtf8 } from 'node:buffer'
import { type BigIntStats, type Dirent, readdirSync, realpathSync } from 'node:fs'
import { dirname, sep } from 'node:path'
import { errorCode } from '../core/errors.ts'
import type { SnapshotRow } from '../core/track.ts'
import { hasExtension, isSkippedName } from './audio-files.ts'
import { describeCode, inodeKey, statPath, toFileStat } from './file-stat.ts'
import type { Unreadable } from './source.ts'
import { UnreadablePlaces } from './unreadable.ts'

export interface WalkOptions {
  readonly roots: readonly string[]
  readonly extensions: ReadonlySet<string>
  readonly followSymlinks: boolean
  /** A file whose inode changed less than this long ago counts as still being written. */
  readonly settleMs: number
}

interface Listing {
  readonly folders: string[]
  readonly files: string[]
  readonly links: string[]
}

/**
 * One walk over all roots. Every real folder is entered once, told by device and inode, so roots may overlap and links
 * may form loops. Symbolic links wait until all roots are walked: a file keeps its real path whatever links lead to it,
 * and linking an album into a second folder adds no track.
 */
export class FolderWalk {
  readonly #options: WalkOptions
  readonly #places = new UnreadablePlaces()
  readonly #entered = new Set<string>()
  readonly #linkedFiles = new Set<string>()
  #links: string[] = []

  constructor(options: WalkOptions) {
    this.#options = options
  }

  *files(): Generator<SnapshotRow, void> {
    const empty: string[] = []
    for (const root of this.#options.roots) {
      const stated = statPath(root)
      if (stated.kind === 'folder') {
        if (!this.#enter(root, stated.stats)) continue
        const linksBefore = this.#links.length
        const found = yield* this.#below(root)
        if (found === 0 && this.#links.length === linksBefore) empty.push(root)
      } else if (stated.kind === 'failed') this.#places.add(root, stated.cause)
      else
        this.#places.add(
          root,
          stated.kind === 'absent' ? 'the root does not exist' : 'the root is not a folder',
        )
    }
    for (const root of empty) this.#places.add(root, 'the root holds no audio file: is the disk mounted?')
    while (this.#links.length > 0) {
      const links = this.#links
      this.#links = []
      for (const link of links) yield* this.#followed(link)
    }
  }

  unreadable(): Unreadable[] {
    return this.#places.list()
  }

  /** Walks below one folder, depth first; returns the number of files, including those other roots will have yielded. */
  *#below(top: string): Generator<SnapshotRow, number> {
    const pending = [top]
    let found = 0
    for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
      const listing = this.#list(folder, folder === top)
      if (listing === undefined) continue
      this.#links.push(...listing.links)
      for (const path of listing.files) {
        const row = this.#row(path)
        if (row === undefined) continue
        found += 1
        yield row
      }
      for (const path of listing.folders.reverse()) {
        const stated = statPath(path)
        if (stated.kind === 'folder') {
          if (this.#enter(path, stated.stats)) pending.push(path)
          else found += 1
        } else if (stated.kind === 'failed') this.#places.add(path, stated.cause)
      }
    }
    return found
  }

  *#followed(link: string): Generator<SnapshotRow, void> {
    const stated = statPath(link)
    if (stated.kind === 'file' && hasExtension(link, this.#options.extensions)) {
      if (!this.#seenElsewhere(link, stated.stats)) yield this.#fileRow(link, stated.stats)
    } else if (stated.kind === 'folder' && this.#options.followSymlinks) {
      if (this.#enter(link, stated.stats)) yield* this.#below(link)
    } else if (stated.kind === 'absent') {
      this.#places.add(link, 'the symbolic link leads nowhere: is the disk it points to mounted?')
    } else if (stated.kind === 'failed') this.#places.add(link, stated.cause)
  }

  /** Whether the walk yields the file behind this link under another path. */
  #seenElsewhere(link: string, stats: BigIntStats): boolean {
    const key = inodeKey(stats) ?? realPath(link)
    if (this.#linkedFiles.has(key)) return true
    this.#linkedFiles.add(key)
    const target = realPath(link)
    if (!hasExtension(target, this.#options.extensions)) return false
    if (isSkippedName(target.slice(target.lastIndexOf(sep) + 1))) return false
    const parent = statPath(dirname(target))
    return parent.kind === 'folder' && this.#entered.has(inodeKey(parent.stats) ?? dirname(target))
  }

  #row(path: string): SnapshotRow | undefined {
    const stated = statPath(path)
    if (stated.kind === 'file') return this.#fileRow(path, stated.stats)
    if (stated.kind === 'failed') this.#places.add(path, stated.cause)
    return undefined
  }

  #fileRow(path: string, stats: BigIntStats): SnapshotRow {
    // The change time cannot be set back, as copying tools do with mtime. A clock that runs ahead must not wait for ever.
    const ageMs = Date.now() - Number(stats.ctimeMs)
    return {
      libraryId: null,
      libraryRowid: null,
      path,
      available: true,
      file: toFileStat(stats),
      settled: ageMs >= this.#options.settleMs || ageMs < 0,
      attributes: null,
    }
  }

  /** False when the folder was entered before. */
  #enter(path: string, stats: BigIntStats): boolean {
    const key = inodeKey(stats) ?? realPath(path)
    if (this.#entered.has(key)) return false
    this.#entered.add(key)
    return true
  }

  #list(folder: string, isTop: boolean): Listing | undefined {
    let entries: Dirent<Buffer>[]
    try {
      entries = readdirSync(folder, { withFileTypes: true, encoding: 'buffer' })
    } catch (error) {
      if (isTop || errorCode(error) !== 'ENOENT') this.#places.add(folder, describeCode(error))
      return undefined
    }
    const listing: Listing = { folders: [], files: [], links: [] }
    const prefix = folder.endsWith(sep) ? folder : folder + sep
    for (const entry of entries) {
      const name = entry.name.toString('utf8')
      if (isSkippedName(name)) continue
      if (isUtf8(entry.name)) this.#sort(entry, name, prefix + name, listing)
      else if (entry.isDirectory() || hasExtension(name, this.#options.extensions))
        this.#places.addSingle(prefix + name, 'the name is not valid UTF-8: rename it')
    }
    for (const paths of Object.values(listing)) paths.sort()
    return listing
  }

  #sort(entry: Dirent<Buffer>, name: string, path: string, listing: Listing): void {
    if (entry.isSymbolicLink()) listing.links.push(path)
    else if (entry.isDirectory()) listing.folders.push(path)
    else if (hasExtension(name, this.#options.extensions)) listing.files.push(path)
    else if (!entry.isFile() && statPath(path).kind === 'folder') listing.folders.push(path)
  }
}

function realPath(path: string): string {
  try {
    return realpathSync.native(path)
  } catch {
    // It vanished between stat and here; its own path is as good a name for it as any.
    return path
  }
}
