import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { Worker } from 'node:worker_threads'
import { temporaryFolder, watching, write } from './folder-given.ts'

const FOLDERS = 200
const FILES = 100
/** More than the 16,384 events that the kernel keeps for one reader. */
const ALL = FOLDERS * FILES

/** Rewrites every file, in a thread, so that wake-ups are heard while it goes on. */
const BURST = `
  const { readdirSync, writeFileSync } = require('node:fs')
  const { workerData, parentPort } = require('node:worker_threads')
  for (const folder of readdirSync(workerData)) {
    for (const file of readdirSync(workerData + '/' + folder)) {
      writeFileSync(workerData + '/' + folder + '/' + file, 'changed')
    }
  }`

describe(`${ALL} files that change at once`, { timeout: 120_000 }, () => {
  it('are all seen by whoever looks when woken up, and the burst leads to a new start', async (t) => {
    const music = library(temporaryFolder(t))
    const { wakes, errors } = await watching(t, [music])
    const allSeen = wakes.next(() => changed(music) === ALL)
    const burst = wakes.next((cause) => cause === 'folder burst')
    new Worker(BURST, { eval: true, workerData: music })
    await allSeen
    await burst
    assert.equal(changed(music), ALL)
    assert.deepEqual(errors.all, [])
  })

  it('leave no folder unwatched, even if the kernel dropped the event of its creation', async (t) => {
    const music = library(temporaryFolder(t))
    const { wakes, children } = await watching(t, [music])
    // While it stands still nothing is read, so the kernel's queue overflows for certain.
    children[0]?.kill('SIGSTOP')
    for (const folder of readdirSync(music)) {
      for (const file of readdirSync(join(music, folder))) writeFileSync(join(music, folder, file), 'changed')
    }
    mkdirSync(join(music, 'unheard of'))
    const burst = wakes.next((cause) => cause === 'folder burst')
    children[0]?.kill('SIGCONT')
    await burst
    const woken = wakes.next()
    write(music, 'unheard of/track.flac')
    await woken
  })
})

function library(music: string): string {
  for (let folder = 0; folder < FOLDERS; folder += 1) {
    for (let file = 0; file < FILES; file += 1) {
      if (file === 0) mkdirSync(join(music, `album ${folder}`))
      writeFileSync(join(music, `album ${folder}`, `${file}.flac`), '')
    }
  }
  return music
}

/** How many files a walk finds changed. */
function changed(music: string): number {
  let found = 0
  for (const folder of readdirSync(music)) {
    for (const file of readdirSync(join(music, folder))) {
      if (statSync(join(music, folder, file)).size > 0) found += 1
    }
  }
  return found
}
