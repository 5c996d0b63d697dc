/** The folder whose watch raised a `raw` event of chokidar, which hands it over untyped; empty when it says nothing. */
export function watchedFolder(details: unknown): string {
  if (typeof details !== 'object' || details === null || !('watchedPath' in details)) return ''
  return typeof details.watchedPath === 'string' ? details.watchedPath : ''
}
