/** Versions whose tables are known: see `test/fixtures/navidrome` and `tools/demo/navidrome/schema.sql`. */
export type NavidromeVersion = '0.55' | '0.61' | '0.64'

/** What a test says of a track; all else is made up. */
export interface TrackInput {
  /** Default: 22 random base-62 digits. */
  readonly id?: string
  /** Relative to the library. */
  readonly path: string
  readonly title?: string
  readonly artist?: string
  readonly album?: string
  /** Seconds. */
  readonly duration?: number
  readonly size?: number
  readonly missing?: boolean
  readonly libraryId?: number
}

export interface BulkOptions {
  readonly count: number
  /** Number of the first track; paths and ids follow from it. Default 1. */
  readonly first?: number
  readonly libraryId?: number
  /** About so many bytes of JSON text a row; default 1600. */
  readonly rowBytes?: number
  /** False leaves the secondary indexes of `media_file` and its full-text triggers away for good: much faster. Default true. */
  readonly indexes?: boolean
}

export type CheckpointMode = 'passive' | 'full' | 'restart' | 'truncate'

/** What the writer process can do. Each command is one transaction unless `begin` was called. */
export interface WriterCommands {
  open(database: string, version: NavidromeVersion | 'existing'): void
  exec(sql: string): void
  all(sql: string, parameters?: readonly unknown[]): unknown[]
  /** Returns the id of the library. */
  addLibrary(path: string, name?: string): number
  /** Returns the ids, in order. */
  insert(tracks: readonly TrackInput[]): string[]
  /** Sets columns of one track. */
  update(id: string, columns: Readonly<Record<string, string | number | null>>): void
  markMissing(ids: readonly string[], missing?: boolean): void
  remove(ids: readonly string[]): void
  /** Gives every track a new id, as 0.64 did once; returns [old, new] pairs in order of rowid. */
  rewriteAllIds(): Array<[string, string]>
  /** Writes every row of `media_file` anew without changing what a listener would notice. */
  fullScanRewrite(): void
  beginScan(full?: boolean): void
  endScan(): void
  /** A play: annotation, scrobbles (where the version has them), player; no row of `media_file` changes. */
  play(id: string): void
  bulkInsert(options: BulkOptions): void
  begin(kind: 'deferred' | 'immediate' | 'exclusive'): void
  commit(): void
  rollback(): void
  checkpoint(mode: CheckpointMode): void
  vacuum(): void
  /** Returns the mode that is in force afterwards. */
  journalMode(mode: 'wal' | 'delete'): string
  /** Puts a copy of the database in its own place under a new inode, sidecars removed, and opens that. */
  replaceByRename(): void
  /** Writes a copy through the backup API. */
  backup(target: string): Promise<void>
  /** Overwrites the database through the backup API: the inode stays. */
  restore(source: string): Promise<void>
  /** Closes the database; the process stays for `open`. */
  closeDatabase(): void
}

export interface WriterRequest {
  readonly call: number
  readonly name: keyof WriterCommands
  readonly args: unknown[]
}

export interface WriterReply {
  readonly call: number
  readonly result?: unknown
  readonly error?: { readonly message: string; readonly code: string | undefined }
}
