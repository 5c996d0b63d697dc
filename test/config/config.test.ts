import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { parse } from 'yaml'
import { configKeys, environmentName, loadConfig } from '../../src/config.ts'
import { PermanentError } from '../../src/core/errors.ts'

const ROOT = join(import.meta.dirname, '../..')
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'soundledger-config-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function load(yaml: string | null, environment: Record<string, string> = {}, overrides = {}) {
  const file = yaml === null ? null : join(folder, 'soundledger.yaml')
  if (file !== null) writeFileSync(file, yaml ?? '')
  return loadConfig({ file, environment, overrides })
}

function refusal(yaml: string | null, environment: Record<string, string> = {}): string {
  try {
    load(yaml, environment)
  } catch (error) {
    assert.ok(error instanceof PermanentError)
    return error.describe()
  }
  throw new assert.AssertionError({ message: 'the configuration was accepted' })
}

describe('configuration', () => {
  it('needs no file', () => {
    assert.deepEqual(load(null).models.enabled, ['timbre'])
  })

  it('lets the file override defaults, the environment the file, and the command line everything', () => {
    const yaml = 'removal: {grace_days: 3, guard_percent: 10, guard_tracks: 5}'
    const environment = { SOUNDLEDGER_REMOVAL_GUARD_PERCENT: '11', SOUNDLEDGER_REMOVAL_GUARD_TRACKS: '6' }
    const { removal } = load(yaml, environment, { removal: { guard_tracks: 7 } })
    assert.deepEqual(removal, { grace_days: 3, guard_percent: 11, guard_tracks: 7 })
  })

  it('reads lists and mappings from the environment as YAML', () => {
    const config = load(null, { SOUNDLEDGER_LIBRARY_PATH_MAP: '[{from: /music, to: /mnt/music}]' })
    assert.deepEqual(config.library.path_map, [{ from: '/music', to: '/mnt/music' }])
  })

  it('names an unknown key and the known ones beside it', () => {
    assert.match(
      refusal('removal: {grace_hours: 3}'),
      /unknown key removal\.grace_hours; known here: grace_days/,
    )
    assert.match(refusal('removals: {}'), /unknown key removals; known here: library, capture/)
  })

  it('names key, value and what was expected', () => {
    assert.match(refusal('removal: {grace_days: soon}'), /removal\.grace_days is "soon": .*expected number/)
    assert.match(refusal('execution: {provider: gpu}'), /execution\.provider is "gpu": .*"cuda"/)
    assert.match(refusal(null, { SOUNDLEDGER_QUEUE_WINDOW: '-1' }), /SOUNDLEDGER_QUEUE_WINDOW is -1: .*>0/)
  })

  it('names an unknown variable', () => {
    assert.match(
      refusal(null, { SOUNDLEDGER_LIBRARY_DATABSE: 'x' }),
      /unknown variable SOUNDLEDGER_LIBRARY_DATABSE/,
    )
  })

  it('says where YAML breaks', () => {
    assert.match(refusal('library: [\n'), /soundledger\.yaml.*line/s)
  })

  it('is frozen', () => {
    assert.throws(() => {
      ;(load(null).removal as { grace_days: number }).grace_days = 1
    }, TypeError)
  })

  it('has a sample file with every key at its default, and it loads', () => {
    const text = readFileSync(join(ROOT, 'config/soundledger.yaml'), 'utf8')
    const active = parse(text.replaceAll(/^( *)# ?(\w+:)/gm, '$1$2'))
    for (const { path } of configKeys()) {
      const [section, key] = path
      assert.ok(active[section] && key in active[section], `config/soundledger.yaml lacks ${section}.${key}`)
    }
    load(text)
  })

  it('is described in the README, key by key', () => {
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
    for (const { path } of configKeys())
      assert.ok(readme.includes(`\`${path.join('.')}\``), `README lacks ${path.join('.')}`)
    assert.ok(readme.includes(environmentName(['library', 'database'])))
  })
})
