-- Tables of a Navidrome 0.64 database as soundledger meets them: column names and types of its migrations up to
-- 20260901225726. Shared by the demo server and the tests.

create table user (
  id varchar(255) not null primary key,
  user_name varchar(255) default '' not null unique,
  name varchar(255) collate nocase default '' not null,
  email varchar(255) default '' not null,
  password varchar(255) default '' not null,
  is_admin bool default false not null,
  last_login_at datetime,
  last_access_at datetime,
  created_at datetime not null,
  updated_at datetime not null,
  scrobble_filter varchar default '' not null,
  token_epoch integer not null default 0
);

create table property (
  id varchar(255) not null primary key,
  value varchar(255) default '' not null
);

create table library (
  id integer primary key autoincrement,
  name text not null unique,
  path text not null unique,
  remote_path text null default '',
  last_scan_at datetime not null default '0000-00-00 00:00:00',
  updated_at datetime not null default current_timestamp,
  created_at datetime not null default current_timestamp,
  last_scan_started_at datetime default '0000-00-00 00:00:00' not null,
  full_scan_in_progress boolean default false not null,
  total_songs integer default 0 not null,
  total_albums integer default 0 not null,
  total_artists integer default 0 not null,
  total_folders integer default 0 not null,
  total_files integer default 0 not null,
  total_missing_files integer default 0 not null,
  total_size integer default 0 not null,
  total_duration real default 0,
  default_new_users boolean default false
);

create table folder (
  id varchar not null primary key,
  library_id integer not null references library (id) on delete cascade,
  path varchar default '' not null,
  name varchar default '' not null,
  missing boolean default false not null,
  parent_id varchar default '' not null,
  num_audio_files integer default 0 not null,
  num_playlists integer default 0 not null,
  image_files jsonb default '[]' not null,
  images_updated_at datetime default '0000-00-00 00:00:00' not null,
  updated_at datetime default (datetime(current_timestamp, 'localtime')) not null,
  created_at datetime default (datetime(current_timestamp, 'localtime')) not null,
  hash varchar default '' not null
);

create table artist (
  id varchar(255) not null primary key,
  name varchar(255) default '' not null,
  full_text varchar(255) default '',
  biography varchar(255) default '' not null,
  small_image_url varchar(255) default '' not null,
  medium_image_url varchar(255) default '' not null,
  large_image_url varchar(255) default '' not null,
  external_url varchar(255) default '' not null,
  external_info_updated_at datetime,
  order_artist_name varchar collate nocase default '' not null,
  sort_artist_name varchar collate nocase default '' not null,
  mbz_artist_id varchar default '' not null,
  missing boolean default false not null,
  similar_artists jsonb default '[]' not null,
  updated_at datetime default current_timestamp not null,
  created_at datetime default current_timestamp not null,
  average_rating real default 0 not null,
  search_normalized text default '' not null,
  uploaded_image varchar default ''
);

create table album (
  id varchar(255) not null primary key,
  name varchar(255) default '' not null,
  embed_art_path varchar(255) default '' not null,
  album_artist varchar(255) default '' not null,
  min_year int default 0 not null,
  max_year integer default 0 not null,
  compilation bool default false not null,
  song_count integer default 0 not null,
  duration real default 0 not null,
  genre varchar(255) default '' not null,
  created_at datetime,
  updated_at datetime,
  full_text varchar(255) default '',
  album_artist_id varchar(255) default '',
  size integer default 0 not null,
  description varchar(255) default '' not null,
  small_image_url varchar(255) default '' not null,
  medium_image_url varchar(255) default '' not null,
  large_image_url varchar(255) default '' not null,
  external_url varchar(255) default '' not null,
  external_info_updated_at datetime,
  date varchar(255) default '' not null,
  min_original_year int default 0 not null,
  max_original_year int default 0 not null,
  original_date varchar(255) default '' not null,
  release_date varchar(255) default '' not null,
  releases integer default 0 not null,
  order_album_name varchar collate nocase default '' not null,
  order_album_artist_name varchar collate nocase default '' not null,
  sort_album_name varchar collate nocase default '' not null,
  sort_album_artist_name varchar collate nocase default '' not null,
  catalog_num varchar default '' not null,
  comment varchar default '' not null,
  mbz_album_id varchar default '' not null,
  mbz_album_artist_id varchar default '' not null,
  mbz_album_type varchar default '' not null,
  mbz_album_comment varchar default '' not null,
  discs jsonb default '{}' not null,
  library_id integer default 1 not null references library on delete cascade,
  imported_at datetime default '0000-00-00 00:00:00' not null,
  missing boolean default false not null,
  mbz_release_group_id varchar default '' not null,
  tags jsonb default '{}' not null,
  participants jsonb default '{}' not null,
  folder_ids jsonb default '[]' not null,
  explicit_status varchar default '' not null,
  average_rating real default 0 not null,
  search_participants text default '' not null,
  search_normalized text default '' not null,
  rg_album_gain real,
  rg_album_peak real
);

