import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { parse as parseYaml, YAMLParseError } from 'yaml'
import { z } from 'zod'
import { PermanentError } from './core/errors.ts'

const seconds = z.number().positive()
const count = z.int().positive()
const cores = availableParallelism()

/** Every key, its type, bounds and default; the README's table is written from it. */
export const CONFIG = z.strictObject({
  library: z
    .strictObject({
      database: z
        .string()
        .min(1)
        .nullable()
        .default(null)
        .describe('Navidrome database; null: the library is folders'),
      folders: z.array(z.string().min(1)).default([]).describe('music folders, when there is no database'),
      path_map: z
        .array(z.strictObject({ from: z.string().startsWith('/'), to: z.string().startsWith('/') }))
        .default([])
        .describe('folders as the server sees them (`from`) and as this machine does (`to`)'),
      stat_files: z.boolean().default(true).describe('look at size and mtime of every file in a full diff'),
      watch_folders: z.boolean().default(true).describe('watch the music folders besides the database'),
      settle_seconds: z
        .number()
        .nonnegative()
        .default(2)
        .describe('a file in a folder is read when it has been still for so long'),
      follow_symlinks: z.boolean().default(true).describe('enter folders behind symbolic links'),
    })
    .prefault({}),
  capture: z
    .strictObject({
      poll_seconds: seconds.default(1).describe('how often the database is asked whether it moved'),
      debounce_seconds: z
        .number()
        .nonnegative()
        .default(0.5)
        .describe('quiet time before a change is looked at'),
      max_wait_seconds: seconds.default(5).describe('longest wait when changes keep coming'),
      full_diff_minutes: seconds.default(60).describe('a full diff at least this often'),
    })
    .prefault({}),
  models: z
    .strictObject({
      enabled: z
        .array(z.string().min(1))
        .min(1)
        .default(['timbre'])
        .describe('models whose embeddings are kept'),
      folders: z
        .array(z.string().min(1))
        .default([])
        .describe('more folders that hold models, one folder each'),
    })
    .prefault({}),
  audio: z
    .strictObject({
      children: count.default(Math.max(1, cores - 1)).describe('decoding processes (default: cores - 1)'),
      timeout_seconds: seconds.default(120).describe('time limit for one file'),
      memory_limit_mb: count.default(1024).describe('a decoding process above this is replaced'),
      analysed_minutes: seconds
        .default(30)
        .describe('longest part of a track that is analysed, spread evenly'),
      scratch_dir: z
        .string()
        .min(1)
        .default(tmpdir())
        .describe('folder for decoded audio on its way to the model'),
    })
    .prefault({}),
  execution: z
    .strictObject({
      provider: z
        .enum(['auto', 'cpu', 'cuda', 'webgpu', 'coreml', 'dml'])
        .default('auto')
        .describe('where models run; auto: the first that works'),
      threads: count
        .default(Math.max(1, Math.floor(cores / 2)))
        .describe('CPU threads of a model (default: cores / 2, since decoding takes the others)'),
      batch_windows: count.max(256).default(4).describe('windows in one run of a model, from several tracks'),
      timeout_seconds: seconds.default(120).describe('time limit for one run of a model'),
      idle_unload_seconds: seconds.default(360).describe('a model unused for this long is unloaded'),
    })
    .prefault({}),
  queue: z
    .strictObject({
      concurrency: count
        .max(256)
        .default(cores * 2 + 2)
        .describe('tracks in work at a time (default: 2 x cores + 2)'),
      window: count.max(2000).default(256).describe('tracks taken from the backlog ahead of time'),
      retry_minutes: z
        .array(seconds)
        .default([1, 15, 240])
        .describe('waits before a failed track is tried again; afterwards only when its file changes'),
      drain_seconds: z
        .number()
        .nonnegative()
        .default(20)
        .describe('how long work in progress may take after Ctrl-C'),
    })
    .prefault({}),
  removal: z
    .strictObject({
      grace_days: z.number().nonnegative().default(7).describe('how long vectors of missing tracks are kept'),
      guard_percent: z.number().min(0).max(100).default(20).describe('more missing at once than this ...'),
      guard_tracks: z.int().nonnegative().default(50).describe('... and than this many tracks stops removal'),
    })
    .prefault({}),
  log: z
    .strictObject({
      level: z
        .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
        .default('info')
        .describe('least level logged'),
      format: z
        .enum(['auto', 'pretty', 'json'])
        .default('auto')
        .describe('auto: pretty on a terminal, JSON elsewhere'),
    })
    .prefault({}),
})

