import type { Identity } from '../core/decision.ts'
import { type LedgerTrack, type SnapshotRow, sameFile } from '../core/track.ts'

/** What identity is decided on: the ledger by id and by path, and whether the library still has an id. */
export interface IdentityLookups {
  byLibraryId(libraryId: string): LedgerTrack | undefined
  byPath(path: string): readonly LedgerTrack[]
  stillInLibrary(libraryId: string): boolean
}

/**
 * The ledger's track that a library row speaks of, or null when the row is a new one.
 *
 * The library's id comes first. A row with an unknown id at a known path is the old track under a new id, unless the library
 * still has that track's own id: then both are real (two library roots that overlap). Among several candidates the one whose
 * file has the same size and mtime wins. Tracks that moved *and* lost their id are found later, by fingerprint.
 */
export function identify(row: SnapshotRow, lookups: IdentityLookups): Identity | null {
  if (row.libraryId !== null) {
    const track = lookups.byLibraryId(row.libraryId)
    if (track !== undefined) return { track, by: 'library id' }
  }
  if (!row.available) return null
  const free = lookups
    .byPath(row.path)
    .filter(
      ({ libraryId }) =>
        libraryId === null || libraryId === row.libraryId || !lookups.stillInLibrary(libraryId),
    )
  const track = free.find(({ file }) => sameFile(file, row.file)) ?? free[0]
  return track === undefined ? null : { track, by: 'path' }
}
