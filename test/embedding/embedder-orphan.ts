import { createEmbedder } from '../../src/embedding/embedder.ts'
import { audioOf, fixture } from './embedder-harness.ts'

/**
 * A daemon that is about to be killed: starts a run that does not end and tells its parent the process that runs it.
 * Its argument is a folder for scratch files.
 */
const model = await fixture('endless')
const embedder = createEmbedder({
  threads: 1,
  provider: 'cpu',
  batchWindows: 4,
  idleUnloadMs: 360_000,
  timeoutMs: 600_000,
  onEvent: (event) => {
    if (event.type === 'process-started') process.send?.(event.pid)
  },
})
await embedder.embed(model, audioOf(process.argv[2] ?? '.', model, [3, 3, 3]), 1)
