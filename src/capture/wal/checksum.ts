/** The two sums of the WAL format as they stand after some bytes; unsigned 32 bits each. */
export interface ChecksumPair {
  readonly checksum1: number
  readonly checksum2: number
}

/**
 * The running checksum of the WAL format (https://sqlite.org/walformat.html, "Checksum Algorithm"): the bytes are taken as
 * pairs of 32-bit words x, y; for each pair `s1 += x + s2; s2 += y + s1`, modulo 2^32.
 *
 * `from` is the pair to start with; `littleEndian` the byte order of the words, which the header's magic number names.
 * The number of bytes from `start` to `end` in `view` must be a multiple of 8. Never throws for such a range.
 */
export function addToChecksum(
  from: ChecksumPair,
  view: DataView,
  start: number,
  end: number,
  littleEndian: boolean,
): ChecksumPair {
  let first = from.checksum1 | 0
  let second = from.checksum2 | 0
  // Signed words with `| 0` stay in integer registers; the sums modulo 2^32 are the same.
  for (let at = start; at < end; at += 8) {
    first = (first + view.getInt32(at, littleEndian) + second) | 0
    second = (second + view.getInt32(at + 4, littleEndian) + first) | 0
  }
  return { checksum1: first >>> 0, checksum2: second >>> 0 }
}
