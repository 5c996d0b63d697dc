import { join, resolve } from 'node:path'
import Table from 'cli-table3'
import { PermanentError } from '../core/errors.ts'
import { collectionAlias } from '../core/model.ts'
import { displayName, type LedgerTrack, publicId } from '../core/track.ts'
import { VECTORS_FILE } from '../daemon.ts'
import { LEDGER_FILE, readLedger } from '../ledger/ledger.ts'
import { openEmbeddedStore } from '../vectors/embedded/store.ts'
import type { VectorStore } from '../vectors/store.ts'
import { type CommandContext, EXIT, type ExitCode, UsageError } from './context.ts'
import { type CommonOptions, dataDirectory } from './settings.ts'

export interface SimilarOptions extends CommonOptions {
  readonly count: number
  readonly model?: string
  readonly json?: boolean
}

export interface SimilarTrack {
  readonly trackId: string
  readonly name: string
  readonly path: string
  /** Cosine similarity, -1 to 1. */
  readonly score: number
}

type ReadLedger = ReturnType<typeof readLedger>

/** `soundledger similar TRACK`: the nearest tracks, best first, itself left out. */
export async function similar(
  text: string,
  options: SimilarOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const dataDir = dataDirectory(options, context)
  await using closers = new AsyncDisposableStack()
  const ledger = closers.adopt(readLedger(join(dataDir, LEDGER_FILE)), (each) => each.close())
  const model = chooseModel(ledger, options.model)
  const track = chooseTrack(ledger, text, context)
  const store = closers.adopt(
    await openEmbeddedStore({ file: join(dataDir, VECTORS_FILE), readOnly: true }),
    (each) => each.close(),
  )
  const found = await nearest(store, ledger, track, collectionAlias({ name: model }), options.count)
  context.stdout.write(options.json === true ? `${JSON.stringify(found)}\n` : asText(track, found))
  return EXIT.done
}

function chooseModel(ledger: ReadLedger, wanted: string | undefined): string {
  const names = ledger.models.all().map(({ name }) => name)
  const chosen = wanted ?? names[0]
  if (chosen !== undefined && names.includes(chosen)) return chosen
  throw new UsageError(
    `unknown model ${JSON.stringify(chosen ?? '')}; models with embeddings here: ${names.join(', ') || 'none'}`,
  )
}

function chooseTrack({ report }: ReadLedger, text: string, context: CommandContext): LedgerTrack {
  const exact = report.find(text, resolve(context.cwd, text))
  const found =
    exact.length > 0 ? exact : report.findByName(text.replaceAll('•', '&').replaceAll(/[/\\]/g, '_'))
  const track = found.find(({ state }) => state === 'present') ?? found[0]
  if (track !== undefined) return track
  throw new PermanentError({
    operation: 'find track',
    subject: JSON.stringify(text),
    message: 'no track has this id, path or name',
    hint: 'names read "artist - title"',
  })
}

/** The rows of one track pooled into one query; hits of one track are folded into its best one. */
async function nearest(
  store: VectorStore,
  ledger: ReadLedger,
  track: LedgerTrack,
  alias: string,
  count: number,
): Promise<SimilarTrack[]> {
  const own = await store.get(alias, track.key)
  const [first, ...others] = own?.segments ?? []
  if (first === undefined) {
    throw new PermanentError({
      operation: 'find similar tracks',
      subject: track.path,
      message: `it has no embedding in ${alias} yet`,
      hint: 'see `soundledger status` for failures and what is pending',
    })
  }
  const query = first.embedding.map((value, n) =>
    others.reduce((sum, { embedding }) => sum + (embedding[n] ?? 0), value),
  )
  const hits = await store.search(alias, query, { k: count * (others.length + 1), exclude: [track.key] })
  const best = new Map<string, number>()
  for (const { key, score } of hits) if (!best.has(key)) best.set(key, score)
  const tracks = ledger.report.byKeys([...best.keys()])
  return [...best].slice(0, count).flatMap(([key, score]) => {
    const hit = tracks.get(key)
    return hit === undefined
      ? []
      : [{ trackId: publicId(hit), name: displayName(hit.attributes), path: hit.path, score }]
  })
}

function asText(track: LedgerTrack, found: readonly SimilarTrack[]): string {
  const table = new Table({ head: ['score', 'track', 'path'], style: { head: [], border: [] } })
  for (const { score, name, path } of found) table.push([score.toFixed(3), name, path])
  return `nearest to ${displayName(track.attributes)}:\n${table.toString()}\n`
}
