import { createHash } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describeError, errorCode, PermanentError } from '../core/errors.ts'
import type { Model } from '../core/model.ts'
import { type Manifest, readManifest } from './manifest.ts'
import { verifyFile } from './verify.ts'

/**
 * Version of everything between decoded audio and the stored vector that no manifest describes: zero padding of short
 * windows, pooling, normalisation. Raise it when a change there changes numbers: all operations become due again.
 */
export const RECIPE_VERSION = 1

/** One folder that looks like a model: it holds a manifest.json. */
export interface ModelEntry {
  /** Name of the folder, which a valid manifest repeats. */
  readonly name: string
  readonly folder: string
  /** Null when the manifest cannot be used; `problem` says why. */
  readonly manifest: Manifest | null
  readonly problem: string | null
}

/**
 * The models found in `folders`, each of which holds one folder per model, sorted by name. Where two folders hold the
 * same name, the earlier one wins. Folders that do not exist are skipped; models with an unusable manifest are listed with
 * their problem. Reads manifests only, not the weights.
 */
export async function listModels(folders: readonly string[]): Promise<ModelEntry[]> {
  const entries = new Map<string, ModelEntry>()
  for (const parent of folders) {
    for (const name of await modelFolders(parent)) {
      if (!entries.has(name)) entries.set(name, await readEntry(name, join(parent, name)))
    }
  }
  return [...entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

/**
 * The enabled models in the order of `enabled`, with size and SHA-256 of every file verified.
 * `decoderVersion` names decoder and resampler: they shape the numbers, so they are part of each model's identity.
 * @throws PermanentError when `enabled` is empty, repeats a name or holds an unknown one (the error lists the valid
 * names), and when a manifest or a file of an enabled model is not as it should be. Models that are not enabled are
 * allowed to be broken.
 */
export async function loadModels(options: {
  folders: readonly string[]
  enabled: readonly string[]
  decoderVersion: string
}): Promise<Model[]> {
  const entries = await listModels(options.folders)
  const chosen = choose(entries, options)
  const models: Model[] = []
  for (const { manifest, folder } of chosen) {
    for (const file of manifest.files) await verifyFile(folder, file)
    models.push(toModel(manifest, folder, options.decoderVersion))
  }
  return models
}

/**
 * Lower-case hex SHA-256 that stands for the numbers a model produces: every key of the manifest that can change them
 * (with the hashes of all files), decoder and recipe. `description` and `licence` are left out: correcting a text must
 * not make a library due again. Independent of the order of keys in the manifest.
 */
export function modelDigest(manifest: Manifest, decoderVersion: string): string {
  const { description: _, licence: __, ...identity } = manifest
  const whole = { recipe: RECIPE_VERSION, decoder: decoderVersion, manifest: identity }
  return createHash('sha256').update(canonicalJson(whole)).digest('hex')
}

function toModel(manifest: Manifest, folder: string, decoderVersion: string): Model {
  return Object.freeze({
    name: manifest.name,
    modelId: manifest.model_id,
    digest: modelDigest(manifest, decoderVersion),
    dim: manifest.dim,
    audio: Object.freeze({
      sampleRate: manifest.sample_rate,
      channels: manifest.channels,
      windowSeconds: manifest.window_seconds,
      hopSeconds: manifest.hop_seconds,
    }),
    licence: manifest.licence,
    folder,
  })
}

function choose(
  entries: readonly ModelEntry[],
  options: { folders: readonly string[]; enabled: readonly string[] },
): Array<{ manifest: Manifest; folder: string }> {
  const { enabled } = options
  const names =
    entries.map((entry) => entry.name).join(', ') || `none (no model in ${options.folders.join(', ')})`
  const unknown = enabled.filter((name) => !entries.some((entry) => entry.name === name))
  if (enabled.length === 0) throw refused('[]', `no model is enabled; valid names: ${names}`)
  if (unknown.length > 0) throw refused(unknown.join(', '), `no model has this name; valid names: ${names}`)
  const repeated = enabled.filter((name, index) => enabled.indexOf(name) !== index)
  if (repeated.length > 0) throw refused(repeated.join(', '), 'this model is enabled more than once')
  return enabled.map((name) => {
    const entry = entries.find((candidate) => candidate.name === name)
    if (!entry?.manifest) throw refused(name, entry?.problem ?? 'no model has this name')
    return { manifest: entry.manifest, folder: entry.folder }
  })
}

function refused(subject: string, message: string): PermanentError {
  const hint = 'correct the list of enabled models, or the model'
  return new PermanentError({ operation: 'enable models', subject, message, hint })
}

async function modelFolders(parent: string): Promise<string[]> {
  try {
    const names = (await readdir(parent)).filter((name) => !name.startsWith('.')).sort()
    const holds = await Promise.all(names.map((name) => isFile(join(parent, name, 'manifest.json'))))
    return names.filter((_, index) => holds[index])
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return []
    const message = `cannot be listed: ${describeError(cause)}`
    throw new PermanentError({ operation: 'list models', subject: parent, message, cause })
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile()
  } catch {
    return false
  }
}

async function readEntry(name: string, folder: string): Promise<ModelEntry> {
  try {
    const manifest = await readManifest(folder)
    if (manifest.name === name) return { name, folder, manifest, problem: null }
    const problem = `${join(folder, 'manifest.json')}: name: found "${manifest.name}", expected "${name}", as its folder is called`
    return { name, folder, manifest: null, problem }
  } catch (error) {
    return { name, folder, manifest: null, problem: describeError(error) }
  }
}

/** JSON with the keys of every object in code unit order, so that equal values give equal text. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`)
  return `{${members.join(',')}}`
}
