// The demo's music server: a process of its own that keeps a Navidrome database of a folder of music, scans the folder and
// plays from it now and then.
//
//   node tools/demo/navidrome/server.ts --database navidrome.db --music DIR [--scan-seconds 3] [--play-seconds 5]
//
// Forked, it answers {type: 'rescan'} and {type: 'play'} and reports every scan that found something:
// {type: 'ready'}, {type: 'scanned', added, changed, missing, moved}, {type: 'played', id}, {type: 'failed', message}.
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { playSomething } from './plays.ts'
import { type ScanResult, scan } from './scan.ts'
import { openServerDatabase } from './schema.ts'

export type ServerRequest = { readonly type: 'rescan' | 'play' }
export type ServerReport =
  | { readonly type: 'ready' }
  | ({ readonly type: 'scanned' } & ScanResult)
  | { readonly type: 'played'; readonly id: string | null }
  | { readonly type: 'failed'; readonly message: string }

const { values } = parseArgs({
  options: {
    database: { type: 'string' },
    music: { type: 'string' },
    'scan-seconds': { type: 'string', default: '3' },
    'play-seconds': { type: 'string', default: '5' },
  },
})
if (values.database === undefined || values.music === undefined) {
  process.stderr.write('usage: server.ts --database FILE --music DIR [--scan-seconds N] [--play-seconds N]\n')
  process.exit(2)
}

const music = resolve(values.music)
const database = openServerDatabase(values.database, music)
let scans: Promise<void> = Promise.resolve()
let stopping = false

function report(message: ServerReport): void {
  if (process.connected) process.send?.(message)
  else process.stdout.write(`${JSON.stringify(message)}\n`)
}

/** Scans follow one another; `always` reports also a scan that found nothing. */
function rescan(always: boolean): void {
  scans = scans.then(async () => {
    if (stopping) return
    try {
      const result = await scan(database, music)
      if (always || Object.values(result).some((count) => count > 0)) report({ type: 'scanned', ...result })
    } catch (error) {
      report({ type: 'failed', message: error instanceof Error ? error.message : String(error) })
    }
  })
}

function play(): void {
  report({ type: 'played', id: playSomething(database) })
}

const timers = [
  setInterval(() => rescan(false), Number(values['scan-seconds']) * 1000),
  setInterval(play, Number(values['play-seconds']) * 1000),
]

async function stop(): Promise<void> {
  if (stopping) return
  stopping = true
  for (const timer of timers) clearInterval(timer)
  await scans
  database.close()
  if (process.connected) process.disconnect()
}

process.on('message', (request: ServerRequest) => {
  if (stopping) return
  if (request.type === 'rescan') rescan(true)
  else play()
})
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop())
process.on('disconnect', () => void stop())

rescan(true)
void scans.then(() => report({ type: 'ready' }))
