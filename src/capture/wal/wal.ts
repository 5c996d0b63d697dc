/**
 * Where reading of a `-wal` file goes on. Plain and serialisable. Sequence number, salts and checksum pair are those of the WAL
 * format (https://sqlite.org/walformat.html); the checksum pair is the running one after the frame that ends at `offset`.
 */
export interface WalPosition {
  readonly inode: string
  readonly sequence: number
  readonly salt1: number
  readonly salt2: number
  /** Byte after the last commit frame taken in; 32 when only the header was. */
  readonly offset: number
  readonly checksum1: number
  readonly checksum2: number
}

/** What committed frames after a position say. */
export type WalRead =
  | {
      readonly kind: 'pages'
      readonly commits: number
      /** Newest committed content of every page written since, by page number; empty when nothing was committed. */
      readonly pages: ReadonlyMap<number, Uint8Array>
      readonly pageSize: number
      /** Size of the database in pages after the last commit; null when nothing was committed. */
      readonly databasePages: number | null
      readonly position: WalPosition
    }
  | {
      /** Commits may have been missed: only a full diff tells. */
      readonly kind: 'lost'
      readonly reason: string
      /** Where to go on after that full diff; null when there is nothing to go on from. */
      readonly position: WalPosition | null
    }
