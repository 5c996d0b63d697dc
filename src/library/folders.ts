import { resolve } from 'node:path'
import { TransientError } from '../core/errors.ts'
import type { SnapshotRow } from '../core/track.ts'
import { AUDIO_EXTENSIONS } from './audio-files.ts'
import { statPath } from './file-stat.ts'
import { FolderWalk } from './folder-walk.ts'
import { checkedPageSize, inPages } from './pages.ts'
import type { FolderOptions, LibrarySource, SnapshotOptions, Unreadable } from './source.ts'

/**
 * Folders of music as a library. Rows carry no id and no attributes; order is stable: folder by folder, names by code unit.
 * Hidden entries and the bins of storage systems are skipped (`isSkippedName`).
 */
export class FolderLibrary implements LibrarySource {
  readonly kind = 'folders'
  readonly table = null
  readonly #roots: readonly string[]
  readonly #extensions: ReadonlySet<string>
  readonly #followSymlinks: boolean
  readonly #settleMs: number
  #unreadable: readonly Unreadable[] = []

  /** Throws TransientError when not one of the roots is a folder: disks may not be mounted yet. */
  constructor(options: FolderOptions) {
    this.#roots = [...new Set(options.roots.map((root) => resolve(root)))]
    this.#extensions = new Set(
      (options.extensions ?? AUDIO_EXTENSIONS).map((extension) => extension.toLowerCase().replace(/^\./, '')),
    )
    this.#followSymlinks = options.followSymlinks ?? true
    this.#settleMs = options.settleMs ?? 0
    if (!this.#roots.some((root) => statPath(root).kind === 'folder')) throw noRoot(this.#roots)
  }

  roots(): readonly string[] {
    return this.#roots
  }

  version(): string {
    return ''
  }

  /** A file that vanishes while the walk goes on is left out; a folder that cannot be read is reported and passed over. */
  *snapshot(options: SnapshotOptions = {}): Generator<SnapshotRow[], void> {
    const pageSize = checkedPageSize(options.pageSize)
    const walk = new FolderWalk({
      roots: this.#roots,
      extensions: this.#extensions,
      followSymlinks: this.#followSymlinks,
      settleMs: this.#settleMs,
    })
    this.#unreadable = []
    try {
      yield* inPages(walk.files(), pageSize)
    } finally {
      this.#unreadable = walk.unreadable()
    }
  }

  unreadable(): readonly Unreadable[] {
    return this.#unreadable
  }

  isAvailable(_libraryId: string): boolean {
    return false
  }

  scanning(): boolean {
    return false
  }

  close(): void {}
}

function noRoot(roots: readonly string[]): TransientError {
  const found = roots.map((root) => `${root}: ${rootState(root)}`).join(', ')
  return new TransientError({
    operation: 'open library',
    subject: roots.join(', ') || '(no folders)',
    message: `found ${found || 'no root'}; expected at least one readable folder of music`,
    hint: 'mount the disk, or correct library.folders',
  })
}

/** Why a path cannot serve as a root, in a few words. */
function rootState(root: string): string {
  const stated = statPath(root)
  if (stated.kind === 'failed') return stated.cause
  return stated.kind === 'absent' ? 'does not exist' : 'is not a folder'
}
