import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import {
  type AudioPool,
  type AudioPoolOptions,
  type ChildEnd,
  createAudioPool,
} from '../../src/audio/pool.ts'
import type { AudioSpec } from '../../src/core/audio.ts'
import { PermanentError, type SoundledgerError, TransientError } from '../../src/core/errors.ts'
import type { FileStat } from '../../src/core/track.ts'
import { temporaryFolder, writeAudio } from '../support/audio.ts'

const SPEC: AudioSpec = { sampleRate: 22_050, channels: 1, windowSeconds: 2, hopSeconds: 1 }
const onLinux = { skip: process.platform !== 'linux' }

function openPool(t: TestContext, folder: string, options: Partial<AudioPoolOptions> = {}): AudioPool {
  const pool = createAudioPool({
    children: 1,
    timeoutMs: 60_000,
    rssLimitBytes: 1e9,
    scratchFolder: join(folder, 'scratch'),
    faults: true,
    ...options,
  })
  t.after(() => pool.close())
  return pool
}

function statOf(path: string): FileStat {
  const stats = statSync(path, { bigint: true })
  return { sizeBytes: Number(stats.size), mtimeNs: stats.mtimeNs }
}

/** What a promise is rejected with, which must be a failure of this kind. */
async function failure<T extends SoundledgerError>(
  promise: Promise<unknown>,
  kind: new (details: ConstructorParameters<typeof TransientError>[0]) => T,
): Promise<T> {
  const error = await promise.then(
    () => assert.fail('expected a failure'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof kind, `${error}`)
  return error
}

describe('audio pool', () => {
  test('inspect tells file, fingerprint, length, codec and tags', async (t) => {
    const folder = temporaryFolder(t)
    const path = writeAudio(folder, 'a.flac', 'flac', 1, 2, { artist: 'Ann', title: 'Tide', album: 'Sea' })
    const pool = openPool(t, folder)
    const found = await pool.inspect(path, { tags: true })
    assert.deepEqual(found.file, statOf(path))
    assert.equal(found.codec, 'flac')
    assert.equal(found.durationSeconds, 2)
    assert.deepEqual(found.attributes, { artist: 'Ann', title: 'Tide', album: 'Sea', durationSeconds: 2 })
    assert.equal((await pool.inspect(path, { tags: false })).attributes, null)
    assert.equal((await pool.inspect(path, { tags: false })).fingerprint, found.fingerprint)
  })

  test('decode gives one PCM file for each spec, and release deletes them', async (t) => {
    const folder = temporaryFolder(t)
    const path = writeAudio(folder, 'a.mp3', 'mp3', 1, 4)
    const pool = openPool(t, folder)
    const { file: expected, durationSeconds } = await pool.inspect(path, { tags: false })
    const stereo: AudioSpec = { ...SPEC, sampleRate: 44_100, channels: 2 }
    const decoded = await pool.decode(path, { expected, durationSeconds, specs: [SPEC, stereo] })
    assert.deepEqual(
      decoded.outputs.map(({ spec, samples, file }) => ({ spec, bytes: statSync(file).size / samples })),
      [
        { spec: SPEC, bytes: 4 },
        { spec: stereo, bytes: 8 },
      ],
    )
    await decoded.release()
    await decoded.release()
    assert.deepEqual(readdirSync(join(folder, 'scratch')), [])
  })

  test('requests beyond the number of children wait, and all are answered', async (t) => {
    const folder = temporaryFolder(t)
    const paths = [1, 2, 3, 4, 5, 6].map((seed) => writeAudio(folder, `${seed}.wav`, 'wav', seed, 0.5))
    const pool = openPool(t, folder, { children: 2 })
    const all = Promise.all(paths.map((path) => pool.inspect(path, { tags: false })))
    assert.deepEqual([pool.stats().running, pool.stats().queued, pool.stats().children], [2, 4, 2])
    assert.equal(new Set((await all).map((found) => found.fingerprint)).size, 6)
    const { completed, failed, restarts, bytesRead } = pool.stats()
    const bytes = paths.reduce((sum, path) => sum + statSync(path).size, 0)
    assert.deepEqual(
      { completed, failed, restarts, bytesRead },
      { completed: 6, failed: 0, restarts: 0, bytesRead: bytes },
    )
  })

  for (const [fault, cause, options] of [
    ['crash', /^decoder crashed \(SIGSEGV\)$/, {}],
    ['exit', /^decoder ended with exit code 3$/, {}],
    ['hang', /^decoder gave no answer within 1.5 s$/, { timeoutMs: 1500 }],
    ['leak', /^decoder used 0\.[3-9]\d GB of memory, limit 0\.30 GB$/, { rssLimitBytes: 3e8 }],
  ] as const) {
    test(`a child that falls to "${fault}" fails its own request only and is replaced`, async (t) => {
      const folder = temporaryFolder(t)
      const path = writeAudio(folder, 'a.flac', 'flac', 1, 1)
      const ends: ChildEnd[] = []
      const pool = openPool(t, folder, { ...options, onChildExit: (end) => ends.push(end) })
      const [bad, good] = await Promise.allSettled([
        pool.inspect(path, { tags: false, fault }),
        pool.inspect(path, { tags: false }),
      ])
      assert.equal(bad.status, 'rejected')
      assert.ok(bad.reason instanceof TransientError)
      assert.match(bad.reason.message, cause)
      assert.equal(bad.reason.subject, path)
      assert.equal(good.status, 'fulfilled')
      assert.equal(pool.stats().restarts, 1)
      assert.deepEqual([ends.length, ends[0]?.path, ends[0]?.expected], [1, path, false])
      assert.match(ends[0]?.reason ?? '', cause)
    })
  }

  test('a child without work ends after the idle time, and the next request starts another', async (t) => {
    const folder = temporaryFolder(t)
    const path = writeAudio(folder, 'a.flac', 'flac', 1, 1)
    const idle = Promise.withResolvers<ChildEnd>()
    const pool = openPool(t, folder, { idleMs: 1, onChildExit: idle.resolve })
    await pool.inspect(path, { tags: false })
    const { reason, expected } = await idle.promise
    assert.deepEqual({ reason, expected }, { reason: 'idle', expected: true })
    assert.deepEqual([pool.stats().children, pool.stats().restarts], [0, 0])
    assert.equal((await pool.inspect(path, { tags: false })).codec, 'flac')
  })

  test('without the option faults a child never misbehaves on request', async (t) => {
    const folder = temporaryFolder(t)
    const path = writeAudio(folder, 'a.flac', 'flac', 1, 1)
    const pool = openPool(t, folder, { faults: false })
    assert.equal((await pool.inspect(path, { tags: false, fault: 'exit' })).codec, 'flac')
  })

  test('aborting rejects with the reason, whether the request runs or waits', async (t) => {
    const folder = temporaryFolder(t)
    const path = writeAudio(folder, 'a.flac', 'flac', 1, 1)
    const pool = openPool(t, folder)
    const running = new AbortController()
    const waiting = new AbortController()
    const first = pool.inspect(path, { tags: false, fault: 'hang', signal: running.signal })
    const second = pool.inspect(path, { tags: false, signal: waiting.signal })
    const third = pool.inspect(path, { tags: false })
    waiting.abort(new Error('not needed'))
    await assert.rejects(second, /not needed/)
    running.abort(new Error('enough'))
    await assert.rejects(first, /enough/)
    assert.equal((await third).codec, 'flac')
    await assert.rejects(
      pool.inspect(path, { tags: false, signal: AbortSignal.abort(new Error('late')) }),
      /late/,
    )
  })

  test('close fails what runs and waits, ends the children, empties the scratch folder, and may be called again', async (t) => {
    const folder = temporaryFolder(t)
    const path = writeAudio(folder, 'a.flac', 'flac', 1, 1)
    const pool = openPool(t, folder)
    const expected = statOf(path)
    await pool.decode(path, { expected, specs: [SPEC], durationSeconds: 1 })
    assert.equal(readdirSync(join(folder, 'scratch')).length, 1)
    const pending = [1, 2].map(() =>
      failure(pool.inspect(path, { tags: false, fault: 'hang' }), TransientError),
    )
    const [pid = 0] = pool.stats().pids
    await Promise.all([pool.close(), pool.close()])
    for (const error of await Promise.all(pending)) assert.match(error.message, /pool is closed/)
    assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
    assert.equal(existsSync(join(folder, 'scratch')), false)
    await failure(pool.inspect(path, { tags: false }), TransientError)
  })

  test('a new pool deletes what an earlier one left in the scratch folder, and nothing else', (t) => {
    const folder = temporaryFolder(t)
    mkdirSync(join(folder, 'scratch'))
    for (const name of ['soundledger-pcm-1.0.f32', 'keep.txt'])
      writeFileSync(join(folder, 'scratch', name), '')
    openPool(t, folder)
    assert.deepEqual(readdirSync(join(folder, 'scratch')), ['keep.txt'])
  })

  test('a decode that fails leaves no scratch file', async (t) => {
    const folder = temporaryFolder(t)
    const path = writeAudio(folder, 'a.flac', 'flac', 1, 1)
    const pool = openPool(t, folder)
    const request = { expected: statOf(path), specs: [SPEC], durationSeconds: 1 }
    await failure(pool.decode(path, { ...request, fault: 'crash' }), TransientError)
    const changed = await failure(pool.decode(path, { ...request, fault: 'touch' }), TransientError)
    assert.match(changed.message, /changed while being read/)
    assert.deepEqual(readdirSync(join(folder, 'scratch')), [])
  })

  test('a file that changed since, or while, it was inspected fails for now', async (t) => {
    const folder = temporaryFolder(t)
    const path = writeAudio(folder, 'a.flac', 'flac', 1, 1)
    const pool = openPool(t, folder)
    const during = await failure(pool.inspect(path, { tags: true, fault: 'touch' }), TransientError)
    assert.match(during.message, /changed while being read/)
    const expected = statOf(path)
    appendFileSync(path, 'x')
    const since = await failure(
      pool.decode(path, { expected, specs: [SPEC], durationSeconds: 1 }),
      TransientError,
    )
    assert.match(since.message, /changed since it was inspected/)
  })

  test(
    'a missing file fails for now; a directory, a FIFO, a socket and a device fail for good, unopened',
    onLinux,
    async (t) => {
      const folder = temporaryFolder(t)
      const pool = openPool(t, folder)
      await failure(pool.inspect(join(folder, 'missing.mp3'), { tags: false }), TransientError)
      mkdirSync(join(folder, 'folder.mp3'))
      execFileSync('mkfifo', [join(folder, 'fifo.mp3')])
      const server = createServer().listen(join(folder, 'socket.mp3'))
      t.after(() => server.close())
      for (const [path, what] of [
        [join(folder, 'folder.mp3'), 'directory'],
        [join(folder, 'fifo.mp3'), 'FIFO'],
        [join(folder, 'socket.mp3'), 'socket'],
        ['/dev/zero', 'device'],
      ] as const) {
        const error = await failure(pool.inspect(path, { tags: true }), PermanentError)
        assert.equal(error.message, `is a ${what}, expected a regular file`)
      }
      assert.equal(pool.stats().restarts, 0)
    },
  )

  test('odd file names are read as they are', async (t) => {
    const folder = temporaryFolder(t)
    const path = writeAudio(folder, 'plain.mp3', 'mp3', 1, 1)
    const pool = openPool(t, folder)
    const { fingerprint } = await pool.inspect(path, { tags: false })
    const names = [
      'http:x.mp3',
      '-y.mp3',
      'a:b,,:c.mp3',
      'new\nline.mp3',
      '100%20.mp3',
      'é.mp3',
      'e\u0301.mp3',
      'noext',
    ]
    names.push('concat:a|b.mp3', '  .mp3', '音楽 🎵.mp3', `${'long'.repeat(60)}.mp3`, '#?&.mp3', '"\'\\.mp3')
    let current = path
    for (const trailing of ['', 'TAG'.padEnd(128, ' ')]) {
      appendFileSync(current, trailing)
      for (const name of names) {
        const odd = join(folder, name)
        renameSync(current, odd)
        current = odd
        assert.equal((await pool.inspect(odd, { tags: true })).fingerprint, fingerprint, name)
      }
    }
    symlinkSync(current, join(folder, 'link.mp3'))
    assert.equal((await pool.inspect(join(folder, 'link.mp3'), { tags: false })).fingerprint, fingerprint)
    const error = await failure(pool.inspect(`${folder}/nul\0.mp3`, { tags: false }), PermanentError)
    assert.match(error.message, /null bytes/)
  })

  test('a child sees no environment variable but those Node needs', onLinux, async (t) => {
    const folder = temporaryFolder(t)
    const path = writeAudio(folder, 'a.wav', 'wav', 1, 0.2)
    process.env.SOUNDLEDGER_TEST_SECRET = 'hidden'
    t.after(() => delete process.env.SOUNDLEDGER_TEST_SECRET)
    const pool = openPool(t, folder)
    await pool.inspect(path, { tags: false })
    const environment = readFileSync(`/proc/${pool.stats().pids[0]}/environ`, 'utf8')
    assert.ok(!environment.includes('SOUNDLEDGER'), environment)
  })
})
