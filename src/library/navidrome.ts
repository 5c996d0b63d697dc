import { realpathSync } from 'node:fs'
import { dirname, isAbsolute } from 'node:path'
import type { FileStat, SnapshotRow } from '../core/track.ts'
import { statPath, toFileStat } from './file-stat.ts'
import { parseGoTime } from './go-time.ts'
import { NavidromeDatabase } from './navidrome-database.ts'
import { isMissing, rowAttributes } from './navidrome-row.ts'
import type { LibraryRow, MediaFileRow, NavidromeStatements } from './navidrome-statements.ts'
import { checkedPageSize } from './pages.ts'
import { type MapPath, pathMapper, serverPath } from './path-map.ts'
import type {
  FollowedTable,
  LibrarySource,
  NavidromeOptions,
  RowidRange,
  SnapshotOptions,
  Unreadable,
} from './source.ts'
import { UnreadablePlaces } from './unreadable.ts'

const ALL_ROWIDS: RowidRange = { first: Number.MIN_SAFE_INTEGER + 1, last: Number.MAX_SAFE_INTEGER }
/** A page that took longer to read halves the next: read transactions stay far under the promised 50 ms. */
const SLOW_PAGE_MS = 15
/** Rows of the first page, while it is unknown how fast the disk is. */
const FIRST_PAGE = 128
/** A scan that has not ended after so long died with its server. */
const DEAD_SCAN_MS = 24 * 60 * 60 * 1000

/** One library of the server during a snapshot. */
interface Root {
  readonly serverRoot: string
  readonly localRoot: string
  /** False when the root is no folder here: nothing below it is stat'ed. */
  readonly exists: boolean
  expected: number
  found: number
}

/**
 * Navidrome's database as a library. Rows of libraries the server no longer has are left out; rows that are missing there
 * come with `available` false. Every query is its own read transaction.
 */
export class NavidromeLibrary implements LibrarySource {
  readonly kind = 'navidrome'
  readonly table: FollowedTable
  readonly #database: NavidromeDatabase
  readonly #mapPath: MapPath
  readonly #statFiles: boolean
  #places = new UnreadablePlaces()

  /** Opens the database; throws what `openLibrary` promises. */
  constructor(options: NavidromeOptions) {
    this.#database = new NavidromeDatabase(options.database)
    this.#mapPath = pathMapper(options.pathMap)
    this.#statFiles = options.statFiles
    this.#database.current()
    this.table = {
      connection: () => this.#database.connection(),
      // SQLite keeps the log beside the file itself, wherever a link to it lies.
      walPath: `${realpathSync(this.#database.path)}-wal`,
      table: 'media_file',
      smallTables: [{ table: 'library', query: 'select id, path from library order by id' }],
    }
  }

  roots(): readonly string[] {
    return this.#libraries(this.#database.current()).map(({ path }) => this.#mapPath(path))
  }

  version(): string {
    return this.#database.version()
  }

  /**
   * Ordered by rowid. Throws TransientError when the file is replaced or the database closed before its end; a change of
   * the library meanwhile shows only in `version()`.
   */
  *snapshot(options: SnapshotOptions = {}): Generator<SnapshotRow[], void> {
    const pageSize = checkedPageSize(options.pageSize)
    const places = new UnreadablePlaces()
    this.#places = places
    const statements = this.#database.current()
    const roots = this.#openRoots(statements)
    let size = Math.min(pageSize, FIRST_PAGE)
    const { first, last: until } = options.rowids ?? ALL_ROWIDS
    for (let after = first - 1; ; ) {
      const started = performance.now()
      const rows = this.#database.query(
        'read tracks',
        () => statements.page.all(after, until, size),
        statements,
      )
      const last = rows.at(-1)
      if (last === undefined) break
      after = last.rowid
      size =
        performance.now() - started > SLOW_PAGE_MS ? Math.max(1, size >> 1) : Math.min(pageSize, size * 2)
      const page: SnapshotRow[] = []
      for (const row of rows) {
        const result = this.#toSnapshotRow(row, roots, places)
        if (result !== undefined) page.push(result)
      }
      if (page.length > 0) yield page
    }
    if (this.#statFiles && options.rowids === undefined) reportEmptyRoots(roots, places)
  }

