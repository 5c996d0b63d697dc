import type Database from 'better-sqlite3'
import type { Model } from '../core/model.ts'
import { PRIORITY } from '../core/operation.ts'

const UPSERT = `
  insert into models (name, model_id, digest, dim, enabled) values (@name, @modelId, @digest, @dim, 1)
  on conflict do update set model_id = @modelId, digest = @digest, dim = @dim, enabled = 1`

const RANGE = 'select min(id) as first, max(id) as last from tracks'

const ADD_OPERATIONS = `
  insert into operations (track_id, model, state, updated_at)
  select id, @model, 'pending', @now from tracks where id between @first and @last and remove = 0
  on conflict do nothing`

/** A new digest means that all operations of the model are due again. */
const RENEW_OPERATIONS = `
  update operations set state = 'pending', attempts = 0, cause = null, next_attempt_at = null, updated_at = @now
  where track_id between @first and @last and model = @model
    and ((state = 'done' and digest is not @digest) or (state = 'failed' and digest is not null and digest is not @digest))`

const MAKE_DUE = `
  update tracks set priority = case when due_at is null then ${PRIORITY.backlog} else priority end, due_at = coalesce(due_at, @now)
  where id between @first and @last and state = 'present' and exists (
    select 1 from operations where track_id = tracks.id and model = @model and state = 'pending')`

const CHUNK = 2000

/** The models table: which model identities are enabled, and the operations that follow from it. */
export interface Models {
  /**
   * Makes `models` the enabled ones and brings operations in line, 2,000 tracks a transaction; `breathe` is awaited between
   * transactions so that the event loop stays free.
   */
  enable(models: readonly Model[], now: number, breathe: () => Promise<void>): Promise<void>
  provider(model: string, provider: string, reason: string): void
  /** Names and collections' digests of every model that ever wrote, enabled or not. */
  all(): Array<{
    name: string
    modelId: string
    digest: string
    dim: number
    enabled: boolean
    provider: string | null
  }>
}

export function createModels(db: Database.Database): Models {
  const upsert = db.prepare(UPSERT)
  const range = db.prepare<[], { first: number | null; last: number | null }>(RANGE)
  const addOperations = db.prepare(ADD_OPERATIONS)
  const renewOperations = db.prepare(RENEW_OPERATIONS)
  const makeDue = db.prepare(MAKE_DUE)
  const setProvider = db.prepare('update models set provider = ?, provider_reason = ? where name = ?')
  const all = db.prepare<
    [],
    { name: string; model_id: string; digest: string; dim: number; enabled: number; provider: string | null }
  >('select name, model_id, digest, dim, enabled, provider from models order by name')

  const announce = db.transaction((models: readonly Model[]) => {
    db.prepare('update models set enabled = 0').run()
    for (const { name, modelId, digest, dim } of models) upsert.run({ name, modelId, digest, dim })
  })
  const bringInLine = db.transaction((model: Model, first: number, last: number, now: number) => {
    const span = { model: model.name, first, last, now }
    addOperations.run(span)
    renewOperations.run({ ...span, digest: model.digest })
    makeDue.run(span)
  })

  return {
    async enable(models, now, breathe) {
      announce.immediate(models)
      const { first, last } = range.get() ?? { first: null, last: null }
      if (first === null || last === null) return
      for (const model of models) {
        for (let from = first; from <= last; from += CHUNK) {
          bringInLine.immediate(model, from, from + CHUNK - 1, now)
          await breathe()
        }
      }
    },
    provider: (model, provider, reason) => void setProvider.run(provider, reason, model),
    all: () =>
      all.all().map(({ name, model_id, digest, dim, enabled, provider }) => ({
        name,
        modelId: model_id,
        digest,
        dim,
        enabled: enabled === 1,
        provider,
      })),
  }
}
