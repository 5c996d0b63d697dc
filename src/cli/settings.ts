import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import envPaths from 'env-paths'
import { type Config, loadConfig } from '../config.ts'
import type { LibraryOptions } from '../library/source.ts'
import { type CommandContext, UsageError } from './context.ts'

/** Options that every command takes. */
export interface CommonOptions {
  readonly data?: string
  readonly config?: string
}

/** `--data`, else `data` in a checkout, else the state directory of the platform (XDG). */
export function dataDirectory(options: CommonOptions, context: CommandContext): string {
  if (options.data !== undefined) return resolve(context.cwd, options.data)
  if (context.checkout) return join(context.packageRoot, 'data')
  return envPaths('soundledger', { suffix: '' }).log.replace(/[/\\]logs?$/i, '')
}

type Overrides = Record<string, Record<string, unknown>>

/**
 * `--config`, else the first there is: `soundledger.yaml` in the data directory or the working directory, in a checkout
 * `config/soundledger.yaml`; else defaults and environment alone.
 */
export function readConfig(
  options: CommonOptions,
  context: CommandContext,
  overrides: Overrides = {},
): Config {
  const { cwd, packageRoot, checkout, environment } = context
  const candidates = [
    join(dataDirectory(options, context), 'soundledger.yaml'),
    join(cwd, 'soundledger.yaml'),
  ]
  if (checkout) candidates.push(join(packageRoot, 'config', 'soundledger.yaml'))
  const file =
    options.config === undefined ? candidates.find((each) => existsSync(each)) : resolve(cwd, options.config)
  return loadConfig({ file: file ?? null, environment, overrides })
}

/** What the configuration says of the library; UsageError when it names none, or two. */
export function libraryOptions({ library }: Config, context: CommandContext): LibraryOptions {
  const { database, folders } = library
  if (database !== null && folders.length > 0) {
    throw new UsageError(
      `both a database (${database}) and folders (${folders.join(', ')}) are given: name one of them`,
    )
  }
  if (database !== null) {
    const path = resolve(context.cwd, database)
    return { kind: 'navidrome', database: path, pathMap: library.path_map, statFiles: library.stat_files }
  }
  if (folders.length === 0) {
    throw new UsageError(
      'no library: name a music folder, a Navidrome database with --library, or try --demo',
    )
  }
  const roots = folders.map((folder) => resolve(context.cwd, folder))
  return {
    kind: 'folders',
    roots,
    followSymlinks: library.follow_symlinks,
    settleMs: library.settle_seconds * 1000,
  }
}