  unreadable(): readonly Unreadable[] {
    return this.#places.list()
  }

  isAvailable(libraryId: string): boolean {
    const missing = this.#database.query('look up track', ({ missing }) => missing.get(libraryId))
    return missing !== undefined && !isMissing(missing)
  }

  scanning(): boolean {
    const rows = this.#database.query('read scan state', ({ libraries }) => libraries.all())
    const now = Date.now()
    return rows.some(({ startedAt }) => {
      const started = parseGoTime(startedAt)
      return started !== null && now - started < DEAD_SCAN_MS
    })
  }

  close(): void {
    this.#database.close()
  }

  #libraries(statements: NavidromeStatements): Array<{ id: unknown; path: string }> {
    const rows: LibraryRow[] = this.#database.query(
      'read libraries',
      () => statements.libraries.all(),
      statements,
    )
    return rows.flatMap(({ id, path }) => (typeof path === 'string' && path !== '' ? [{ id, path }] : []))
  }

  #openRoots(statements: NavidromeStatements): Map<unknown, Root> {
    const roots = new Map<unknown, Root>()
    for (const { id, path } of this.#libraries(statements)) {
      const localRoot = this.#mapPath(path)
      const fault = rootFault(localRoot)
      if (fault !== undefined) {
        const seen = localRoot === path ? '' : ` (the server sees it as ${path})`
        this.#places.add(localRoot, `the root ${fault}${seen}: mount it, or set library.path_map`)
      }
      roots.set(id, { serverRoot: path, localRoot, exists: fault === undefined, expected: 0, found: 0 })
    }
    return roots
  }

  /** Undefined for a row that no track can be made of. */
  #toSnapshotRow(
    row: MediaFileRow,
    roots: Map<unknown, Root>,
    places: UnreadablePlaces,
  ): SnapshotRow | undefined {
    const root = roots.get(row.library)
    if (root === undefined || typeof row.id !== 'string' || row.id === '') return undefined
    if (typeof row.path !== 'string' || row.path === '' || row.path.includes('\0')) {
      const shown = typeof row.path === 'string' ? row.path : '(no text)'
      places.addSingle(
        `${root.localRoot}/${shown}`,
        'the path in the database is no file name: the row is left out',
      )
      return undefined
    }
    const { path, escapes } = serverPath(root.serverRoot, row.path)
    const local = this.#mapPath(path)
    if (escapes) places.addSingle(local, 'the path leads out of its library: the file is not read')
    const available = !isMissing(row.missing)
    const file = escapes || !this.#statFiles ? null : this.#stat(local, root, available, places)
    return {
      libraryId: row.id,
      libraryRowid: row.rowid,
      path: local,
      available,
      file,
      // What a server committed it has read: there is nothing to wait for.
      settled: true,
      attributes: rowAttributes(row),
    }
  }

  #stat(path: string, root: Root, available: boolean, places: UnreadablePlaces): FileStat | null {
    if (available) root.expected += 1
    if (!root.exists) return null
    const stated = statPath(path)
    if (stated.kind === 'failed') places.add(dirname(path), stated.cause)
    if (stated.kind !== 'file') return null
    root.found += 1
    return toFileStat(stated.stats)
  }
}

/** Why nothing below a root can be read here; undefined when it is a folder. */
function rootFault(localRoot: string): string | undefined {
  if (!isAbsolute(localRoot)) return 'is relative to a folder only the server knows'
  const stated = statPath(localRoot)
  if (stated.kind === 'folder') return undefined
  if (stated.kind === 'failed') return `cannot be read: ${stated.cause}`
  return stated.kind === 'absent' ? 'is absent here' : 'is no folder here'
}

function reportEmptyRoots(roots: ReadonlyMap<unknown, Root>, places: UnreadablePlaces): void {
  for (const { localRoot, exists, expected, found } of roots.values()) {
    if (!exists || expected === 0 || found > 0) continue
    places.add(
      localRoot,
      `none of its ${expected} files is here: is the disk mounted, is library.path_map right?`,
    )
  }
}
