// Fingerprints files in one audio child, one after the other.
import { join } from 'node:path'
import { createAudioPool } from '../../src/audio/pool.ts'
import { answerPart } from './part.ts'

export interface FingerprintInput {
  readonly files: readonly string[]
  /** Begins again with the first file until this time has passed. */
  readonly atLeastSeconds: number
  readonly scratchFolder: string
}

export interface FingerprintOutput {
  readonly files: number
  readonly bytes: number
  readonly seconds: number
}

await answerPart(fingerprint)

async function fingerprint(input: FingerprintInput): Promise<FingerprintOutput> {
  const { files, atLeastSeconds, scratchFolder } = input
  const limits = { timeoutMs: 120_000, rssLimitBytes: 2 ** 30 }
  const pool = createAudioPool({ ...limits, children: 1, scratchFolder: join(scratchFolder, 'scratch') })
  try {
    // Starts the child and brings the files into the page cache.
    for (const file of files) await pool.inspect(file, { tags: true })
    const bytesBefore = pool.stats().bytesRead
    const startedAt = performance.now()
    const elapsedSeconds = () => (performance.now() - startedAt) / 1000
    let done = 0
    do {
      for (const file of files) await pool.inspect(file, { tags: true })
      done += files.length
    } while (elapsedSeconds() < atLeastSeconds)
    return { files: done, bytes: pool.stats().bytesRead - bytesBefore, seconds: elapsedSeconds() }
  } finally {
    await pool.close()
  }
}
