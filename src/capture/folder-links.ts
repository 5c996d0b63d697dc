import { realpathSync, statSync } from 'node:fs'
import { isInside, isWatchedBelow } from './folder-names.ts'

/**
 * Which symbolic links are worth following. A link into a root leads to what is watched anyway, and one to a folder above a
 * root is a loop; of several links that lead to one folder outside the roots the first is followed. So the number of
 * watched folders is bounded by the number of real ones, however links point at each other.
 */
export class FolderLinks {
  readonly #roots: readonly string[]
  readonly #followFolders: boolean
  /** From a followed link to the real folder behind it. */
  readonly #followed = new Map<string, string>()
  readonly #onDangling: (link: string) => void

  /** `roots` are real paths; links to files are followed always, links to folders only if `followFolders`. */
  constructor(roots: readonly string[], followFolders: boolean, onDangling: (link: string) => void) {
    this.#roots = roots
    this.#followFolders = followFolders
    this.#onDangling = onDangling
  }

  follows(link: string): boolean {
    const target = realTarget(link)
    if (target === undefined) {
      this.#onDangling(link)
      return false
    }
    if (this.#roots.some((root) => isWatchedBelow(root, target.path))) return false
    if (!target.isFolder) return true
    if (!this.#followFolders || this.#roots.some((root) => isInside(target.path, root))) return false
    for (const [other, folder] of this.#followed) {
      if (other === link || !isInside(folder, target.path)) continue
      if (realTarget(other)?.path === folder) return false
      this.#followed.delete(other)
    }
    this.#followed.set(link, target.path)
    return true
  }
}

function realTarget(link: string): { path: string; isFolder: boolean } | undefined {
  try {
    const path = realpathSync.native(link)
    return { path, isFolder: statSync(path).isDirectory() }
  } catch {
    // Whatever is wrong with it, nothing can be watched behind it now.
    return undefined
  }
}
