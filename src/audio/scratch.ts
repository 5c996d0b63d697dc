import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode } from '../core/errors.ts'

/** Every file that decoding makes, and no other, has a name like this. */
const PREFIX = 'soundledger-pcm-'

/** The folder where decoded audio lies until it is released. Belongs to one pool at a time. */
export class Scratch {
  readonly #folder: string

  /** Makes the folder where it is missing and deletes what an earlier pool left; files of others stay. */
  constructor(folder: string) {
    this.#folder = folder
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    this.#removeAll(PREFIX)
  }

  /** A path that no other decode uses; names of its files begin with it. */
  base(): string {
    return join(this.#folder, `${PREFIX}${randomUUID()}`)
  }

  /** Deletes what a decode that was cut short left behind. */
  remove(base: string): void {
    this.#removeAll(base.slice(this.#folder.length).replace(/^[/\\]/, ''))
  }

  /** Deletes all of ours, and the folder when nothing else is in it. */
  close(): void {
    this.#removeAll(PREFIX)
    try {
      rmdirSync(this.#folder)
    } catch (error) {
      if (!['ENOTEMPTY', 'EEXIST', 'ENOENT', 'EBUSY'].includes(errorCode(error) ?? '')) throw error
    }
  }

  #removeAll(prefix: string): void {
    for (const name of readNames(this.#folder)) {
      if (name.startsWith(prefix)) rmSync(join(this.#folder, name), { force: true })
    }
  }
}

function readNames(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return []
    throw error
  }
}