create table media_file (
  id varchar(255) not null primary key,
  path varchar(255) default '' not null,
  title varchar(255) default '' not null,
  album varchar(255) default '' not null,
  artist varchar(255) default '' not null,
  artist_id varchar(255) default '' not null,
  album_artist varchar(255) default '' not null,
  album_id varchar(255) default '' not null,
  has_cover_art bool default false not null,
  track_number integer default 0 not null,
  disc_number integer default 0 not null,
  year integer default 0 not null,
  size integer default 0 not null,
  suffix varchar(255) default '' not null,
  duration real default 0 not null,
  bit_rate integer default 0 not null,
  genre varchar(255) default '' not null,
  compilation bool default false not null,
  created_at datetime,
  updated_at datetime,
  full_text varchar(255) default '',
  album_artist_id varchar(255) default '',
  date varchar(255) default '' not null,
  original_year int default 0 not null,
  original_date varchar(255) default '' not null,
  release_year int default 0 not null,
  release_date varchar(255) default '' not null,
  order_album_name varchar collate nocase default '' not null,
  order_album_artist_name varchar collate nocase default '' not null,
  order_artist_name varchar collate nocase default '' not null,
  sort_album_name varchar collate nocase default '' not null,
  sort_artist_name varchar collate nocase default '' not null,
  sort_album_artist_name varchar collate nocase default '' not null,
  sort_title varchar collate nocase default '' not null,
  disc_subtitle varchar default '' not null,
  catalog_num varchar default '' not null,
  comment varchar default '' not null,
  order_title varchar collate nocase default '' not null,
  mbz_recording_id varchar default '' not null,
  mbz_album_id varchar default '' not null,
  mbz_artist_id varchar default '' not null,
  mbz_album_artist_id varchar default '' not null,
  mbz_album_type varchar default '' not null,
  mbz_album_comment varchar default '' not null,
  mbz_release_track_id varchar default '' not null,
  channels integer default 0 not null,
  lyrics jsonb default '[]' not null,
  sample_rate integer default 0 not null,
  library_id integer default 1 not null references library on delete cascade,
  folder_id varchar default '' not null,
  pid varchar default '' not null,
  missing boolean default false not null,
  mbz_release_group_id varchar default '' not null,
  tags jsonb default '{}' not null,
  participants jsonb default '{}' not null,
  explicit_status varchar default '' not null,
  birth_time datetime default current_timestamp not null,
  rg_album_gain real,
  rg_album_peak real,
  rg_track_gain real,
  rg_track_peak real,
  average_rating real default 0 not null,
  search_participants text default '' not null,
  search_normalized text default '' not null,
  codec varchar(255) default '' not null,
  probe_data text default '' not null,
  bpm integer,
  bit_depth integer
);

create table media_file_artists (
  media_file_id varchar not null references media_file (id) on delete cascade,
  artist_id varchar not null references artist (id) on delete cascade,
  role varchar default '' not null,
  sub_role varchar default '' not null,
  constraint artist_tracks unique (artist_id, media_file_id, role, sub_role)
);

create table annotation (
  user_id varchar(255) not null references user (id) on delete cascade on update cascade,
  item_id varchar(255) default '' not null,
  item_type varchar(255) default '' not null,
  play_count integer default 0,
  play_date datetime,
  rating integer default 0,
  starred bool default false not null,
  starred_at datetime,
  rated_at datetime,
  unique (user_id, item_id, item_type)
);

