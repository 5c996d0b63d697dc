import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { writeAudio } from '../support/audio.ts'
import { Library } from '../support/guest.ts'

/** What a play writes; all else of a database stays as it is while music is listened to. */
const PLAYED = ['annotation', 'scrobbles', 'player', 'sqlite_sequence']
const HEADER = [
  'journal_mode',
  'user_version',
  'application_id',
  'schema_version',
  'page_size',
  'auto_vacuum',
]

/** SHA-256 of the schema, the header, and each table but those of plays, without tracks that are none of `tracks`. */
async function content({ writer }: Library, tracks: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  const note = (name: string, value: unknown) =>
    found.set(name, createHash('sha256').update(JSON.stringify(value)).digest('hex'))
  note('schema', await writer.all('select * from sqlite_schema order by rowid'))
  for (const pragma of HEADER) note(pragma, await writer.all(`pragma ${pragma}`))
  const list = await writer.all(
    "select name from pragma_table_list where schema = 'main' and type = 'table' order by name",
  )
  for (const { name } of list as Array<{ name: string }>) {
    if (PLAYED.includes(name) || name === 'sqlite_schema') continue
    const rows = (await writer.all(`select * from "${name}"`)) as Array<{ id?: string }>
    const kept = name === 'media_file' ? rows.filter(({ id }) => tracks.includes(id ?? '')) : rows
    note(name, kept.map((row) => JSON.stringify(row)).sort())
  }
  return found
}

describe('the content of the library’s database', () => {
  it('is what its owner wrote after a daemon’s life with many changes, and nothing else', async (t) => {
    const library = await Library.start(t, { tracks: 6 })
    const [retitled = '', removed = '', ...kept] = library.ids
    const before = await content(library, kept)
    for (const part of ['schema', 'media_file', 'library', 'user', 'schema_version'])
      assert.ok(before.has(part), part)
    const daemon = await library.followed(t)
    for (let round = 0; round < 5; round += 1) {
      await library.play(12)
      await library.retitle(`Round ${round}`, retitled)
      await daemon.logged(`"Artist - Round ${round}"`)
      await library.add(`New ${round}`)
      await daemon.logged(`"Artist - New ${round}"`)
      if (round % 2 === 0) await library.truncate(250)
    }
    writeAudio(library.music, '4.flac', 'flac', 90, 1)
    await library.writer.remove([removed])
    await daemon.logged('gone from library')
    assert.equal((await daemon.stop()).code, 0)
    assert.deepEqual(await content(library, kept), before)
    const [plays] = await library.writer.all('select sum(play_count) as plays from annotation')
    assert.deepEqual(plays, { plays: 60 })
    const ids = await library.writer.all('select id from media_file order by rowid')
    assert.deepEqual(
      ids,
      library.ids.filter((id) => id !== removed).map((id) => ({ id })),
    )
    assert.deepEqual(await library.integrity(), { integrity_check: 'ok' })
    assert.deepEqual(await library.writer.all('pragma foreign_key_check'), [])
  })
})
