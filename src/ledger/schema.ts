import type Database from 'better-sqlite3'
import { PermanentError } from '../core/errors.ts'

/**
 * One string a version; the number of applied ones stands in `user_version`. Never change one that was released.
 *
 * tracks.due_at is when a track wants work (epoch ms; null: nothing to do); inspect, publish and remove say which.
 * tally holds counts that triggers keep exact, so that status costs the same at any size.
 */
const MIGRATIONS = [
  `
  create table tracks (
    id integer primary key,
    key text not null unique,
    library_id text,
    library_rowid integer,
    path text not null,
    size_bytes integer,
    mtime_ns integer,
    fingerprint text,
    audio_seconds real,
    artist text not null default '',
    title text not null default '',
    album text not null default '',
    duration_seconds real,
    state text not null default 'present' check (state in ('present', 'missing')),
    missing_since integer,
    removal_confirmed integer not null default 0,
    revision integer not null default 0,
    inspect integer not null default 0,
    publish integer not null default 0,
    remove integer not null default 0,
    failed integer not null default 0,
    priority integer not null default 3,
    due_at integer
  ) strict;
  create unique index tracks_library_id on tracks (library_id) where library_id is not null;
  create index tracks_library_rowid on tracks (library_rowid) where library_rowid is not null;
  create index tracks_path on tracks (path);
  create index tracks_fingerprint on tracks (fingerprint) where fingerprint is not null;
  create index tracks_due on tracks (priority, due_at desc) where due_at is not null;
  create index tracks_due_at on tracks (due_at) where due_at is not null;
  create index tracks_missing on tracks (missing_since) where state = 'missing';
  create index tracks_failed on tracks (id) where failed = 1;

  create table models (
    name text primary key,
    model_id text not null,
    digest text not null,
    dim integer not null,
    enabled integer not null,
    provider text,
    provider_reason text
  ) strict, without rowid;

  create table operations (
    track_id integer not null references tracks (id) on delete cascade,
    model text not null,
    state text not null check (state in ('pending', 'writing', 'done', 'failed')),
    fingerprint text,
    digest text,
    attempts integer not null default 0,
    cause text,
    next_attempt_at integer,
    updated_at integer not null,
    primary key (track_id, model)
  ) strict, without rowid;
  create index operations_writing on operations (track_id) where state = 'writing';
  create index operations_failed on operations (track_id) where state = 'failed';

  create table counters (name text primary key, value integer not null) strict, without rowid;
  create table meta (name text primary key, value text not null) strict, without rowid;
  create table tally (name text primary key, n integer not null) strict, without rowid;

  create trigger tracks_tally_insert after insert on tracks begin
    insert into tally values ('track ' || new.state, 1) on conflict do update set n = n + 1;
  end;
  create trigger tracks_tally_delete after delete on tracks begin
    update tally set n = n - 1 where name = 'track ' || old.state;
    update tally set n = n - old.failed where name = 'track failed';
    update tally set n = n - old.removal_confirmed where name = 'track confirmed';
  end;
  create trigger tracks_tally_state after update of state on tracks when new.state <> old.state begin
    update tally set n = n - 1 where name = 'track ' || old.state;
    insert into tally values ('track ' || new.state, 1) on conflict do update set n = n + 1;
  end;
  create trigger tracks_tally_failed after update of failed on tracks when new.failed <> old.failed begin
    insert into tally values ('track failed', new.failed) on conflict do update set n = n + new.failed - old.failed;
  end;
  create trigger tracks_tally_confirmed after update of removal_confirmed on tracks
  when new.removal_confirmed <> old.removal_confirmed begin
    insert into tally values ('track confirmed', new.removal_confirmed)
      on conflict do update set n = n + new.removal_confirmed - old.removal_confirmed;
  end;
  create trigger operations_tally_insert after insert on operations begin
    insert into tally values (new.model || ' ' || new.state, 1) on conflict do update set n = n + 1;
  end;
  create trigger operations_tally_delete after delete on operations begin
    update tally set n = n - 1 where name = old.model || ' ' || old.state;
  end;
  create trigger operations_tally_update after update of state on operations when new.state <> old.state begin
    update tally set n = n - 1 where name = old.model || ' ' || old.state;
    insert into tally values (new.model || ' ' || new.state, 1) on conflict do update set n = n + 1;
  end;
  `,
]

/** Brings the ledger to the newest schema. A ledger of a newer program is refused, never touched. */
export function migrate(db: Database.Database, file: string): void {
  const version = Number(db.pragma('user_version', { simple: true }))
  assertKnown(version, file)
  for (let next = version; next < MIGRATIONS.length; next += 1) {
    db.transaction(() => {
      db.exec(MIGRATIONS[next] ?? '')
      db.pragma(`user_version = ${next + 1}`)
    }).immediate()
  }
}

/** For readers, which cannot migrate. */
export function assertCurrent(db: Database.Database, file: string): void {
  const version = Number(db.pragma('user_version', { simple: true }))
  assertKnown(version, file)
  if (version === MIGRATIONS.length) return
  throw new PermanentError({
    operation: 'open ledger',
    subject: file,
    message: `schema version ${version}, expected ${MIGRATIONS.length}`,
    hint: 'start `soundledger watch` once: it upgrades the ledger',
  })
}

function assertKnown(version: number, file: string): void {
  if (version <= MIGRATIONS.length) return
  throw new PermanentError({
    operation: 'open ledger',
    subject: file,
    message: `schema version ${version} is newer than this program, which knows versions up to ${MIGRATIONS.length}`,
    hint: 'install the newer soundledger again, or use another data directory',
  })
}
