"""What may be wrong with the rows of `whole.write`: planted behind the product's back, one fault a time."""

from __future__ import annotations

NAMES = """
set @a = (select id from application where name = 'audited'), @gone = (select id from application where erased_at > 0);
set @leaving = (select id from application where deleted_at > 0 and closed_at is null);
set @one = (select id from chat where application_id = @a and number = 1);
set @two = (select id from chat where application_id = @a and number = 2);
set @three = (select id from chat where application_id = @a and number = 3);
set @four = (select id from chat where application_id = @a and number = 4);
set @token = (select token from application where id = @a);
"""
"""What the faults are planted by: a live application with two live chats, a deleted and an erased one; two others."""

MESSAGE = "insert into message (application_id, chat_id, number, epoch, position, body, created_hash, created_at) "
GAP = "insert into gap (application_id, chat_id, first, last, reason, created_at) "
KEY = "update idempotency_key set number = "
LETTER = "update dead_letter set "
GONE = "(select token from application where id = @gone)"

FAULTS: dict[str, tuple[str, ...]] = {
    "a message is lost": ("numbers", "number 7 is missing", "delete from message where chat_id = @one and number = 7"),
    "the first message is lost": (
        "numbers", "number 1 is missing", "delete from message where chat_id = @one and number = 1",
    ),
    "the last messages are lost": (
        "numbers", "number 3004 is missing", "delete from message where chat_id = @one and number > 3000",
    ),
    "all messages of a chat are lost": (
        "numbers", "numbers 1 to 20 are missing", "delete from message where chat_id = @two",
    ),
    "a message may be in a letter that nobody can read": (
        "numbers", "number 7 is missing; 1 unreadable dead letter",
        "delete from message where chat_id = @one and number = 7",
    ),
    "a gap is forgotten": ("numbers", "numbers 21 to 25 are missing", "delete from gap where reason = 'burnt'"),
    "a void range is forgotten": ("numbers", "numbers 21 to 3000", "delete from gap where chat_id = @one"),
    "a void range of chats is forgotten": ("numbers", "numbers 5 to 1004", "delete from gap where chat_id = 0"),
    "a dead letter is lost": (
        "numbers", "numbers 3002 to 3003", "delete from dead_letter where chat = 1 and gives_numbers",
    ),
    "a chat's dead letter is lost": (
        "numbers", "number 1006 is missing", "delete from dead_letter where first = 1006",
    ),
    "a number was not given": (
        "numbers", "has message 9000, but only 7000",
        MESSAGE + "values (@a, @one, 9000, 2, 1, 'x', 'h', 9e15)",
    ),
    "a row is above the last number": (
        "numbers", "last_number is 26", "update chat set last_number = 26 where id = @one",
    ),
    "a message has no chat": (
        "numbers", "their chat never was", MESSAGE + "values (@a, 77, 1, 1, 1, 'x', 'h', 1)",
    ),
    "a message is another application's": (
        "numbers", "their chat never was", MESSAGE + "values (@gone, @one, 1, 1, 1, 'x', 'h', 1)",
    ),
    "a chat is lost": ("numbers", "number 2 is missing", "delete from chat where id = @two"),
    "a chat has no application": (
        "numbers", "application id 77, which never was", "update chat set application_id = 77 where id = @two",
    ),
    "a chat number was not given": (
        "numbers", "only 1000 numbers were given", "update application set granted_until = 1000 where id = @a",
    ),
    "a tombstone speaks": (
        "numbers", "neither live", "update message set body = 'x' where chat_id = @one and number = 5",
    ),
    "a live message is mute": (
        "numbers", "neither live", "update message set body = null where chat_id = @one and number = 8",
    ),
    "a message has no hash": (
        "numbers", "1 live messages have no created_hash",
        "update message set created_hash = null where chat_id = @one and number = 8",
    ),
    "a chat has no hash": (
        "numbers", "has no created_hash", "update chat set created_hash = null where id = @one",
    ),
    "a last number was not given": (
        "grants", "last_number is 8000, granted_until is 7000", "update chat set last_number = 8000 where id = @one",
    ),
    "an application's last number was not given": (
        "grants", "granted_until is 3004", "update application set last_number = 3005 where id = @a",
    ),
    "the log has more than was given": (
        "grants", "may give up to 7001", "update chat set log_until = 7001 where id = @one",
    ),
    "a grant has no begin": ("grants", "grant is 0 to 7000", "update chat set log_first = 0 where id = @one"),
    "a grant is of no epoch yet": (
        "grants", "epoch 9, its partition is in epoch 3", "update application set log_epoch = 9 where id = @a",
    ),
    "a message count is wrong": (
        "counts", "messages_count is 1, live messages are 20", "update chat set messages_count = 1 where id = @one",
    ),
    "a chat count is wrong": (
        "counts", "chats_count is 4, live chats are 3", "update application set chats_count = 4 where id = @a",
    ),
    "an erased chat counts": (
        "counts", "is erased, but messages_count is 2", "update chat set messages_count = 2 where id = @three",
    ),
    "an erased application counts": (
        "counts", "is erased, but chats_count is 1", "update application set chats_count = 1 where id = @gone",
    ),
    "a message is older than the one before": (
        "times", "message 3: created at 5, the one before",
        "update message set created_at = 5 where chat_id = @two and number = 3",
    ),
    "a message is older than the one before a gap": (
        "times", "message 26: created at 5, the one before",
        "update message set created_at = 5 where chat_id = @two and number = 26",
    ),
    "a chat is older than the one before": (
        "times", "chat 2: created at 5, the one before", "update chat set created_at = 5 where id = @two",
    ),
    "a chat is older than the one before a gap": (
        "times", "chat 1005: created at 5", "update chat set created_at = 5 where number = 1005",
    ),
    "a message is ahead of its partition": (
        "positions", "message 3: beyond", "update message set epoch = 4 where chat_id = @two and number = 3",
    ),
    "a chat is ahead of its partition": (
        "positions", "chat 2: beyond", "update chat set epoch = 4 where id = @two",
    ),
    "a partition went back": (
        "positions", "beyond its partition's position", "update `partition` set position_id = 9 where id = 0",
    ),
    "a partition is ahead of its epoch": (
        "positions", "its position is of epoch 3", "update `partition` set epoch = 2 where id = 0",
    ),
    "a change is ahead of its partition": (
        "positions", "change of partition 0: beyond", "update `partition` set change_id = 9 where id = 0",
    ),
    "a follower is ahead of its partition": (
        "positions", "follower search of partition 0: beyond", "update follower set epoch = 9 where `partition` = 0",
    ),
    "a key is ahead of its partition": (
        "positions", "idempotency key for number 3001", "update idempotency_key set epoch = 9 where `key` = 'm'",
    ),
    "a key is younger than its partition knows": (
        "positions", "idempotency key for number", "update `partition` set last_key_at = 5 where id = 0",
    ),
    "a partition has an unknown mode": (
        "positions", "its mode is 'x'", "update `partition` set mode = 'x' where id = 2",
    ),
    "a partition is lost": ("positions", "without a hole: [0, 2, 3]", "delete from `partition` where id = 1"),
    "an application changed its partition": (
        "positions", "is in partition 3, where it does not belong",
        "update application set `partition` = 3 where id = @a",
    ),
    "a chat's id is another partition's": (
        "positions", "its id 403 is none that partition 0 has given",
        "update chat set id = 403 where id = @two",
    ),
    "a chat's id was not given": (
        "positions", "its id 4000 is none that partition 0 has given",
        "update chat set id = 4000 where id = @two",
    ),
    "a change is lost": ("changes", "message 3001: no change tells", "delete from `change` where epoch = 3"),
    "a chat's deletion is told to nobody": (
        "changes", "chat 4: no change tells the index that it is deleted", "delete from `change` where epoch = 3",
    ),
    "a follower went back": (
        "changes", "no change tells the index of it",
        "delete from `change` where epoch = 2", "update follower set epoch = 1, position = 0",
    ),
    "a change is damaged": ("integrity", "cannot be understood", "update `change` set `keys` = x'93c0'"),
    "a gap is outside": ("gaps", "outside the 1000 numbers", GAP + "values (@a, @two, 1000, 1001, 'x', 1)"),
    "a gap is upside down": ("gaps", "outside the 1000 numbers", GAP + "values (@a, @two, 24, 23, 'x', 1)"),
    "a gap has a row": ("gaps", "gap 20 to 21: 1 numbers in it", GAP + "values (@a, @two, 20, 21, 'x', 1)"),
    "a gap of chats has a row": ("gaps", "gap 2 to 3: 2 numbers in it", GAP + "values (@a, 0, 2, 3, 'x', 1)"),
    "gaps overlap": (
        "gaps", "gap 24 to 25: overlaps the gap that ends at 25", GAP + "values (@a, @two, 24, 25, 'x', 1)",
    ),
    "a gap has no scope": ("gaps", "its scope never was", GAP + "values (@a, 77, 3, 4, 'x', 1)"),
    "a gap is another application's": ("gaps", "its scope never was", GAP + "values (@gone, @one, 3, 4, 'x', 1)"),
    "a key points to no message": ("keys", "numbers 9000 to 9019", KEY + "9000 where `key` = 'b1'"),
    "a key points to no chat": ("keys", "number 9000, never given", KEY + "9000 where `key` = 'c1'"),
    "a key points to no application": ("keys", "the deployment", KEY + "99 where application_id = 0"),
    "a letter is of no application": (
        "letters", "is of application ffff, which never was", LETTER + "token = 'ffff' where first = 3002",
        "update dead_letter set token = 'ffff' where waits_for > 0",
    ),
    "a letter is of no partition": ("letters", "partition 9, which never was", LETTER + "`partition` = 9"),
    "a letter is of another partition": ("letters", "which is in partition 0", LETTER + "`partition` = 3"),
    "a letter is of no chat": (
        "letters", "chat 9000, a number that was never given", LETTER + "chat = 9000 where chat = 1006",
    ),
    "a letter has numbers that were not given": (
        "letters", "has the numbers 3002 to 9000", LETTER + "last = 9000 where chat = 1 and gives_numbers",
    ),
    "a letter has no numbers": ("letters", "has the numbers 3 to 2", LETTER + "first = 3, last = 2 where chat = 1006"),
    "a letter waits for nothing": ("letters", "waits behind 99, which", LETTER + "waits_for = 99 where chat = 1006"),
    "a letter waits for itself": ("letters", "which is not there", LETTER + "waits_for = id where chat = 1006"),
    "a letter is ahead of its partition": ("letters", "is beyond its", LETTER + "epoch = 9 where chat = 1006"),
    "a letter is of an erased chat": ("letters", "what was erased", LETTER + "chat = 3, first = 1, last = 1"),
    "a letter is of an erased application": (
        "letters", "what was erased", f"{LETTER} token = {GONE}",
    ),
    "a tombstone has a sender": (
        "erased", "1 tombstones still have", "update message set sender = 'x' where chat_id = @one and number = 5",
    ),
    "an erased chat has a message": (
        "erased", "is erased and still has 1 messages", MESSAGE + "values (@a, @three, 4, 2, 1, 'x', 'h', 1)",
    ),
    "an erased chat has a title": ("erased", "has a title", "update chat set title = 'x' where id = @three"),
    "a live chat is erased": ("erased", "is erased, but not deleted", "update chat set erased_at = 1 where id = @one"),
    "an erased application has a key": (
        "erased", "still has idempotency keys", "update idempotency_key set application_id = @gone where `key` = 'm'",
    ),
    "an erased application has a chat": (
        "erased", "still has 1 chats that are not", "update chat set erased_at = null where application_id = @gone",
    ),
    "a deleted application has a name": (
        "erased", "still has a name", "update application set name = 'x' where id = @leaving",
    ),
    "a live application is closed": (
        "erased", "is closed or erased, but not deleted", "update application set closed_at = 1 where id = @a",
    ),
    "an application was erased before it was closed": (
        "erased", "its gate was never closed", "update application set closed_at = null where id = @gone",
    ),
}  # fmt: skip
"""By name: the check that finds it, what it says, and the statements that plant it."""
