/** When vectors of missing tracks may go (I5). */
export interface RemovalPolicy {
  /** How long a track must have been missing. */
  readonly graceMs: number
  /** More than this share of all tracks missing at once stops removal ... */
  readonly guardShare: number
  /** ... if it is also more than this many tracks. */
  readonly guardTracks: number
}

export interface MissingCounts {
  readonly present: number
  /** Missing tracks whose removal nobody has confirmed. */
  readonly unconfirmed: number
}

/**
 * Why removal must wait for a person although the grace period may be over, or null when it may go on. Counts all tracks
 * that are missing, whenever they went: a library that is dismantled slowly is noticed as well.
 */
export function massMissing(counts: MissingCounts, policy: RemovalPolicy): string | null {
  const total = counts.present + counts.unconfirmed
  if (counts.unconfirmed <= policy.guardTracks || counts.unconfirmed <= policy.guardShare * total) return null
  const percent = Math.round((100 * counts.unconfirmed) / total)
  return `${counts.unconfirmed} of ${total} tracks (${percent} %) are missing: more than ${policy.guardTracks} and more than ${Math.round(policy.guardShare * 100)} %`
}

/** What removal asks of the ledger. */
export interface MissingTracks {
  missing(): MissingCounts
  expire(before: number, confirmedOnly: boolean, now: number): number
}

const PAGE = 1000

/**
 * Marks tracks for removal whose grace period is over, page by page; `breathe` is awaited between pages. Under a mass loss only
 * tracks go whose removal a person has confirmed. Returns why removal is held, or null.
 */
export async function expireMissing(
  tracks: MissingTracks,
  policy: RemovalPolicy,
  now: number,
  breathe: () => Promise<unknown>,
): Promise<{ reason: string; tracks: number } | null> {
  const counts = tracks.missing()
  const reason = massMissing(counts, policy)
  while (tracks.expire(now - policy.graceMs, reason !== null, now) === PAGE) await breathe()
  return reason === null ? null : { reason, tracks: counts.unconfirmed }
}
