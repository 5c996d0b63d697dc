import type { Hold } from '../core/decision.ts'

/** Counts the tracks that are kept because what they lie in cannot be read. */
export class HoldCounter {
  readonly #places: Array<{ path: string; cause: string; tracks: number }>

  constructor(unreadable: ReadonlyArray<{ path: string; cause: string }>) {
    this.#places = unreadable.map(({ path, cause }) => ({ path, cause, tracks: 0 }))
  }

  /** Whether the path lies at or below a place that could not be read; then it is counted there. */
  covers(path: string): boolean {
    const place = this.#places.find(
      (each) => path === each.path || path.startsWith(`${each.path.replace(/\/$/, '')}/`),
    )
    if (place !== undefined) place.tracks += 1
    return place !== undefined
  }

  list(): Hold[] {
    return this.#places
      .filter(({ tracks }) => tracks > 0)
      .map(({ path, cause, tracks }) => ({ reason: `${path}: ${cause}`, tracks }))
  }
}
