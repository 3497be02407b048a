-- name: data_version
-- A number that is another one after any other connection's commit.
pragma data_version;

-- name: scopes
-- Where applications and their chats stand, for one append, and whether a restore has raised a floor that was not taken
-- yet; the chat's part is null where there is none.
select json_group_array(
    json_array(
        a.token, a.id, a.partition, a.granted_until, a.deleted_at is not null,
        p.epoch, p.position_epoch, p.position_id, a.burnt < p.burn or coalesce(c.burnt < p.burn, false),
        c.number, c.id, c.granted_until, c.deleted_at is not null
    )
)
from json_each(?) wanted
join application a on a.token = wanted.value ->> 0
join partition p on p.id = a.partition
left join chat c on c.application_id = a.id and c.number = wanted.value ->> 1;

-- name: live_messages
-- Messages that are there to be edited or deleted.
select json_group_array(json_array(m.id))
from json_each(?) wanted join message m on m.id = wanted.value
where m.deleted_at is null;

-- name: keys
-- What idempotency keys stand for, those that are younger than the given time.
select json_group_array(json_array(k.application_id, k.route, k.key, hex(k.fingerprint), k.number, k.epoch, k.position))
from json_each(?) wanted
join idempotency_key k
    on k.application_id = wanted.value ->> 0 and k.route = wanted.value ->> 1 and k.key = wanted.value ->> 2
where k.created_at > ?;

-- name: define_append
-- What takes an append's effects, on the writer's own connection: as stored procedures do elsewhere, it lets one
-- statement, which is one transaction, do everything.
create temp view append (effects) as select null;

-- name: define_append_effects
-- Stores an append's effects, a JSON object of arrays; each of their rows is an array.
create temp trigger append_effects instead of insert on append
begin
    insert into chat (application_id, number, title, epoch, position, created_at, updated_at, burnt)
    select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 5, (
        select p.burn from application a join partition p on p.id = a.partition where a.id = value ->> 0
    )
    from jsonb_each(new.effects, '$.chats');

    insert into message (id, epoch, position, body, sender, metadata, created_at)
    select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6
    from jsonb_each(new.effects, '$.messages');

    update message set body = e.value ->> 1, epoch = e.value ->> 2, position = e.value ->> 3, updated_at = e.value ->> 4
    from jsonb_each(new.effects, '$.edits') e
    where message.id = e.value ->> 0 and deleted_at is null;

    update message
    set body = null, sender = null, metadata = null, created_hash = null,
        epoch = d.value ->> 1, position = d.value ->> 2, deleted_at = d.value ->> 3
    from jsonb_each(new.effects, '$.deletions') d
    where message.id = d.value ->> 0 and deleted_at is null;

    update chat set title = r.value ->> 1, epoch = r.value ->> 2, position = r.value ->> 3, updated_at = r.value ->> 4
    from jsonb_each(new.effects, '$.retitles') r
    where chat.id = r.value ->> 0 and deleted_at is null;

    update chat set deleted_at = c.value ->> 3, epoch = c.value ->> 1, position = c.value ->> 2
    from jsonb_each(new.effects, '$.closings') c
    where chat.id = c.value ->> 0 and deleted_at is null;

    update chat set granted_until = g.value ->> 1, messages_count = messages_count + (g.value ->> 2)
    from jsonb_each(new.effects, '$.grown_chats') g
    where chat.id = g.value ->> 0;

    update application set granted_until = g.value ->> 1, chats_count = chats_count + (g.value ->> 2)
    from jsonb_each(new.effects, '$.grown_applications') g
    where application.id = g.value ->> 0;

    insert or replace into idempotency_key
        (application_id, route, key, fingerprint, number, count, epoch, position, created_at)
    select value ->> 0, value ->> 1, value ->> 2, unhex(value ->> 3), value ->> 4, value ->> 5, value ->> 6,
        value ->> 7, value ->> 8
    from jsonb_each(new.effects, '$.keys');

    update partition set position_epoch = m.value ->> 1, position_id = m.value ->> 2
    from jsonb_each(new.effects, '$.moves') m
    where partition.id = m.value ->> 0;

    insert into change (partition, epoch, position, keys)
    select value ->> 0, value ->> 1, value ->> 2, unhex(value ->> 3) from jsonb_each(new.effects, '$.changes');
end;

-- name: define_floors
-- What takes the names of scopes whose floor a restore has raised: (token, chat number) in JSON, and a time.
create temp view floors (scopes, at) as select null, null;

-- name: define_floors_raising
-- Lets scopes go on above all numbers that the database before the restore may have given; the ledger has the rest.
create temp trigger raise_floors instead of insert on floors
begin
    insert into gap (application_id, chat_id, first, last, reason, created_at)
    select distinct a.id, 0, a.granted_until + 1, min(a.granted_until + p.burn - a.burnt, 4294967295), 'restored', new.at
    from json_each(new.scopes) s
    join application a on a.token = s.value ->> 0
    join partition p on p.id = a.partition
    where a.burnt < p.burn and a.granted_until < 4294967295
    union all
    select
        c.application_id, c.id, c.granted_until + 1, min(c.granted_until + p.burn - c.burnt, 4294967295), 'restored',
        new.at
    from json_each(new.scopes) s
    join application a on a.token = s.value ->> 0
    join partition p on p.id = a.partition
    join chat c on c.application_id = a.id and c.number = s.value ->> 1
    where c.burnt < p.burn and c.granted_until < 4294967295;

    update chat
    set granted_until = min(chat.granted_until + p.burn - chat.burnt, 4294967295), burnt = p.burn
    from json_each(new.scopes) s
    join application a on a.token = s.value ->> 0
    join partition p on p.id = a.partition
    where chat.application_id = a.id and chat.number = s.value ->> 1 and chat.burnt < p.burn;

    update application
    set granted_until = min(application.granted_until + p.burn - application.burnt, 4294967295), burnt = p.burn
    from json_each(new.scopes) s, partition p
    where application.token = s.value ->> 0 and p.id = application.partition and application.burnt < p.burn;
end;

-- name: raise_floors
-- Take what a restore has raised the floors of some scopes by: all or nothing.
insert into floors (scopes, at) values (?, ?);

-- name: append
-- Store an append's effects: all or nothing.
insert into append (effects) values (jsonb(?));
