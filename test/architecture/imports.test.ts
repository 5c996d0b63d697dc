import assert from 'node:assert/strict'
import { globSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, it } from 'node:test'

const SRC = join(import.meta.dirname, '../../src')
const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s[^'"]*?from\s+'([^']+)'|import\(\s*'([^']+)'\s*\)|(?:^|\n)import\s+'([^']+)'/g

/** Files of src with what they import, as paths relative to src or package names. */
const files = globSync('**/*.ts', { cwd: SRC })
  .filter((file) => realpathSync(join(SRC, file)).startsWith(SRC))
  .map((file) => {
    const text = readFileSync(join(SRC, file), 'utf8')
    const specifiers = [...text.matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? match[3] ?? '')
    const ours = specifiers
      .filter((name) => name.startsWith('.'))
      .map((name) => relative(SRC, resolve(join(SRC, dirname(file)), name)))
    return {
      file,
      ours,
      packages: specifiers.filter((name) => !name.startsWith('.') && !name.startsWith('node:')),
    }
  })

/** `ledger` for ledger/rows.ts; `` for daemon.ts and the other files that wire stages together. */
function roomOf(file: string): string {
  return file.includes('/') ? (file.split('/')[0] ?? '') : ''
}

const WIRING = new Set(['', 'cli'])
/** The one place that may import each vendor, as path prefixes below src. */
const VENDORS: Record<string, readonly string[]> = {
  'better-sqlite3': ['ledger/', 'library/', 'vectors/embedded/'],
  'sqlite-vec': ['vectors/embedded/'],
  'node-av': ['audio/'],
  'music-metadata': ['audio/'],
  'onnxruntime-node': ['embedding/'],
  'p-queue': ['queue/'],
  'p-retry': ['core/'],
  chokidar: ['capture/'],
  pino: ['telemetry/'],
  'pino-pretty': ['telemetry/'],
  commander: ['cli/'],
  'cli-progress': ['cli/'],
  'cli-table3': ['cli/'],
  'env-paths': ['cli/'],
  yaml: ['config.ts'],
}

describe('imports', () => {
  it('finds the files it speaks of', () => {
    assert.ok(files.length > 30, `${files.length} files`)
    assert.ok(files.some(({ file, ours }) => file === 'daemon.ts' && ours.includes('core/errors.ts')))
  })

  it('core imports nothing of ours', () => {
    for (const { file, ours } of files) {
      if (roomOf(file) !== 'core') continue
      for (const name of ours) assert.equal(roomOf(name), 'core', `${file} imports ${name}`)
    }
  })

  it('a stage imports only itself and core', () => {
    for (const { file, ours } of files) {
      const room = roomOf(file)
      if (WIRING.has(room)) continue
      for (const name of ours)
        assert.ok([room, 'core'].includes(roomOf(name)) || isPort(name), `${file} imports ${name}`)
    }
  })

  it('each vendor lives in one place', () => {
    for (const { file, packages } of files) {
      for (const specifier of packages) {
        const name = specifier.split('/')[0] ?? ''
        if (name === 'zod') continue
        const places = VENDORS[name]
        assert.ok(places, `${file} imports ${specifier}, which has no place yet`)
        assert.ok(
          places.some((place) => file.startsWith(place)),
          `${file} imports ${specifier}, which belongs to ${places.join(', ')}`,
        )
      }
    }
  })

  it('has no cycles at run time', () => {
    const graph = new Map(files.map(({ file }) => [file, runtimeImports(file)]))
    const done = new Set<string>()
    const visit = (file: string, trail: readonly string[]): void => {
      assert.ok(!trail.includes(file), `cycle: ${[...trail, file].join(' -> ')}`)
      if (done.has(file)) return
      for (const next of graph.get(file) ?? []) visit(next, [...trail, file])
      done.add(file)
    }
    for (const file of graph.keys()) visit(file, [])
  })

  it('only the process boundary touches argv, environment, signals and exit', () => {
    for (const { file } of files) {
      if (file === 'run.ts' || isProcessEntry(file)) continue
      const text = readFileSync(join(SRC, file), 'utf8')
      for (const word of ['process.argv', 'process.env', 'process.exit', "process.on('SIG"]) {
        assert.ok(!text.includes(word), `${file} uses ${word}`)
      }
    }
  })
})

/** The store port is types alone: the writer's consumers and adapters share it. */
function isPort(name: string): boolean {
  return name === 'vectors/store.ts'
}

/** Children are processes of their own. */
function isProcessEntry(file: string): boolean {
  return /(^|\/)(child|faults|folder-child|inference-child|parent-watch|audio-child|inference-process)\.ts$/.test(
    file,
  )
}

function runtimeImports(file: string): string[] {
  const text = readFileSync(join(SRC, file), 'utf8').replaceAll(
    /(?:^|\n)\s*(?:import|export)\s+type\s[^'"]*?from\s+'[^']+'/g,
    '',
  )
  return [...text.matchAll(IMPORT)]
    .map((match) => match[1] ?? match[2] ?? '')
    .filter((name) => name.startsWith('.'))
    .map((name) => relative(SRC, resolve(join(SRC, dirname(file)), name)))
}
