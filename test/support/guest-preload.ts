// Loaded before the program where `asUser` or `behindMount` is part of its environment: it then runs as another user, or
// sees a folder through a read-only mount of its own, under the process id it was started with.
const folder = process.env.GUEST_MOUNT
const uid = Number(process.env.GUEST_UID ?? 0)
const MOUNT_AND_RUN =
  'mount --make-rprivate / && mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'

if (folder !== undefined) {
  delete process.env.GUEST_MOUNT
  const program = [process.execPath, ...process.argv.slice(1)]
  const unshare = ['unshare', '--mount', 'sh', '-c', MOUNT_AND_RUN, folder, ...program]
  process.execve?.('/usr/bin/unshare', unshare, process.env)
} else if (uid > 0 && process.getuid?.() === 0) {
  process.setgroups?.([])
  process.setgid?.(uid)
  process.setuid?.(uid)
}