export type Config = z.infer<typeof CONFIG>

const PREFIX = 'SOUNDLEDGER_'

/** All keys that hold a value, as paths: [['library', 'database'], ...]. */
export function configKeys(): Array<{ path: [string, string]; description: string; defaultValue: unknown }> {
  const defaults = CONFIG.parse({}) as Record<string, Record<string, unknown>>
  return Object.entries(CONFIG.shape).flatMap(([section, schema]) =>
    Object.entries(schema.unwrap().shape).map(([key, leaf]) => ({
      path: [section, key] as [string, string],
      description: leaf.description ?? '',
      defaultValue: defaults[section]?.[key],
    })),
  )
}

/** `SOUNDLEDGER_LIBRARY_DATABASE` for library.database. */
export function environmentName(path: readonly string[]): string {
  return PREFIX + path.join('_').toUpperCase()
}

type Values = Record<string, Record<string, unknown>>

/**
 * Defaults, then the file, then the environment (`SOUNDLEDGER_<SECTION>_<KEY>`, values in YAML), then `overrides` from the
 * command line: one validated, frozen value. Throws PermanentError naming every wrong key, its value and what was expected.
 */
export function loadConfig(options: {
  readonly file: string | null
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly overrides: Values
}): Config {
  const fromFile = options.file === null ? {} : readFile(options.file)
  const fromEnvironment = readEnvironment(options.environment)
  check(fromFile, options.file ?? '')
  check(fromEnvironment, 'environment')
  const merged: Values = {}
  for (const layer of [fromFile, fromEnvironment, options.overrides]) {
    for (const [section, values] of Object.entries(layer)) merged[section] = { ...merged[section], ...values }
  }
  return deepFreeze(check(merged, 'configuration'))
}

function check(values: unknown, source: string): Config {
  const result = CONFIG.safeParse(values)
  if (result.success) return result.data
  const problems = result.error.issues.map((issue) => describeIssue(issue, values, source))
  throw new PermanentError({
    operation: 'read configuration',
    subject: source,
    message: problems.join('; '),
    hint: 'README.md, "Configuration", lists every key',
  })
}

function describeIssue(issue: z.core.$ZodIssue, values: unknown, source: string): string {
  const name = (path: readonly PropertyKey[]) =>
    source === 'environment' ? environmentName(path.map(String)) : path.map(String).join('.')
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(
      issue.path.length === 0 ? CONFIG.shape : (sectionShape(String(issue.path[0])) ?? {}),
    )
    return issue.keys
      .map((key) => `unknown key ${name([...issue.path, key])}; known here: ${known.join(', ')}`)
      .join('; ')
  }
  const value = issue.path.reduce<unknown>(
    (at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key],
    values,
  )
  return `${name(issue.path)} is ${JSON.stringify(value) ?? 'absent'}: ${issue.message}`
}

function sectionShape(section: string): Record<string, unknown> | undefined {
  return Object.entries(CONFIG.shape)
    .find(([name]) => name === section)?.[1]
    .unwrap().shape
}

function readFile(file: string): Values {
  if (!existsSync(file)) {
    throw new PermanentError({
      operation: 'read configuration',
      subject: file,
      message: 'there is no such file',
      hint: 'check --config, or start from config/soundledger.yaml',
    })
  }
  try {
    return (parseYaml(readFileSync(file, 'utf8')) ?? {}) as Values
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error
    throw new PermanentError({
      operation: 'read configuration',
      subject: file,
      message: error.message,
      cause: error,
    })
  }
}

function readEnvironment(environment: Readonly<Record<string, string | undefined>>): Values {
  const keys = new Map(configKeys().map(({ path }) => [environmentName(path), path]))
  const values: Values = {}
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith(PREFIX) || text === undefined) continue
    const path = keys.get(name)
    if (path === undefined) {
      throw new PermanentError({
        operation: 'read configuration',
        subject: 'environment',
        message: `unknown variable ${name}; known: ${[...keys.keys()].join(', ')}`,
      })
    }
    const [section, key] = path
    values[section] = { ...values[section], [key]: parseYaml(text) }
  }
  return values
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner)
    Object.freeze(value)
  }
  return value
}
