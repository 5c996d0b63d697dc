import { join } from 'node:path'
import { readLedger } from '../../src/ledger/ledger.ts'
import { openEmbeddedStore } from '../../src/vectors/embedded/store.ts'
import type { TrackVectors } from '../../src/vectors/store.ts'

/** Everything ledger and store say of one data directory, for comparison with what should be there. */
export interface Stored {
  /** Rows of the store by track key; alias `timbre_embedding`. */
  readonly rows: Map<string, TrackVectors>
  /** Paths of tracks by key. */
  readonly paths: Map<string, string>
  /** The row of the track at this path. */
  at(path: string): TrackVectors | undefined
}

const ALIAS = 'timbre_embedding'

export async function readStored(dataDir: string): Promise<Stored> {
  const store = await openEmbeddedStore({ file: join(dataDir, 'vectors.db'), readOnly: true })
  const ledger = readLedger(join(dataDir, 'ledger.db'))
  try {
    const rows = new Map<string, TrackVectors>()
    for await (const page of store.tracks(ALIAS)) {
      for (const { key } of page) {
        const row = await store.get(ALIAS, key)
        if (row !== null) rows.set(key, row)
      }
    }
    const tracks = ledger.report.byKeys([...rows.keys()])
    const paths = new Map([...tracks].map(([key, track]) => [key, track.path]))
    return {
      rows,
      paths,
      at: (path) => [...rows.values()].find(({ key }) => paths.get(key) === path),
    }
  } finally {
    ledger.close()
    await store.close()
  }
}

/** Cosine of two tracks' first vectors. */
export function cosine(a: TrackVectors | undefined, b: TrackVectors | undefined): number {
  const [left, right] = [a?.segments[0]?.embedding, b?.segments[0]?.embedding]
  if (left === undefined || right === undefined) throw new Error('a track without vectors')
  return left.reduce((sum, value, n) => sum + value * (right[n] ?? 0), 0)
}
