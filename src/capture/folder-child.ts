import { FolderSession, type SessionSettings } from './folder-session.ts'
import type { FromFolderChild } from './folder-watcher.ts'

/*
 * Entry point of the process that watches folders: one message with the settings comes in, wake-ups go out, and a sign of
 * life every `probeMs`. It dies with its parent. Signals that a terminal or a service manager sends to the whole group are
 * left to the parent.
 */

const send = (message: FromFolderChild): void => {
  if (process.connected) process.send?.(message)
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
process.once('message', (settings: SessionSettings) => {
  new FolderSession({
    ...settings,
    onMoved: (cause) => send({ type: 'moved', cause }),
    onWarning: (message) => send({ type: 'warning', message }),
  })
  setInterval(() => send({ type: 'alive' }), settings.probeMs)
})
