import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { errorCode, PermanentError } from '../core/errors.ts'
import type { ManifestFile } from './manifest.ts'

/**
 * Reads one file of a model and compares size and SHA-256 with its manifest. Memory use is one read buffer.
 * @throws PermanentError that names the file, what was expected and what was found.
 */
export async function verifyFile(folder: string, file: ManifestFile): Promise<void> {
  const path = join(folder, file.path)
  const hash = createHash('sha256')
  let bytes = 0
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
      hash.update(chunk)
      bytes += chunk.length
    }
  } catch (cause) {
    const message = errorCode(cause) === 'ENOENT' ? 'there is no such file' : `cannot be read: ${cause}`
    throw mismatch(path, `${message}, expected ${file.bytes} bytes`, cause)
  }
  if (bytes !== file.bytes) throw mismatch(path, `found ${bytes} bytes, expected ${file.bytes}`)
  const sha256 = hash.digest('hex')
  if (sha256 !== file.sha256) throw mismatch(path, `found SHA-256 ${sha256}, expected ${file.sha256}`)
}

function mismatch(subject: string, message: string, cause?: unknown): PermanentError {
  const hint = 'the file is damaged, incomplete or of another version: fetch or export the model again'
  return new PermanentError({ operation: 'verify model file', subject, message, hint, cause })
}