create table player (
  id varchar(255) not null primary key,
  name varchar not null,
  user_agent varchar,
  user_id varchar not null references user (id) on update cascade on delete cascade,
  client varchar not null,
  ip varchar,
  last_seen timestamp,
  max_bit_rate int default 0,
  transcoding_id varchar,
  report_real_path bool default false not null,
  scrobble_enabled bool default true
);

create table playqueue (
  id varchar(255) not null,
  user_id varchar(255) not null references user (id) on update cascade on delete cascade,
  current integer not null default 0,
  changed_by varchar(255),
  items varchar(255),
  created_at datetime,
  updated_at datetime,
  position integer
);

create table scrobble_buffer (
  user_id varchar not null constraint scrobble_buffer_user_id_fk
    references user on update cascade on delete cascade,
  service varchar not null,
  media_file_id varchar not null constraint scrobble_buffer_media_file_id_fk
    references media_file on update cascade on delete cascade,
  play_time datetime not null,
  enqueue_time datetime not null default current_timestamp,
  id varchar not null default '',
  constraint scrobble_buffer_pk unique (user_id, service, media_file_id, play_time)
);

create table scrobbles (
  id integer primary key,
  media_file_id varchar(255) not null references media_file (id) on delete cascade on update cascade,
  user_id varchar(255) not null references user (id) on delete cascade on update cascade,
  submission_time integer not null
);

create table artwork (
  hash text primary key,
  mime text not null,
  width integer not null default 0,
  height integer not null default 0,
  size_bytes integer not null default 0,
  blur_hash text not null default '',
  created_at timestamp not null default current_timestamp
);
create table item_artwork (
  item_kind text not null,
  item_id text not null,
  image_type text not null default 'primary',
  hash text not null default '',
  source text not null default '',
  source_path text not null default '',
  ref_mtime integer not null default 0,
  attempted_at timestamp,
  updated_at timestamp,
  trace jsonb not null default '[]',
  last_failure jsonb not null default '[]',
  primary key (item_kind, item_id, image_type)
) without rowid;
create index ix_item_artwork_hash on item_artwork (hash);

create index media_file_album_artist_sort on media_file (order_album_artist_name, order_album_name, release_date, disc_number, track_number);
create index media_file_album_id on media_file (album_id);
create index media_file_album_sort on media_file (order_album_name, album_id, disc_number, track_number, order_artist_name, title);
create index media_file_artist_album_id on media_file (album_artist_id);
create index media_file_artist_id on media_file (artist_id);
create index media_file_artist_sort on media_file (order_artist_name, order_album_name, release_date, disc_number, track_number);
create index media_file_bpm on media_file (bpm);
create index media_file_channels on media_file (channels);
create index media_file_codec on media_file (codec);
create index media_file_created_at on media_file (created_at, id);
create index media_file_duration on media_file (duration);
create index media_file_folder_id on media_file (folder_id);
create index media_file_genre on media_file (genre);
create index media_file_mbz_release_track_id on media_file (mbz_release_track_id);
create index media_file_mbz_track_id on media_file (mbz_recording_id);
create index media_file_missing_library_id on media_file (missing, library_id);
create index media_file_missing_library_order_title on media_file (missing, library_id, order_title, id);
create index media_file_order_title on media_file (order_title);
create index media_file_path on media_file (path);
create index media_file_path_nocase on media_file (path collate nocase);
create index media_file_pid on media_file (pid);
create index media_file_sample_rate on media_file (sample_rate);
create index media_file_title on media_file (title);
create index media_file_track_number on media_file (disc_number, track_number);
create index media_file_updated_at on media_file (updated_at, id);
create index media_file_year on media_file (year);
create index idx_media_file_title_nocase on media_file (title collate nocase);
create index idx_media_file_album_nocase on media_file (album collate nocase);
create index idx_media_file_artist_nocase on media_file (artist collate nocase);
create index idx_media_file_album_artist_nocase on media_file (album_artist collate nocase);
create index album_artist_album_id on album (album_artist_id);
create index album_created_at on album (created_at, id);
create index album_genre on album (genre);
create index album_imported_at on album (imported_at);
create index album_max_year on album (max_year);
create index album_min_year on album (min_year);
create index album_name on album (name);
create index album_order_album_artist_name on album (order_album_artist_name);
create index album_order_album_name on album (order_album_name);
create index album_size on album (size);
create index album_updated_at on album (updated_at, id);
create index artist_name on artist (name);
create index artist_order_artist_name on artist (order_artist_name);
create index artist_updated_at on artist (updated_at);
create index folder_parent_id on folder (parent_id);
create index media_file_artists_role on media_file_artists (role);
create index media_file_artists_media_file_id_role on media_file_artists (media_file_id, role);
create index annotation_play_count on annotation (play_count);
create index annotation_play_date on annotation (play_date);
create index annotation_rating on annotation (rating);
create index annotation_starred on annotation (starred);
create index annotation_starred_at on annotation (starred_at);
create index player_match on player (client, user_agent, user_id);
create index player_name on player (name);
create unique index scrobble_buffer_id_ix on scrobble_buffer (id);
create index user_username_password on user (user_name collate nocase, password);
create index scrobbles_user_time on scrobbles (user_id, submission_time);

