import { openEmbeddedStore } from '../../src/vectors/embedded/store.ts'
import { axis, spec, track } from './given.ts'

/**
 * A process that replaces the same tracks for ever, to be killed: in round n every track has fingerprint n, (n % 3) + 1
 * segments, and all its vectors along axis n % 8. It says which round has been committed.
 */
const [file = '', tracks = '0', from = '0'] = process.argv.slice(2)
const store = await openEmbeddedStore({ file })
await store.ensure(spec)
for (let round = Number(from); ; round += 1) {
  const vectors = Array.from({ length: (round % 3) + 1 }, () => axis(round % 8))
  const batch = Array.from({ length: Number(tracks) }, (_, number) =>
    track(number, vectors, { fingerprint: `${round}`, available: round % 2 === 0 }),
  )
  await store.replace(spec.name, batch)
  process.send?.(round)
}
