/** The three header packets of a Vorbis stream. */
export interface XiphHeaders {
  readonly identification: Buffer
  readonly comment: Buffer
  readonly setup: Buffer
}

/**
 * Splits a Vorbis stream's setup data into its three headers; null when it has neither of the two known layouts: a count
 * of 2 and two laced sizes (Matroska, Ogg through FFmpeg), or each header behind a 16-bit big-endian size.
 */
export function xiphHeaders(extradata: Buffer): XiphHeaders | null {
  return laced(extradata) ?? prefixed(extradata)
}

/** A laced size is the sum of its bytes up to and including the first that is not 255. */
function laced(data: Buffer): XiphHeaders | null {
  if (data[0] !== 2) return null
  let at = 1
  const sizes: number[] = []
  while (sizes.length < 2) {
    let size = 0
    let byte: number | undefined
    do {
      byte = data[at++]
      if (byte === undefined) return null
      size += byte
    } while (byte === 255)
    sizes.push(size)
  }
  const [first = 0, second = 0] = sizes
  return at + first + second > data.length
    ? null
    : {
        identification: data.subarray(at, at + first),
        comment: data.subarray(at + first, at + first + second),
        setup: data.subarray(at + first + second),
      }
}

function prefixed(data: Buffer): XiphHeaders | null {
  const headers: Buffer[] = []
  let at = 0
  while (headers.length < 3) {
    if (at + 2 > data.length) return null
    const size = data.readUInt16BE(at)
    if (at + 2 + size > data.length) return null
    headers.push(data.subarray(at + 2, at + 2 + size))
    at += 2 + size
  }
  const [identification, comment, setup] = headers
  if (identification === undefined || comment === undefined || setup === undefined) return null
  return { identification, comment, setup }
}
