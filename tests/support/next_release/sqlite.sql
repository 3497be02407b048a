-- What a next release may add. oldest code: {oldest}
-- back: nothing is to be done; what it added stays, unused

alter table application add column region text not null default 'here';

alter table chat add column topic text;

alter table message add column language text;

create index message_at on message (created_at);

create table reaction (
    message_id integer not null,
    reaction text not null,
    primary key (message_id, reaction)
) strict, without rowid;

update application set region = 'of ' || id where region = 'here';
