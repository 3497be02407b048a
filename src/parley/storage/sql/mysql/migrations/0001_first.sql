-- The first schema. oldest code: 1
--
-- partition     one log partition: its log's life (epoch, run_id), how far persist is (position), where numbers come
--               from (mode), how many chats it has had, the position of its last change, the age of its youngest
--               idempotency key, and by how much restores have raised all floors, summed up (burn)
-- application   a tenant; granted_until = last chat number ever given away; log_first to log_until = the grant that the
--               log of log_epoch has; last_number = highest chat number that is explained; closed_at = gate closed in
--               the log; burnt = what it has taken of its partition's burn; the row outlives erasure
-- chat          the same for its messages
-- message       a tombstone keeps the row with body, sender, metadata and hash set to null
-- lease, worker who does which job, by this server's clock
-- idempotency_key, change, follower, gap, dead_letter: as in the design's write path
--
-- Tokens, keys and other names are bytes: a text collation may hold that 'x' = 'x '.

create table if not exists `partition` (
    id int not null primary key,
    epoch bigint not null default 1,
    run_id varbinary(128) not null default '',
    position_epoch bigint not null default 1,
    position_id bigint not null default 0,
    mode varbinary(16) not null default 'log',
    chat_counter bigint not null default 0,
    change_epoch bigint not null default 1,
    change_id bigint not null default 0,
    last_key_at bigint not null default 0,
    burn bigint not null default 0
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

create table if not exists application (
    id bigint not null auto_increment primary key,
    token varbinary(64) not null,
    `partition` int not null,
    name text not null,
    chats_count bigint not null default 0,
    granted_until bigint not null default 0,
    granted_at bigint not null default 0,
    grant_size bigint not null default 0,
    log_epoch bigint not null default 0,
    log_first bigint not null default 1,
    log_until bigint not null default 0,
    last_number bigint not null default 0,
    burnt bigint not null default 0,
    created_at bigint not null,
    updated_at bigint not null,
    deleted_at bigint,
    closed_at bigint,
    erased_at bigint,
    unique key application_token (token),
    key application_to_close (closed_at, deleted_at),
    key application_to_erase (erased_at, closed_at)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

create table if not exists chat (
    application_id bigint not null,
    number int unsigned not null,
    id int not null,
    title text,
    created_hash binary(16),
    messages_count bigint not null default 0,
    granted_until bigint not null,
    granted_at bigint not null,
    grant_size bigint not null,
    log_epoch bigint not null,
    log_first bigint not null,
    log_until bigint not null,
    last_number bigint not null default 0,
    burnt bigint not null default 0,
    epoch bigint not null,
    position bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    deleted_at bigint,
    erased_at bigint,
    primary key (application_id, number),
    unique key chat_id (id),
    key chat_to_erase (erased_at, deleted_at)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

create table if not exists message (
    application_id bigint not null,
    chat_id int not null,
    number int unsigned not null,
    epoch bigint not null,
    position bigint not null,
    body text,
    sender text,
    metadata text,
    created_hash binary(16),
    created_at bigint not null,
    updated_at bigint,
    deleted_at bigint,
    primary key (application_id, chat_id, number)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

create table if not exists idempotency_key (
    application_id bigint not null,
    route varbinary(64) not null,
    `key` varbinary(1024) not null,
    fingerprint varbinary(64) not null,
    number bigint not null,
    `count` int not null,
    epoch bigint not null,
    position bigint not null,
    created_at bigint not null,
    primary key (application_id, route, `key`)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

create table if not exists `change` (
    `partition` int not null,
    epoch bigint not null,
    id bigint not null,
    `keys` mediumblob not null,
    primary key (`partition`, epoch, id)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

create table if not exists follower (
    name varbinary(64) not null,
    `partition` int not null,
    epoch bigint not null,
    position bigint not null,
    primary key (name, `partition`)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

create table if not exists gap (
    id bigint not null auto_increment primary key,
    application_id bigint not null,
    chat_id int not null,
    first bigint not null,
    last bigint not null,
    reason varbinary(32) not null,
    created_at bigint not null,
    key gap_scope (application_id, chat_id, first)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

create table if not exists dead_letter (
    id bigint not null auto_increment primary key,
    `partition` int not null,
    epoch bigint not null,
    position bigint not null,
    token varbinary(64) not null,
    chat bigint,
    first bigint,
    last bigint,
    gives_numbers tinyint not null,
    waits_for bigint,
    reason text not null,
    attempts int not null default 1,
    event mediumblob,
    raw mediumblob not null,
    created_at bigint not null,
    updated_at bigint not null,
    key dead_letter_scope (token, chat),
    key dead_letter_waiting (waits_for)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

create table if not exists lease (
    job varbinary(128) not null primary key,
    owner varbinary(128) not null,
    token bigint not null,
    until bigint not null
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

create table if not exists worker (
    owner varbinary(128) not null primary key,
    until bigint not null
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;
