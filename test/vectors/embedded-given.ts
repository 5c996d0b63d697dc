import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { openEmbeddedStore } from '../../src/vectors/embedded/store.ts'
import type { VectorStore } from '../../src/vectors/store.ts'

/** A path in a folder of its own that is removed after the test. */
export async function freshFile(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'soundledger-vectors-'))
  t.after(() => rm(folder, { recursive: true }))
  return join(folder, 'vectors.db')
}

/** Opens a store that is closed before the file is removed. */
export async function opened(
  t: TestContext,
  options: Parameters<typeof openEmbeddedStore>[0],
): Promise<VectorStore> {
  const store = await openEmbeddedStore(options)
  t.after(() => store.close())
  return store
}
