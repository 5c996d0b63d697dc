import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { writeAudio } from '../support/audio.ts'
import { ROOT, temporaryFolder } from '../support/cli.ts'

const run = promisify(execFile)

describe('the npm package', () => {
  it('holds all that is needed to embed a folder, and keeps its state in the XDG directory', async (t) => {
    const folder = temporaryFolder(t, 'package')
    const { stdout: packed } = await run('npm', ['pack', '--silent', '--pack-destination', folder], {
      cwd: ROOT,
    })
    await run('tar', ['xzf', join(folder, packed.trim()), '-C', folder])
    const installed = join(folder, 'package')
    symlinkSync(join(ROOT, 'node_modules'), join(installed, 'node_modules'))
    const music = join(folder, 'music')
    mkdirSync(music)
    writeAudio(music, 'a.flac', 'flac', 1, 2, { artist: 'Packed', title: 'Song' })

    const environment = {
      ...process.env,
      XDG_STATE_HOME: join(folder, 'state'),
      SOUNDLEDGER_EXECUTION_PROVIDER: 'cpu',
    }
    const soundledger = (...words: string[]) =>
      run(process.execPath, [join(installed, 'bin/soundledger.js'), ...words], {
        cwd: folder,
        env: environment,
      })
    const { stdout } = await soundledger('--once', '--json', music)
    assert.equal(JSON.parse(stdout).operations.done, 1)
    const status = await soundledger('status', '--json', '--data', join(folder, 'state', 'soundledger'))
    assert.equal(JSON.parse(status.stdout).tracks.present, 1)
  })

  it('records no download addresses in its lockfile', async () => {
    const { readFile } = await import('node:fs/promises')
    assert.doesNotMatch(await readFile(join(ROOT, 'package-lock.json'), 'utf8'), /"resolved": "http/)
  })
})
