-- What a next release may add. oldest code: {oldest}
-- back: nothing is to be done; what it added stays, unused

alter table application add column region varchar(16) not null default 'here', algorithm = instant;

alter table chat add column topic text, algorithm = instant;

alter table message add column language varchar(16), algorithm = instant;

alter table message add key message_at (application_id, created_at), algorithm = inplace, lock = none;

create table if not exists reaction (
    application_id bigint not null,
    chat_id int not null,
    number int unsigned not null,
    reaction varchar(32) not null,
    primary key (application_id, chat_id, number, reaction)
) engine = InnoDB default character set utf8mb4 collate utf8mb4_bin;

update application set region = concat('of ', id) where region = 'here';
