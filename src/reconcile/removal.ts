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
