import { watch } from 'chokidar'
import { describeError } from '../core/errors.ts'

export interface FolderWatcher {
  /** May be called twice. */
  close(): Promise<void>
}

/**
 * Says that something moved below the roots; which file is the diff's business. Events can be lost without a word (an
 * overflowing kernel queue, network mounts), so nobody may rely on them alone.
 */
export function watchFolders(
  roots: readonly string[],
  options: {
    readonly followSymlinks: boolean
    readonly onMoved: () => void
    readonly onError: (message: string) => void
  },
): FolderWatcher {
  const watcher = watch([...roots], {
    ignoreInitial: true,
    followSymlinks: options.followSymlinks,
    ignored: (path) => /(^|\/)(\.[^/]+|@eaDir|#recycle|lost\+found)$/.test(path),
  })
  watcher.on('all', options.onMoved)
  watcher.on('error', (error) => options.onError(describeError(error)))
  return { close: () => watcher.close() }
}
