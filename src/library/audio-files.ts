/** Extensions (lower case, no dot) of files that are taken for music. */
export const AUDIO_EXTENSIONS: readonly string[] = [
  ...['mp3', 'mp2', 'flac', 'ogg', 'oga', 'opus', 'spx', 'm4a', 'm4b', 'mp4', 'aac', 'alac', 'ac3'],
  ...['wav', 'w64', 'rf64', 'aif', 'aiff', 'aifc', 'caf', 'au', 'wma', 'asf', 'ape', 'wv', 'mpc', 'tta'],
  ...['tak', 'shn', 'ofr', 'dsf', 'dff', 'mka', 'webm', 'amr', 'ra', 'mpga', 'weba'],
]

/** Lower-case names of folders that systems fill with things that only look like music. */
const SKIPPED_NAMES = new Set([
  '@eadir',
  '#recycle',
  '#snapshot',
  'lost+found',
  '$recycle.bin',
  'system volume information',
])

/** Hidden entries (leading dot, so `.Trash-1000` and `.stfolder` too) and the bins and indexes of storage systems. */
export function isSkippedName(name: string): boolean {
  return name.startsWith('.') || SKIPPED_NAMES.has(name.toLowerCase())
}

/** Whether the file's extension, in any case, is among `extensions`. */
export function hasExtension(name: string, extensions: ReadonlySet<string>): boolean {
  const dot = name.lastIndexOf('.')
  return dot > 0 && extensions.has(name.slice(dot + 1).toLowerCase())
}
