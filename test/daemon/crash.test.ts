import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, renameSync, rmSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { File as TaggedFile } from 'node-taglib-sharp'
import { seededRandom, writeAudio } from '../support/audio.ts'
import { converge, Soundledger, soundledger, temporaryFolder } from '../support/cli.ts'
import { cosine, readStored } from '../support/stored.ts'

const KILLS = 50
const TRACKS = 12

/** A folder that lives: every `change` adds, replaces, retags, moves or deletes something. Counts the sounds it brought. */
class LivingFolder {
  sounds = 0
  readonly #folder: string
  readonly #random: () => number
  #names = 0

  constructor(folder: string, random: () => number) {
    this.#folder = folder
    this.#random = random
    mkdirSync(folder, { recursive: true })
    for (let n = 0; n < TRACKS; n += 1) this.add()
  }

  add(): void {
    this.#names += 1
    this.#write(`${this.#names}.flac`)
  }

  change(): void {
    const files = readdirSync(this.#folder)
    const name = files[Math.floor(this.#random() * files.length)] ?? ''
    const kind = Math.floor(this.#random() * 5)
    const path = join(this.#folder, name)
    if (kind === 0) this.add()
    else if (kind === 1) this.#write(name)
    else if (kind === 2) retag(path, `Take ${this.#names}`)
    else if (kind === 3) renameSync(path, join(this.#folder, `moved ${name}`))
    else if (files.length > 5) rmSync(path)
  }

  #write(name: string): void {
    this.sounds += 1
    const path = writeAudio(this.#folder, name, 'flac', 1000 + this.sounds, 1, { artist: 'A', title: name })
    // Two replacements within one tick of the file system's clock must differ.
    utimesSync(path, new Date(), new Date(Date.now() - this.sounds * 1000))
  }
}

function retag(path: string, title: string): void {
  const file = TaggedFile.createFromPath(path)
  file.tag.title = title
  file.save()
  file.dispose()
}

describe('SIGKILL', () => {
  it(`I1 I2: at ${KILLS} random instants, then a restart: the store is as if nothing had happened`, async (t) => {
    const root = temporaryFolder(t, 'crash')
    const data = join(root, 'data')
    const seed = Date.now() % 1_000_000
    t.diagnostic(`seed ${seed}`)
    const random = seededRandom(seed)
    const library = new LivingFolder(join(root, 'music'), random)
    const music = join(root, 'music')
    let killed = 0
    // Follows the machine's speed, so that most instants fall into a run and all parts of it are hit.
    let spanMs = 1500
    for (let n = 0; killed < KILLS; n += 1) {
      assert.ok(n < 4 * KILLS, `only ${killed} of ${n} runs were still going when they were to be killed`)
      for (let changes = 0; changes < 3; changes += 1) library.change()
      const daemon = new Soundledger(['watch', '--once', '--json', '--data', data, music])
      const over = new AbortController()
      const instant = sleep(random() * spanMs, undefined, { signal: over.signal }).catch(() => {})
      await Promise.race([instant, daemon.finished])
      const { signal } = await daemon.stop('SIGKILL')
      over.abort()
      if (signal === 'SIGKILL') killed += 1
      spanMs *= signal === 'SIGKILL' ? 1.1 : 0.8
    }

    const { tracks } = await converge([music], data)
    const survivor = await readStored(data)
    await converge([music], join(root, 'fresh'))
    const fresh = await readStored(join(root, 'fresh'))
    const files = readdirSync(music).map((name) => join(music, name))
    assert.equal(tracks.present, files.length)
    const { stdout } = await soundledger(['status', '--json', '--data', data])
    const { lifetime, failures } = JSON.parse(stdout)
    assert.deepEqual(failures, [])
    for (const path of files) {
      const row = survivor.at(path)
      const expected = fresh.at(path)
      assert.equal(row?.fingerprint, expected?.fingerprint, path)
      assert.equal(row?.name, expected?.name, path)
      assert.equal(row?.available, true)
      assert.ok(cosine(row, expected) > 0.9999, path)
    }
    assert.equal(survivor.paths.size, survivor.rows.size, 'rows without a track')
    const visible = [...survivor.rows.values()].filter(({ available }) => available)
    assert.equal(visible.length, files.length, 'visible rows of missing tracks')
    assert.ok(
      lifetime.embedded <= library.sounds,
      `${lifetime.embedded} embedded for ${library.sounds} sounds`,
    )
  })
})
