import { constants } from 'node:fs'
import { access, readFile, realpath, stat } from 'node:fs/promises'
import { errorCode } from '../core/errors.ts'
import { isInside } from './folder-names.ts'

/** Mounts as Linux lists them; see proc_pid_mountinfo(5). Other systems have no such file. */
const MOUNTS_FILE = '/proc/self/mountinfo'

/**
 * What lies at the roots, as a text that differs when it is something else: another disk, another folder, nothing. A folder
 * that is mounted or unmounted raises no event where it is watched, so this is compared from time to time.
 */
export async function describePlaces(roots: readonly string[]): Promise<string> {
  const folders = await Promise.all(roots.map(describeFolder))
  return [...folders, ...(await mountsInside(await realPaths(roots)))].join('\n')
}

/** The real paths of the roots, without those that lie in another; a root that is not there keeps its name. */
export async function realPaths(roots: readonly string[]): Promise<string[]> {
  const paths = new Set(await Promise.all(roots.map((root) => realpath(root).catch(() => root))))
  return [...paths].filter((path) => ![...paths].some((other) => other !== path && isInside(other, path)))
}

/** Whether any of these can be entered and listed now. */
export async function anyReadable(folders: Iterable<string>): Promise<boolean> {
  const readable = await Promise.all(
    [...folders].map((folder) =>
      access(folder, constants.R_OK | constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  )
  return readable.includes(true)
}

async function describeFolder(root: string): Promise<string> {
  try {
    const { dev, ino } = await stat(root, { bigint: true })
    return `${root} ${dev}:${ino}`
  } catch (error) {
    return `${root} ${errorCode(error) ?? 'unreadable'}`
  }
}

async function mountsInside(roots: readonly string[]): Promise<string[]> {
  let text: string
  try {
    text = await readFile(MOUNTS_FILE, 'utf8')
  } catch {
    return []
  }
  return text.split('\n').flatMap((line) => {
    const [id, , device, , point = ''] = line.split(' ')
    const path = point.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)))
    return roots.some((root) => isInside(root, path)) ? [`${id} ${device} ${path}`] : []
  })
}
