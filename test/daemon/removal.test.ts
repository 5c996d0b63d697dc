import assert from 'node:assert/strict'
import { mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { massMissing } from '../../src/reconcile/removal.ts'
import { writeAudio } from '../support/audio.ts'
import { converge, soundledger, temporaryFolder } from '../support/cli.ts'
import { readStored } from '../support/stored.ts'

const POLICY = { graceMs: 0, guardShare: 0.2, guardTracks: 50 }

describe('removal', () => {
  it('is held only when more than the share and more than the number of tracks are missing', () => {
    assert.equal(massMissing({ present: 1000, unconfirmed: 200 }, POLICY), null)
    assert.equal(massMissing({ present: 50, unconfirmed: 50 }, POLICY), null)
    assert.equal(massMissing({ present: 204, unconfirmed: 51 }, POLICY), null)
    assert.match(
      massMissing({ present: 200, unconfirmed: 51 }, POLICY) ?? '',
      /^51 of 251 tracks \(20 %\) are missing/,
    )
    assert.equal(massMissing({ present: 0, unconfirmed: 0 }, POLICY), null)
  })

  it('I5: waits for a person when many tracks go missing together, and hides them meanwhile', async (t) => {
    const root = temporaryFolder(t, 'removal')
    const [music, data] = [join(root, 'music'), join(root, 'data')]
    mkdirSync(join(music, 'lost'), { recursive: true })
    mkdirSync(join(music, 'kept'))
    for (let n = 0; n < 55; n += 1) writeAudio(join(music, 'lost'), `${n}.flac`, 'flac', n, 0.2)
    for (let n = 0; n < 5; n += 1) writeAudio(join(music, 'kept'), `${n}.flac`, 'flac', 100 + n, 0.2)
    await converge([music], data)
    renameSync(join(music, 'lost'), join(root, 'aside'))

    const environment = { SOUNDLEDGER_REMOVAL_GRACE_DAYS: '0' }
    const held = await converge([music], data, { environment })
    assert.deepEqual(held.tracks, { total: 60, present: 5, missing: 55, failed: 0, held: 55 })
    assert.equal(held.run.removed, 0)
    const rows = [...(await readStored(data)).rows.values()]
    assert.equal(rows.length, 60)
    assert.equal(rows.filter(({ available }) => available).length, 5)
    const { stdout: status } = await soundledger(['status', '--data', data])
    assert.match(status, /held: 55 tracks: 55 of 60 tracks \(92 %\) are missing/)

    renameSync(join(root, 'aside'), join(music, 'lost'))
    const returned = await converge([music], data, { environment })
    assert.deepEqual(returned.tracks, { total: 60, present: 60, missing: 0, failed: 0, held: 0 })
    assert.equal(returned.run.embedded, 0)

    renameSync(join(music, 'lost'), join(root, 'aside'))
    await converge([music], data, { environment })
    const { stdout } = await soundledger(['confirm-removals', '--data', data])
    assert.match(stdout, /removal of 55 missing tracks confirmed/)
    const gone = await converge([music], data, { environment })
    assert.equal(gone.run.removed, 55)
    assert.deepEqual(gone.tracks, { total: 5, present: 5, missing: 0, failed: 0, held: 0 })
    assert.equal((await readStored(data)).rows.size, 5)
  })
})
