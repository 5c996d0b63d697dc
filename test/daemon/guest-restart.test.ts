import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { describe, it } from 'node:test'
import { writeAudio } from '../support/audio.ts'
import { soundledger } from '../support/cli.ts'
import { Library } from '../support/guest.ts'

const SOUND = { integrity_check: 'ok' }

/** SHA-256 of the database file and of its log, as they lie on the disk; null where there is none. */
function bytes({ database }: Library): Array<string | null> {
  return [database, `${database}-wal`].map((file) =>
    existsSync(file) ? createHash('sha256').update(readFileSync(file)).digest('hex') : null,
  )
}

async function lifetimeEmbedded(library: Library): Promise<number> {
  const { stdout } = await soundledger(['status', '--json', '--data', library.data])
  return JSON.parse(stdout).lifetime.embedded
}

describe('the files of the library’s database', () => {
  it('are not changed by one byte in a daemon’s life, nor is the log moved into the database', async (t) => {
    const library = await Library.start(t)
    await library.play(20)
    const before = bytes(library)
    for (let life = 0; life < 2; life += 1) {
      writeAudio(library.music, '0.flac', 'flac', 70 + life, 1)
      const daemon = await library.followed(t)
      assert.equal((await daemon.stop()).code, 0)
      assert.deepEqual(bytes(library), before, `life ${life}`)
    }
    assert.equal(await lifetimeEmbedded(library), 3)
    await library.retitle('Written by the owner')
    assert.deepEqual(await library.integrity(), SOUND)
  })

  it('are not changed when the daemon is the only one to read what a crashed server left', async (t) => {
    const library = await Library.start(t)
    await library.writer.kill()
    const before = bytes(library)
    const daemon = await library.followed(t)
    assert.equal((await daemon.stop()).code, 0)
    assert.deepEqual(bytes(library), before)
    assert.equal(await lifetimeEmbedded(library), 2)
    await library.restart()
    assert.deepEqual(await library.integrity(), SOUND)
    await library.writer.close()
    assert.deepEqual(Object.keys(library.files()), [basename(library.database)])
  })

  it('stay where they are when the server stops and starts again: nothing is lost, all is followed', async (t) => {
    const library = await Library.start(t)
    const daemon = await library.followed(t)
    const before = library.files()
    for (let round = 0; round < 3; round += 1) {
      for (const end of ['close', 'kill'] as const) {
        const title = `Before ${end} ${round}`
        await library.retitle(title)
        await library.writer[end]()
        assert.deepEqual(library.files(), before, title)
        await library.restart()
        assert.deepEqual(
          await library.writer.all('select title from media_file where id = ?', [library.ids[0]]),
          [{ title }],
        )
        await library.retitle(`After ${end} ${round}`)
        await daemon.logged(`"Artist - After ${end} ${round}"`)
        assert.deepEqual(await library.integrity(), SOUND)
      }
    }
    await library.add('Last of all')
    await daemon.logged('"Artist - Last of all"')
    assert.equal((await daemon.stop()).code, 0)
    assert.equal(await lifetimeEmbedded(library), 3)
    await library.writer.close()
    assert.deepEqual(Object.keys(library.files()), [basename(library.database)])
  })

  it('hold all that was committed when the server stops first and the daemon next', async (t) => {
    const library = await Library.start(t)
    const daemon = await library.followed(t)
    await library.retitle('The last before the end')
    await library.writer.close()
    const before = bytes(library)
    assert.equal((await daemon.stop()).code, 0)
    assert.deepEqual(bytes(library), before)
    await library.restart()
    const titles = await library.writer.all('select title from media_file order by rowid limit 1')
    assert.deepEqual(titles, [{ title: 'The last before the end' }])
    assert.deepEqual(await library.integrity(), SOUND)
    await library.writer.close()
    assert.deepEqual(Object.keys(library.files()), [basename(library.database)])
  })

  it('are cleaned up by a server that starts and ends after a daemon that found it stopped', async (t) => {
    const library = await Library.start(t)
    await library.writer.close()
    await (await library.followed(t)).stop()
    await library.restart()
    await library.retitle('Written by the owner')
    await library.writer.close()
    assert.deepEqual(Object.keys(library.files()), [basename(library.database)])
  })
})
