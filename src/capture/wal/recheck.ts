import type { ChainPoint, Generation, ReadBytes } from './parse.ts'
import {
  FRAME_HEADER_BYTES,
  frameBytes,
  HEADER_BYTES,
  samePair,
  storedChecksum,
  validFrames,
} from './parse.ts'

const SHORTER = 'the WAL is shorter than the position'

/**
 * Why the frames before `position` cannot be taken for those that were read, or null when they can. Verifies the chain
 * over the last `recheckBytes` before it in whole frames, at least one; from `start` on (the place after the header) if
 * that covers them all, which with an unknown `start` is a doubt in itself.
 *
 * A commit can be in the file and yet be overwritten: its writer died before publishing it in the wal-index, or power
 * failed before it was on disk. Overwriting begins with the first frame of the first such transaction, and the chain
 * breaks where it ended so far; where that is more than `recheckBytes` before the position, a later call finds it.
 */
export function doubtAbout(
  read: ReadBytes,
  generation: Generation,
  start: ChainPoint | null,
  position: ChainPoint,
  recheckBytes: number,
): string | null {
  const size = frameBytes(generation)
  const frames = (position.offset - HEADER_BYTES) / size
  if (!Number.isSafeInteger(frames) || frames < 0)
    return `offset ${position.offset} is not between two frames`
  const recheck = Math.max(1, Math.floor(recheckBytes / size))
  if (recheck >= frames && start === null)
    return 'too few frames before the position are left to verify it by'
  const from = recheck < frames ? placeBefore(read, position.offset - recheck * size, size) : start
  if (from === null) return SHORTER
  let end = from
  for (const frame of validFrames(read, generation, from, position.offset)) end = frame.end
  if (end.offset === position.offset && samePair(end, position)) return null
  if (position.offset > HEADER_BYTES && read(position.offset - 1, 1).byteLength === 0) {
    return SHORTER
  }
  return 'frames before the position were overwritten'
}

/** The place at `offset` by what the frame before it claims; null when the file ends before that. */
function placeBefore(read: ReadBytes, offset: number, size: number): ChainPoint | null {
  const header = read(offset - size, FRAME_HEADER_BYTES)
  return header.byteLength < FRAME_HEADER_BYTES ? null : { offset, ...storedChecksum(header) }
}
