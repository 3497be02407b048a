BEGIN TRANSACTION;
CREATE TABLE application (
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
INSERT INTO "application" VALUES(1,'b721371d251b943a9e7395e5bebf49ca',2,'kept',3,7,3,1795366513225,1795366513225,NULL,NULL);
INSERT INTO "application" VALUES(2,'cb63360d72760d8b72d2ab72fbd3dbe7',1,'',0,1,0,1795366513228,1795366513228,1795366513248,1795366518221);
CREATE TABLE change (
    partition integer not null,
    epoch integer not null,
    position integer not null,
    keys blob not null,
    primary key (partition, epoch, position)
) strict, without rowid;
INSERT INTO "change" VALUES(2,2,1882578244413161472,X'0900000001000000');
INSERT INTO "change" VALUES(2,2,1882578244416307200,X'');
INSERT INTO "change" VALUES(2,2,1882578244417355776,X'01000000050000000200000005000000');
CREATE TABLE chat (
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
INSERT INTO "chat" VALUES(1,1,1,'first, renamed',5,9,3,1,1882578236991340544,1795366513229,1795366513244,NULL,NULL);
INSERT INTO "chat" VALUES(2,1,2,NULL,1,1,0,1,1882578236976660480,1795366513230,1795366513230,NULL,NULL);
INSERT INTO "chat" VALUES(3,1,3,NULL,0,1,0,1,1882578236994486272,1795366513231,1795366513231,1795366513247,1795366518219);
INSERT INTO "chat" VALUES(4,2,1,NULL,0,1,0,1,1882578242209054720,1795366513232,1795366513232,1795366518220,1795366518221);
INSERT INTO "chat" VALUES(5,1,7,'after the gap',2,2,3,2,1882578244416307200,1795366520325,1795366520325,NULL,NULL);
CREATE TABLE dead_letter (
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
CREATE TABLE follower (
    name text not null,
    partition integer not null,
    epoch integer not null,
    position integer not null,
    primary key (name, partition)
) strict, without rowid;
INSERT INTO "follower" VALUES('search',0,2,1882578243224076288);
INSERT INTO "follower" VALUES('search',1,2,1882578243224076288);
INSERT INTO "follower" VALUES('search',2,2,1882578243224076288);
INSERT INTO "follower" VALUES('search',3,2,1882578243224076288);
CREATE TABLE gap (
    id integer primary key,
    application_id integer not null,
    chat_id integer not null,
    first integer not null,
    last integer not null,
    reason text not null,
    created_at integer not null,
    check (first <= last)
) strict;
INSERT INTO "gap" VALUES(1,1,0,4,6,'restored',1795366520321);
INSERT INTO "gap" VALUES(2,1,1,6,8,'restored',1795366520321);
CREATE TABLE idempotency_key (
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
INSERT INTO "idempotency_key" VALUES(1,'messages','a-key-of-the-fixture',X'C5A106EC9992620BAAFFD0FBCDBA42EE',9,1,2,1882578244413161472,1795366520322);
CREATE TABLE message (
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
INSERT INTO "message" VALUES(4294967297,1,1882578236980854784,'one',NULL,NULL,NULL,1795366513234,NULL,NULL);
INSERT INTO "message" VALUES(4294967298,1,1882578236993437696,NULL,NULL,NULL,NULL,1795366513235,NULL,1795366513246);
INSERT INTO "message" VALUES(4294967299,1,1882578236992389120,'three, as edited',NULL,NULL,NULL,1795366513240,1795366513245,NULL);
INSERT INTO "message" VALUES(4294967300,1,1882578236987146241,'💬 ß ''quoted'' \ Ελλάς',NULL,NULL,NULL,1795366513240,NULL,NULL);
INSERT INTO "message" VALUES(4294967301,1,1882578236988194816,'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',NULL,NULL,NULL,1795366513241,NULL,NULL);
INSERT INTO "message" VALUES(4294967305,2,1882578244413161472,'after the gap',NULL,NULL,NULL,1795366520322,NULL,NULL);
INSERT INTO "message" VALUES(8589934593,1,1882578236989243392,'from somebody','somebody','{"n":12345678901234567890,"list":[null,0.1]}',NULL,1795366513242,NULL,NULL);
INSERT INTO "message" VALUES(21474836481,2,1882578244417355776,'many',NULL,NULL,NULL,1795366520326,NULL,NULL);
INSERT INTO "message" VALUES(21474836482,2,1882578244417355776,'at once',NULL,NULL,NULL,1795366520326,NULL,NULL);
CREATE TABLE partition (
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
INSERT INTO "partition" VALUES(0,2,2,1882578243224076288,'log',NULL,NULL,0,NULL,NULL,3);
INSERT INTO "partition" VALUES(1,2,2,1882578243224076288,'log',NULL,NULL,0,NULL,NULL,3);
INSERT INTO "partition" VALUES(2,2,2,1882578244417355776,'log',NULL,NULL,0,NULL,NULL,3);
INSERT INTO "partition" VALUES(3,2,2,1882578243224076288,'log',NULL,NULL,0,NULL,NULL,3);
CREATE TABLE schema_migration (
    version integer primary key,
    name text not null,
    checksum text not null,
    oldest_code integer not null,
    applied_at integer not null
) strict
;
INSERT INTO "schema_migration" VALUES(1,'first','4d2c6697e7d221eca5270c82f678ed61',1,1795366513094);
CREATE INDEX application_to_erase on application (id) where deleted_at is not null and erased_at is null;
CREATE UNIQUE INDEX chat_number on chat (application_id, number);
CREATE INDEX chat_to_erase on chat (id) where deleted_at is not null and erased_at is null;
CREATE INDEX gap_scope on gap (application_id, chat_id, first);
CREATE INDEX dead_letter_scope on dead_letter (chat_id, number);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('application',2);
INSERT INTO "sqlite_sequence" VALUES('chat',5);
COMMIT;
