import { PermanentError } from '../../core/errors.ts'
import type { CollectionSpec } from '../store.ts'
import type { Connection } from './database.ts'

/** One row of the table `collections`. Its id names the tables that hold the collection's rows. */
export interface Collection {
  readonly id: number
  readonly name: string
  readonly dim: number
  readonly modelId: string
  readonly rows: number
  readonly tracks: number
}

export interface ListedCollection {
  name: string
  alias: string | null
  dim: number
  modelId: string
}

/** What vec0 accepts. */
const maxDim = 8192

/** Vectors in one blob of vec0. Small ones keep the cost of the first insert and of scattered rewrites low. */
const vectorsPerChunk = 256

const columns = 'c.id, c.name, c.dim, c.model_id as modelId, c.row_count as rows, c.track_count as tracks'
const selectByName = `select ${columns} from collections c where c.name = ?`
const selectByAlias = `select ${columns} from aliases a join collections c on c.id = a.collection where a.alias = ?`
const selectAll = `
  select c.name, min(a.alias) as alias, c.dim, c.model_id as modelId
  from collections c left join aliases a on a.collection = c.id
  group by c.id order by c.name`
const selectAliasesOf = 'select alias from aliases where collection = ? order by alias'
const insertCollection = 'insert into collections (name, dim, model_id, created_ms) values (?, ?, ?, ?)'
const insertAliasOnce = 'insert into aliases (alias, collection) values (?, ?) on conflict do nothing'
const setAlias = `
  insert into aliases (alias, collection) values (?, ?)
  on conflict (alias) do update set collection = excluded.collection`
const deleteCollection = 'delete from collections where id = ?'

/**
 * `tracks_N` holds what is said once a track, `segments_N` what is said once a vector, `vectors_N` the vectors. The row id in
 * `vectors_N` is `track << 16 | segment`, so neither table needs an index to find the other.
 */
function createTables(id: number, dim: number): string {
  return `
    create table tracks_${id} (
      id integer primary key,
      key text not null unique,
      track_id text not null,
      name text not null,
      fingerprint text not null,
      available integer not null,
      segments integer not null
    ) strict;
    create index tracks_${id}_track_id on tracks_${id} (track_id);
    create table segments_${id} (
      track integer not null,
      segment integer not null,
      offset_seconds real not null,
      duration_seconds real not null,
      primary key (track, segment)
    ) strict, without rowid;
    create virtual table vectors_${id} using vec0 (
      embedding float[${dim}], available boolean, chunk_size=${vectorsPerChunk}
    );`
}

function dropTables(id: number): string {
  return `drop table vectors_${id}; drop table segments_${id}; drop table tracks_${id};`
}

/** Letters, digits and underscores, at most 200: what every adapter accepts as a name. Throws PermanentError. */
export function checkName(operation: string, name: string): void {
  if (/^[A-Za-z0-9_]{1,200}$/.test(name)) return
  throw new PermanentError({
    operation,
    subject: name,
    message: 'the name must consist of 1 to 200 letters, digits and underscores',
  })
}

function unknown(operation: string, name: string): PermanentError {
  return new PermanentError({
    operation,
    subject: name,
    message: `there is no collection ${name}`,
    hint: 'it is created when its model is enabled',
  })
}

/** The physical collection of this name; PermanentError when there is none, also for an alias. */
export function physicalCollection(db: Connection, operation: string, name: string): Collection {
  const found = db.prepare<[string], Collection>(selectByName).get(name)
  if (found === undefined) throw unknown(operation, name)
  return found
}

/** The collection of this name or behind this alias; PermanentError when there is neither. */
export function readableCollection(db: Connection, operation: string, name: string): Collection {
  const found =
    db.prepare<[string], Collection>(selectByName).get(name) ??
    db.prepare<[string], Collection>(selectByAlias).get(name)
  if (found === undefined) throw unknown(operation, name)
  return found
}

function checkAlias(db: Connection, operation: string, alias: string): void {
  checkName(operation, alias)
  if (db.prepare(selectByName).get(alias) === undefined) return
  throw new PermanentError({
    operation,
    subject: alias,
    message: `${alias} is the name of a collection and cannot be an alias too`,
  })
}

function checkSpec(operation: string, spec: CollectionSpec): void {
  checkName(operation, spec.name)
  if (!Number.isInteger(spec.dim) || spec.dim < 1 || spec.dim > maxDim) {
    throw new PermanentError({
      operation,
      subject: spec.name,
      message: `dim is ${spec.dim}, expected a whole number from 1 to ${maxDim}`,
    })
  }
  if (spec.alias === spec.name) {
    throw new PermanentError({ operation, subject: spec.name, message: 'name and alias must differ' })
  }
}

function checkSame(operation: string, found: Collection, spec: CollectionSpec): void {
  const differences: string[] = []
  if (found.dim !== spec.dim) differences.push(`dim is ${found.dim}, expected ${spec.dim}`)
  if (found.modelId !== spec.modelId) {
    differences.push(`model is "${found.modelId}", expected "${spec.modelId}"`)
  }
  if (differences.length === 0) return
  throw new PermanentError({
    operation,
    subject: spec.name,
    message: `the stored collection differs: ${differences.join('; ')}`,
    hint: 'another model wrote it: drop the collection or give the model another digest',
  })
}

/** See VectorStore.ensure. */
export function ensureCollection(db: Connection, spec: CollectionSpec): void {
  const operation = 'ensure collection'
  checkSpec(operation, spec)
  db.transaction(() => {
    checkAlias(db, operation, spec.alias)
    if (db.prepare(selectByAlias).get(spec.name) !== undefined) {
      throw new PermanentError({
        operation,
        subject: spec.name,
        message: `${spec.name} is an alias and cannot be the name of a collection too`,
      })
    }
    let found = db.prepare<[string], Collection>(selectByName).get(spec.name)
    if (found === undefined) {
      db.prepare(insertCollection).run(spec.name, spec.dim, spec.modelId, Date.now())
      found = physicalCollection(db, operation, spec.name)
      db.exec(createTables(found.id, spec.dim))
    }
    checkSame(operation, found, spec)
    db.prepare(insertAliasOnce).run(spec.alias, found.id)
  }).immediate()
}

/** See VectorStore.collections. */
export function listCollections(db: Connection): ListedCollection[] {
  return db.prepare<[], ListedCollection>(selectAll).all()
}

/** See VectorStore.switchAlias. */
export function switchAlias(db: Connection, alias: string, collection: string): void {
  const operation = 'switch alias'
  db.transaction(() => {
    checkAlias(db, operation, alias)
    const { id } = physicalCollection(db, operation, collection)
    db.prepare(setAlias).run(alias, id)
  }).immediate()
}

/** See VectorStore.drop. The file does not shrink: its free pages go to the next collection. */
export function dropCollection(db: Connection, name: string): void {
  const operation = 'drop collection'
  db.transaction(() => {
    const found = db.prepare<[string], Collection>(selectByName).get(name)
    if (found === undefined) {
      if (db.prepare(selectByAlias).get(name) === undefined) return
      throw new PermanentError({ operation, subject: name, message: `${name} is an alias, not a collection` })
    }
    const aliases = db.prepare<[number], string>(selectAliasesOf).pluck().all(found.id)
    if (aliases.length > 0) {
      throw new PermanentError({
        operation,
        subject: name,
        message: `the alias ${aliases.join(', ')} points at it`,
        hint: 'switch the alias to another collection first',
      })
    }
    db.exec(dropTables(found.id))
    db.prepare(deleteCollection).run(found.id)
  }).immediate()
}
