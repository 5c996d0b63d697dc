import assert from 'node:assert/strict'
import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { writeAudio } from '../support/audio.ts'
import { converge, ROOT, Soundledger, soundledger, temporaryFolder } from '../support/cli.ts'

const run = promisify(execFile)

describe('command line', () => {
  it('lists its commands', async () => {
    const { code, stdout } = await soundledger(['--help'])
    assert.equal(code, 0)
    for (const command of ['watch', 'status', 'similar', 'retry', 'confirm-removals'])
      assert.match(stdout, new RegExp(command))
  })

  it('is the same program through npx and npm start', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
    const direct = await soundledger(['--version'])
    assert.equal(direct.stdout.trim(), version)
    const npx = await run('npx', ['soundledger', '--version'], { cwd: ROOT })
    assert.equal(npx.stdout.trim(), version)
    const start = await run('npm', ['start', '--silent', '--', '--version'], { cwd: ROOT })
    assert.equal(start.stdout.trim(), version)
  })

  it('answers what cannot be meant with exit code 2 and the reason', async (t) => {
    const folder = temporaryFolder(t, 'cli')
    writeFileSync(join(folder, 'file.db'), '')
    const cases: Array<[words: string[], reason: RegExp]> = [
      [['watch', '--onse', folder], /unknown option '--onse'/],
      [[join(folder, 'no such folder')], /there is no such folder/],
      [[join(folder, 'file.db')], /is a file, expected a music folder/],
      [['watch', '--data', folder], /no library: name a music folder/],
      [['--demo', folder], /--demo makes its own library/],
      [['--library', 'x.db', folder], /takes the music folders from the database/],
      [['similar'], /missing required argument 'track'/],
      [['similar', 'x', '-n', 'many'], /expected a whole number above 0/],
    ]
    for (const [words, reason] of cases) {
      const { code, stderr, stdout } = await soundledger(words)
      assert.match(stderr, reason, words.join(' '))
      assert.equal(code, 2, words.join(' '))
      assert.equal(stdout, '')
    }
  })

  it('refuses unknown models before anything starts, and names the valid ones', async (t) => {
    const folder = temporaryFolder(t, 'cli')
    const environment = { SOUNDLEDGER_MODELS_ENABLED: '[timber]' }
    const { code, stderr } = await soundledger(['--once', '--data', join(folder, 'data'), folder], {
      environment,
    })
    assert.equal(code, 1)
    assert.match(stderr, /timber.*timbre/s)
  })

  it('refuses a bad configuration by key, value and expectation', async (t) => {
    const folder = temporaryFolder(t, 'cli')
    writeFileSync(join(folder, 'soundledger.yaml'), 'queue: {window: lots}')
    const { code, stderr } = await soundledger([
      '--once',
      '--config',
      join(folder, 'soundledger.yaml'),
      folder,
    ])
    assert.equal(code, 1)
    assert.match(stderr, /queue\.window is "lots": .*expected number/)
  })

  it('says that there is no ledger instead of showing an empty one', async (t) => {
    const data = join(temporaryFolder(t, 'cli'), 'none')
    for (const command of [['status'], ['similar', 'x'], ['retry']]) {
      const { code, stderr } = await soundledger([...command, '--data', data])
      assert.equal(code, 1)
      assert.match(stderr, /there is no ledger here yet/)
    }
    assert.equal(existsSync(data), false)
  })

  it('refuses a second daemon on one data directory and names the first one’s pid', async (t) => {
    const folder = temporaryFolder(t, 'cli')
    const [music, data] = [join(folder, 'music'), join(folder, 'data')]
    mkdirSync(music)
    writeAudio(music, 'a.flac', 'flac', 1, 1)
    const first = new Soundledger(['--data', data, music])
    await first.logged('converged')
    const second = await soundledger(['--once', '--data', data, music])
    assert.equal(second.code, 1)
    assert.match(second.stderr, new RegExp(`another soundledger \\(pid ${first.process.pid}\\)`))
    assert.equal((await first.stop('SIGKILL')).signal, 'SIGKILL')
    assert.equal((await converge([music], data)).tracks.total, 1)
  })

  it('finishes what is in work on Ctrl-C, exits 0, and goes on where it stopped', async (t) => {
    const folder = temporaryFolder(t, 'cli')
    const [music, data] = [join(folder, 'music'), join(folder, 'data')]
    mkdirSync(music)
    for (let n = 0; n < 30; n += 1) writeAudio(music, `${n}.flac`, 'flac', n, 2)
    const daemon = new Soundledger(['--data', data, music])
    await daemon.logged('"embedded"')
    const { code } = await daemon.stop('SIGINT')
    assert.equal(code, 0)
    const { stdout } = await soundledger(['status', '--json', '--data', data])
    const { operations } = JSON.parse(stdout)
    assert.equal(operations.failed, 0)
    assert.ok(operations.done >= 1)
    const { run: rest } = await converge([music], data)
    assert.equal(rest.embedded, 30 - operations.done)
  })

  it('a Node that is too old says so in one line before anything else loads', {
    skip: oldNode() === null,
  }, async () => {
    const child = spawn(oldNode() ?? '', [join(ROOT, 'src/main.ts'), 'status'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stderr = ''
    child.stderr.on('data', (data) => {
      stderr += data
    })
    const [code] = await once(child, 'close')
    assert.equal(code, 1)
    assert.match(stderr, /^soundledger needs Node\.js 24 or newer; this is v\d+[^\n]*\n$/)
  })
})

/** A Node older than 24 outside the project, where the machine has one. */
function oldNode(): string | null {
  const path = '/usr/bin/node'
  if (!existsSync(path)) return null
  const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' })
  return Number(/^v(\d+)/.exec(stdout)?.[1] ?? 99) < 24 ? path : null
}
