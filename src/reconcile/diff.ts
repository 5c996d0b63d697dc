import type { Decision, UpdateReason } from '../core/decision.ts'
import { type LedgerTrack, type SnapshotRow, sameAttributes, sameFile } from '../core/track.ts'

/** Changes that the store's rows show. */
const PUBLISHED: ReadonlySet<UpdateReason> = new Set(['returned', 'library id changed', 'retagged'])

/**
 * Compares what the library says of a track with what the ledger remembers (null: nothing). Returns null when there is
 * nothing to do.
 *
 * A file that cannot be stat'ed now (`row.file` null) is no reason to look at it again: the library's word counts.
 */
export function diffRow(row: SnapshotRow, track: LedgerTrack | null): Decision | null {
  if (!row.available) {
    if (track === null || track.state === 'missing') return null
    return { action: 'miss', reason: 'library says missing', trackId: track.id }
  }
  if (track === null) return { action: 'add', reason: 'new', row }

  const reasons: UpdateReason[] = []
  if (track.state === 'missing') reasons.push('returned')
  if (row.file !== null && !sameFile(row.file, track.file)) reasons.push('file changed')
  if (row.path !== track.path) reasons.push('moved')
  if (row.libraryId !== track.libraryId) reasons.push('library id changed')
  if (row.attributes !== null && !sameAttributes(row.attributes, track.attributes)) reasons.push('retagged')

  if (row.libraryRowid !== track.libraryRowid) reasons.push('row moved')

  const [reason] = reasons
  if (reason === undefined) return null
  return {
    action: 'update',
    reason,
    reasons,
    trackId: track.id,
    row,
    inspect: reasons.includes('file changed'),
    publish: reasons.some((each) => PUBLISHED.has(each)),
  }
}

/** What becomes of a present track that a whole, consistent snapshot did not show. */
export function diffAbsent(track: Pick<LedgerTrack, 'id'>): Decision {
  return { action: 'miss', reason: 'gone from library', trackId: track.id }
}
