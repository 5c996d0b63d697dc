import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, test } from 'node:test'
import { createAudioPool } from '../../src/audio/pool.ts'
import { PermanentError } from '../../src/core/errors.ts'
import { temporaryFolder, writeAudio } from '../support/audio.ts'

describe('hostile files', () => {
  test('playlists and scripts that name other files or servers are refused and open nothing', async (t) => {
    const folder = temporaryFolder(t)
    const requests: string[] = []
    const server = createServer((request, response) => {
      requests.push(request.url ?? '')
      response.end()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const other = writeAudio(folder, 'other.mp3', 'mp3', 1, 1)
    const pool = createAudioPool({
      children: 1,
      timeoutMs: 60_000,
      rssLimitBytes: 1e9,
      scratchFolder: join(folder, 'scratch'),
    })
    t.after(() => pool.close())
    const hls = (target: string): string =>
      `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n${target}\n#EXT-X-ENDLIST\n`
    const scripts = {
      'hls to a server': hls(`${base}/a.ts`),
      'hls to a file': hls(`file:${other}`),
      'plain playlist': `${base}/b.mp3\n`,
      'concat script of a file': `ffconcat version 1.0\nfile '${other}'\n`,
      'concat script of a server': `ffconcat version 1.0\nfile '${base}/c.mp3'\n`,
      'session description': `v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=audio 5004 RTP/AVP 0\n`,
      'dash manifest': `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet mimeType="audio/mp4"><Representation id="1"><BaseURL>${base}/d.m4a</BaseURL></Representation></AdaptationSet></Period></MPD>`,
    }
    for (const [what, content] of Object.entries(scripts)) {
      for (const name of ['evil.mp3', 'evil.m3u8', 'evil.ffconcat', 'evil.flac', 'evil']) {
        const path = join(folder, name)
        writeFileSync(path, content)
        await assert.rejects(
          pool.inspect(path, { tags: true }),
          (error) => error instanceof PermanentError && error.message !== '',
          `${what} as ${name}`,
        )
      }
    }
    assert.deepEqual(requests, [])
    assert.equal(pool.stats().restarts, 0)
  })

  test('a child stuck in its work is gone after its parent was killed', {
    skip: process.platform !== 'linux',
  }, async (t) => {
    const folder = temporaryFolder(t)
    const path = writeAudio(folder, 'a.wav', 'wav', 1, 0.2)
    const parent = spawn(
      process.execPath,
      ['--input-type=module-typescript', '--eval', PARENT, path, folder],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
        cwd: import.meta.dirname,
      },
    )
    const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string]
    const child = Number(line)
    assert.ok(isAlive(child))
    parent.kill('SIGKILL')
    await once(parent, 'close')
    // No event tells of the end of a process that is not our child.
    while (isAlive(child)) await new Promise((resolve) => setTimeout(resolve, 50))
  })
})

/** Starts a pool, lets its child hang, and prints the child's process id. */
const PARENT = `
const { createAudioPool } = await import('../../src/audio/pool.ts')
const [path, folder] = process.argv.slice(1)
const pool = createAudioPool({ children: 1, timeoutMs: 600000, rssLimitBytes: 1e9, scratchFolder: folder + '/s', faults: true })
await pool.inspect(path, { tags: false })
pool.inspect(path, { tags: false, fault: 'hang' })
process.stdout.write(pool.stats().pids[0] + '\\n')
`

/** Whether the process runs; one that ended but was not collected by its new parent does not. */
function isAlive(pid: number): boolean {
  const file = `/proc/${pid}/stat`
  return existsSync(file) && !/\) [ZX] /.test(readFileSync(file, 'latin1'))
}
