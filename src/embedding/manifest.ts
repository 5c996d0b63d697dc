import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { errorCode, PermanentError } from '../core/errors.ts'

/** Milvus refuses wider vectors, so a wider model could never be stored there. */
export const MAX_DIM = 32_768

const range = (least: number, most: number, unit: string) => {
  const error = `a number from ${least} to ${most} (${unit})`
  return z.number({ error }).min(least, { error }).max(most, { error })
}

const whole = (least: number, most: number, why: string) => {
  const error = `a whole number from ${least} to ${most} (${why})`
  return z.int({ error }).min(least, { error }).max(most, { error })
}

const text = (most: number) => {
  const error = `a text of 1 to ${most} characters`
  return z.string({ error }).trim().min(1, { error }).max(most, { error })
}

const only = <const Value extends string | number | boolean>(value: Value) =>
  z.literal(value, { error: JSON.stringify(value) })

const pattern = (expression: RegExp, error: string) => z.string({ error }).regex(expression, { error })

/** A relative path with forward slashes that cannot leave the folder it starts in, on any system. */
function staysInside(path: string): boolean {
  const parts = path.split('/')
  return !/[\\:\0]/.test(path) && parts.every((part) => part !== '' && part !== '.' && part !== '..')
}

const pathError = 'a relative path with forward slashes that stays inside the model folder'

const fileSchema = z.strictObject({
  path: z.string({ error: pathError }).refine(staysInside, { error: pathError }),
  sha256: pattern(/^[0-9a-f]{64}$/, '64 lower-case hex digits'),
  bytes: whole(1, Number.MAX_SAFE_INTEGER, 'the size of the file'),
})

const filesError = 'a list of 1 to 64 files with different paths, the ONNX graph first'

const manifestSchema = z.strictObject({
  format: only(1),
  name: pattern(
    /^[a-z][a-z0-9_]{0,31}$/,
    'a lower-case letter, then up to 31 lower-case letters, digits or underscores',
  ),
  model_id: text(256),
  version: text(64),
  licence: text(256),
  description: text(2000),
  sample_rate: whole(8000, 192_000, 'Hz'),
  channels: z.union([z.literal(1), z.literal(2)], { error: '1 or 2' }),
  window_seconds: range(0.1, 600, 'seconds'),
  hop_seconds: range(0.01, 600, 'seconds'),
  dim: whole(1, MAX_DIM, 'the widest vector that Milvus stores'),
  input: text(256),
  output: text(256),
  normalisation: only('l2'),
  pooling: only('mean'),
  files: z
    .array(fileSchema, { error: filesError })
    .min(1, { error: filesError })
    .max(64, { error: filesError })
    .refine((files) => new Set(files.map((file) => file.path)).size === files.length, { error: filesError }),
})

/** What manifest.json says of a model; `files[0]` is the ONNX graph, the others are its external data. */
export type Manifest = z.infer<typeof manifestSchema>
export type ManifestFile = z.infer<typeof fileSchema>

/**
 * Reads and checks `folder/manifest.json`. Does not look at the files that it lists.
 * @throws PermanentError that names the file, every wrong key, what was found, what was expected and what to do.
 */
export async function readManifest(folder: string): Promise<Manifest> {
  const file = join(folder, 'manifest.json')
  return parseManifest(await readText(file), file)
}

/** Checks the text of a manifest; `file` is only named in errors. @throws PermanentError as readManifest does. */
export function parseManifest(text: string, file: string): Manifest {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw manifestError(file, `is not JSON: ${cause instanceof Error ? cause.message : cause}`, cause)
  }
  const result = manifestSchema.safeParse(value)
  if (result.success) return result.data
  throw manifestError(file, result.error.issues.map((issue) => explain(issue, value)).join('; '), undefined)
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    const message = errorCode(cause) === 'ENOENT' ? 'there is no such file' : `cannot be read: ${cause}`
    throw manifestError(file, message, cause)
  }
}

function manifestError(file: string, message: string, cause: unknown): PermanentError {
  const hint = 'correct the manifest, or fetch or export the model again'
  return new PermanentError({ operation: 'read model manifest', subject: file, message, hint, cause })
}

function explain(issue: z.core.$ZodIssue, root: unknown): string {
  const key = issue.path.join('.')
  if (issue.code === 'unrecognized_keys') {
    const where = key === '' ? '' : `${key}: `
    return `${where}unknown key ${issue.keys.join(', ')}, expected only the keys of manifest format 1`
  }
  const found = valueAt(root, issue.path)
  const expected = key === '' ? 'an object' : issue.message
  const shown = found === undefined ? 'nothing' : JSON.stringify(found).slice(0, 120)
  return `${key === '' ? 'manifest' : key}: found ${shown}, expected ${expected}`
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = Reflect.get(value, key)
  }
  return value
}
