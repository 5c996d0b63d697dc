import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LEDGER_FILE } from '../../src/ledger/ledger.ts'
import { startNavidromeWriter } from '../../test/support/navidrome.ts'
import { runPart } from './part.ts'
import type { PassInput, PassOutput } from './pass-part.ts'
import { settleLedger } from './settled-ledger.ts'

export interface KnownLibrary {
  readonly database: string
  readonly dataDir: string
  readonly tracks: number
}

/** A Navidrome database of wide rows and a ledger that knows all its tracks as embedded; removed when `use` is through. */
export async function withKnownLibrary<T>(
  tracks: number,
  use: (library: KnownLibrary) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'soundledger-bench-'))
  const library = { database: join(folder, 'navidrome.db'), dataDir: join(folder, 'data'), tracks }
  try {
    await mkdir(library.dataDir)
    await mkdir(join(folder, 'music'))
    const writer = await startNavidromeWriter(library.database)
    try {
      const libraryId = await writer.addLibrary(join(folder, 'music'))
      await writer.bulkInsert({ count: tracks, libraryId, indexes: false })
    } finally {
      await writer.close()
    }
    const input = { database: library.database, dataDir: library.dataDir, statFiles: false, changes: [] }
    await runPart<PassInput, PassOutput>('pass-part.ts', input)
    settleLedger(join(library.dataDir, LEDGER_FILE))
    return await use(library)
  } finally {
    await rm(folder, { recursive: true })
  }
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
