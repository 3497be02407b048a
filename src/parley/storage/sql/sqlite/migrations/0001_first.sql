-- The first schema. oldest code: 1
--
-- partition     one life of one log partition: epoch, position, mode, lease (design: epochs, persist); burn = by how
--               much restores have raised all floors, summed up
-- application   a tenant; granted_until = last chat number given away; burnt = what it has taken of its partition's burn
-- chat          granted_until = last message number given away; the row outlives erasure
-- message       id = chat id << 32 | number, so that a page is one range of the table itself;
--               a tombstone keeps the row with body, sender and metadata set to null
-- idempotency_key, change, follower, gap, dead_letter: as in the design's write path

create table partition (
    id integer primary key,
    epoch integer not null default 1,
    position_epoch integer not null default 1,
    position_id integer not null default 0,
    mode text not null default 'log' check (mode in ('log', 'standby')),
    run_id text,
    lease_owner text,
    lease_token integer not null default 0,
    lease_connection integer,
    lease_until integer,
    burn integer not null default 0
) strict;

create table application (
    id integer primary key autoincrement,
    token text not null unique,
    partition integer not null references partition (id),
    name text not null,
    chats_count integer not null default 0,
    granted_until integer not null default 0,
    burnt integer not null default 0,
    created_at integer not null,
    updated_at integer not null,
    deleted_at integer,
    erased_at integer
) strict;

create index application_to_erase on application (id) where deleted_at is not null and erased_at is null;

create table chat (
    id integer primary key autoincrement,
    application_id integer not null references application (id),
    number integer not null check (number between 1 and 4294967295),
    title text,
    messages_count integer not null default 0,
    granted_until integer not null default 0 check (granted_until <= 4294967295),
    burnt integer not null default 0,
    epoch integer not null,
    position integer not null,
    created_at integer not null,
    updated_at integer not null,
    deleted_at integer,
    erased_at integer
) strict;

create unique index chat_number on chat (application_id, number);

create index chat_to_erase on chat (id) where deleted_at is not null and erased_at is null;

create table message (
    id integer primary key,
    epoch integer not null,
    position integer not null,
    body text,
    sender text,
    metadata text,
    created_hash blob,
    created_at integer not null,
    updated_at integer,
    deleted_at integer
) strict;

create table idempotency_key (
    application_id integer not null,
    route text not null,
    key text not null,
    fingerprint blob not null,
    number integer not null,
    count integer not null,
    epoch integer not null,
    position integer not null,
    created_at integer not null,
    primary key (application_id, route, key)
) strict, without rowid;

create table change (
    partition integer not null,
    epoch integer not null,
    position integer not null,
    keys blob not null,
    primary key (partition, epoch, position)
) strict, without rowid;

create table follower (
    name text not null,
    partition integer not null,
    epoch integer not null,
    position integer not null,
    primary key (name, partition)
) strict, without rowid;

create table gap (
    id integer primary key,
    application_id integer not null,
    chat_id integer not null,
    first integer not null,
    last integer not null,
    reason text not null,
    created_at integer not null,
    check (first <= last)
) strict;

create index gap_scope on gap (application_id, chat_id, first);

create table dead_letter (
    id integer primary key,
    partition integer not null,
    epoch integer not null,
    position integer not null,
    application_id integer not null,
    chat_id integer not null,
    number integer,
    reason text not null,
    attempts integer not null default 1,
    event blob not null,
    created_at integer not null,
    updated_at integer not null
) strict;

create index dead_letter_scope on dead_letter (chat_id, number);
