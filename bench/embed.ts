import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Report, Scenario } from './scenario.ts'
import type { AudioRequest, AudioSet } from './support/audio-files.ts'
import type { EmbedInput, EmbedOutput } from './support/embed-part.ts'
import { runPart } from './support/part.ts'
import type { StagesInput, StagesOutput } from './support/stages-part.ts'

const FULL = { sourceSeconds: 360, tracks: 80, seconds: [180, 240] } as const
const QUICK = { sourceSeconds: 30, tracks: 5, seconds: [10, 20] } as const
/** Tracks whose stages are measured one by one: two of each format, and one to start with. */
const STAGED = 11

/** Audio seconds that the daemon embeds in a second with `timbre`, and where the time goes. */
export const embed: Scenario = {
  name: 'embed',
  hasQuick: true,
  async run(report, { quick, cacheFolder }) {
    const request = { cacheFolder, ...(quick ? QUICK : FULL) }
    const audio = await runPart<AudioRequest, AudioSet>('audio-part.ts', request)
    const folder = await mkdtemp(join(tmpdir(), 'soundledger-bench-'))
    try {
      await measureDaemon(report, 'all_cores', audio, join(folder, 'all'), {}, false)
      const single = { audio: { children: 1 }, execution: { threads: 1 } }
      await measureDaemon(report, 'one_core', audio, join(folder, 'one'), single, true)
      await measureStages(report, audio, folder)
    } finally {
      await rm(folder, { recursive: true })
    }
    report.aim('embed.one_core.audio_s_per_s', '>=', 300)
    for (const label of ['all_cores', 'one_core']) {
      report.aim(`embed.${label}.loop_p99_ms`, '<=', 50)
      report.aim(`embed.${label}.main_rss_mb`, '<=', 300)
    }
  },
}

async function measureDaemon(
  report: Report,
  label: string,
  { folder, tracks }: AudioSet,
  dataDir: string,
  overrides: EmbedInput['overrides'],
  oneCore: boolean,
): Promise<void> {
  const input = { musicFolder: folder, tracks: tracks.length, dataDir, overrides }
  const output = await runPart<EmbedInput, EmbedOutput>('embed-part.ts', input, { oneCore })
  const audioSeconds = tracks.reduce((sum, { seconds }) => sum + seconds, 0)
  const metric = (name: string, value: number) => report.metric(`embed.${label}.${name}`, value)
  metric('audio_s_per_s', audioSeconds / output.seconds)
  metric('tracks_per_s', tracks.length / output.seconds)
  metric('start_s', output.secondsFromStart - output.seconds)
  metric('main_rss_mb', output.peakRssMb)
  metric('loop_p99_ms', output.loopP99Ms)
  metric('loop_max_ms', output.loopMaxMs)
  if (output.cpu === null) return
  // Holds on a busy machine too, where a second of the clock is less than a second of a core.
  const { main, audio, inference } = output.cpu
  const cpu = main + audio + inference
  metric('audio_s_per_cpu_s', audioSeconds / cpu)
  metric('cpu_share_audio', audio / cpu)
  metric('cpu_share_inference', inference / cpu)
  metric('cpu_share_main', main / cpu)
  metric('busy_cores', cpu / output.secondsFromStart)
}

/** What fingerprint, decode, inference and write cost, alone on one core. */
async function measureStages(report: Report, { tracks }: AudioSet, folder: string): Promise<void> {
  const files = tracks.slice(-STAGED).map(({ path }) => path)
  const input = { files, folder }
  const { seconds, ...stages } = await runPart<StagesInput, StagesOutput>('stages-part.ts', input, {
    oneCore: true,
  })
  const total = Object.values(stages).reduce((sum, each) => sum + each, 0)
  for (const [name, milliseconds] of Object.entries(stages)) {
    report.metric(`embed.stage.${name}_share`, milliseconds / total)
    report.metric(`embed.stage.${name}_ms_per_audio_s`, milliseconds / seconds)
  }
}