create virtual table media_file_fts using fts5(
  title, album, artist, album_artist, sort_title, sort_album_name, sort_artist_name,
  sort_album_artist_name, disc_subtitle, search_participants, search_normalized,
  content='', content_rowid='rowid', tokenize='unicode61 remove_diacritics 2'
);
create trigger media_file_fts_ai after insert on media_file begin
  insert into media_file_fts (rowid, title, album, artist, album_artist, sort_title, sort_album_name, sort_artist_name,
  sort_album_artist_name, disc_subtitle, search_participants, search_normalized)
  values (new.rowid, new.title, new.album, new.artist, new.album_artist,
    new.sort_title, new.sort_album_name, new.sort_artist_name, new.sort_album_artist_name,
    new.disc_subtitle, new.search_participants, new.search_normalized);
end;
create trigger media_file_fts_ad after delete on media_file begin
  insert into media_file_fts (media_file_fts, rowid, title, album, artist, album_artist, sort_title, sort_album_name, sort_artist_name,
  sort_album_artist_name, disc_subtitle, search_participants, search_normalized)
  values ('delete', old.rowid, old.title, old.album, old.artist, old.album_artist,
    old.sort_title, old.sort_album_name, old.sort_artist_name, old.sort_album_artist_name,
    old.disc_subtitle, old.search_participants, old.search_normalized);
end;
create trigger media_file_fts_au after update on media_file
when old.title is not new.title
  or old.album is not new.album
  or old.artist is not new.artist
  or old.album_artist is not new.album_artist
  or old.sort_title is not new.sort_title
  or old.sort_album_name is not new.sort_album_name
  or old.sort_artist_name is not new.sort_artist_name
  or old.sort_album_artist_name is not new.sort_album_artist_name
  or old.disc_subtitle is not new.disc_subtitle
  or old.search_participants is not new.search_participants
  or old.search_normalized is not new.search_normalized
begin
  insert into media_file_fts (media_file_fts, rowid, title, album, artist, album_artist, sort_title, sort_album_name, sort_artist_name,
  sort_album_artist_name, disc_subtitle, search_participants, search_normalized)
  values ('delete', old.rowid, old.title, old.album, old.artist, old.album_artist,
    old.sort_title, old.sort_album_name, old.sort_artist_name, old.sort_album_artist_name,
    old.disc_subtitle, old.search_participants, old.search_normalized);
  insert into media_file_fts (rowid, title, album, artist, album_artist, sort_title, sort_album_name, sort_artist_name,
  sort_album_artist_name, disc_subtitle, search_participants, search_normalized)
  values (new.rowid, new.title, new.album, new.artist, new.album_artist,
    new.sort_title, new.sort_album_name, new.sort_artist_name, new.sort_album_artist_name,
    new.disc_subtitle, new.search_participants, new.search_normalized);
end;
