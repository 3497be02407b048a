#!lua
-- Appends a batch of one partition, in one atomic step: decides each entry in order, gives numbers, writes the stream.
--
-- Loaded with a line in front that names partition, epoch and run, so its SHA1 is the capability to append in that life.
-- All keys carry the partition's hash tag, so they lie in one slot of a cluster.
--
-- KEYS  1 epoch    the epoch that is open, missing between two lives
--       2 meta     hash: ms, seq (of the last entry), messages, bytes (counts since the life began), stamp (how often
--                  something was let go of), since (ms since when all keys are known), young (the hash for new keys, a|b)
--       3 scopes   hash: token, or token:chat -> last, until (numbers), closed (0 no, 1 says the database, 2 by an entry
--                  here), at (ms of the scope's last number)
--       4 keys:a   hash: token, route and key, with NUL between -> fingerprint, number, ms, seq
--       5 keys:b   the same, of the other generation
--       6 log      the stream; one field, named after the version of what lies in it: number, messages and bytes (counts
--                  with this entry), then the entry in MessagePack
--       7 writer   hash: the sequences (s0, s1) and replies (r0, r1) of the writer's last two batches
--
-- ARGV  1 epoch   2 sequence of the batch   3 life of a key in ms   4 count of scopes S   5 count of keys K
--       then S names of scopes, then K names of keys, each once; then each entry in one string:
--       kind     m messages, c new chat, t the chat's title, d its deletion, e an edit or deletion of a message,
--                x the application's end
--       index of the application's scope, index of the chat's (0: none)
--       how many messages (m), or the number that the entry is about
--       index of its key (0: none); only if there is one: fingerprint (16 bytes), stamp at which the database did not know it
--       the entry in MessagePack
--
-- Gives EPOCH (another life; nothing was written), LATE (the writer has gone on; nothing was written), or for each entry
-- a code, a number (EXHAUSTED: the last one that may be given), ms and seq (of a position; where the code has a stamp:
-- the stamp and 0).

local APPENDED, REPLAYED, APPLICATION_GONE, CHAT_GONE, KEY_REUSED, EXHAUSTED, COLD, KEY_UNKNOWN = 0, 1, 2, 3, 4, 5, 6, 7
local MESSAGE_GONE = 8
local VERSION = '1'
local SCOPE, KEY, OUTCOME = '>I4I4BI8', '>c16I4I8I4', '>BI4I8I4'
local ENTRY, KEYED, HEAD = '>c1I4I4I8I4', '>c16I8', '>I4I8I8'
local FIRST_GRANT = 1000
local LAST_SEQ = 1048575
local WRITER_TTL_MS = 600000
local CHUNK = 4000 -- of arguments: Lua's stack has 8,000 places

if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'EPOCH' end
local meta = redis.call('HMGET', KEYS[2], 'ms', 'seq', 'messages', 'bytes', 'stamp', 'since', 'young')
if not meta[1] then return 'EPOCH' end
local past = redis.call('HMGET', KEYS[7], 's0', 's1')
local sequence = tonumber(ARGV[2])
local slot = sequence % 2
if past[slot + 1] == ARGV[2] then return redis.call('HGET', KEYS[7], 'r' .. slot) end
if tonumber(past[1] or 0) > sequence or tonumber(past[2] or 0) > sequence then return 'LATE' end

local function fetch(key, from, to)
  if to - from < CHUNK then return redis.call('HMGET', key, unpack(ARGV, from, to)) end
  local values = {}
  for first = from, to, CHUNK do
    for _, value in ipairs(redis.call('HMGET', key, unpack(ARGV, first, math.min(first + CHUNK - 1, to)))) do
      values[#values + 1] = value
    end
  end
  return values
end

local function store(key, pairs_)
  for first = 1, #pairs_, CHUNK do
    redis.call('HSET', key, unpack(pairs_, first, math.min(first + CHUNK - 1, #pairs_)))
  end
end

local S, K = tonumber(ARGV[4]), tonumber(ARGV[5])
local before_keys = 5 + S
local last, until_, closed, moved = {}, {}, {}, {}
local names, by_name = {}, nil
local scopes = fetch(KEYS[3], 6, 5 + S)
for i = 1, S do
  if scopes[i] then last[i], until_[i], closed[i] = struct.unpack(SCOPE, scopes[i]) end
end
local known, fresh = {}, {}
local young_keys, old_keys = KEYS[4], KEYS[5]
if meta[7] == 'b' then young_keys, old_keys = old_keys, young_keys end
if K > 0 then
  local young, old = fetch(young_keys, before_keys + 1, before_keys + K), fetch(old_keys, before_keys + 1, before_keys + K)
  for i = 1, K do known[i] = young[i] or old[i] end
end

local ms, seq = tonumber(meta[1]), tonumber(meta[2])
local messages, bytes = tonumber(meta[3]), tonumber(meta[4])
local stamp, since = tonumber(meta[5]), tonumber(meta[6])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now > ms then ms, seq = now, -1 end
local forgotten = ms - tonumber(ARGV[3]) -- the time up to which keys count no more
local prefix = string.format('%.0f-', ms)

-- A chat that this batch creates may be named by its later entries, before it was known: then it has an index already.
local function add_chat(application, number)
  if not by_name then
    by_name = {}
    for i = 1, S do by_name[ARGV[5 + i]] = i end
  end
  local name = ARGV[5 + application] .. ':' .. string.format('%.0f', number)
  local i = by_name[name]
  if not i then
    S = S + 1
    i = S
    by_name[name] = i
    names[i] = name
  end
  last[i], until_[i], closed[i], moved[i] = 0, FIRST_GRANT, 0, true
end

local function decide_key(key, fingerprint, vouched)
  local value = known[key]
  if value then
    local first, number, at_ms, at_seq = struct.unpack(KEY, value)
    if at_ms > forgotten then
      if first ~= fingerprint then return KEY_REUSED, 0, 0, 0 end
      return REPLAYED, number, at_ms, at_seq
    end
  elseif since > forgotten and vouched ~= stamp then
    return KEY_UNKNOWN, 0, stamp, 0
  end
end

local function take(kind, application, chat, count, payload)
  local number, weight = count, 1
  if kind == 'm' then
    number, weight = last[chat] + 1, count
    if last[chat] + count > until_[chat] then return EXHAUSTED, until_[chat], stamp, 0 end
    last[chat], moved[chat] = last[chat] + count, true
  elseif kind == 'c' then
    if last[application] >= until_[application] then return EXHAUSTED, until_[application], stamp, 0 end
    number = last[application] + 1
    last[application], moved[application] = number, true
    add_chat(application, number)
  elseif kind == 'd' then
    closed[chat], moved[chat] = 2, true
  elseif kind == 'e' and number > last[chat] then -- never given: all else is known to those who store and read
    return MESSAGE_GONE, 0, 0, 0
  end
  seq = seq + 1
  if seq > LAST_SEQ then
    ms, seq = ms + 1, 0
    prefix = string.format('%.0f-', ms)
  end
  messages, bytes = messages + weight, bytes + #payload
  redis.call('XADD', KEYS[6], prefix .. seq, VERSION, struct.pack(HEAD, number, messages, bytes) .. payload)
  return APPENDED, number, ms, seq
end

local function decide(kind, application, chat, count, payload, key, fingerprint, vouched)
  if kind == 'x' then
    if closed[application] == 2 then return APPLICATION_GONE, 0, 0, 0 end
    last[application], until_[application] = last[application] or 0, until_[application] or 0
    closed[application], moved[application] = 2, true
    return take(kind, application, chat, count, payload)
  end
  if (closed[application] or 0) > 0 then return APPLICATION_GONE, 0, 0, 0 end
  if chat > 0 and (closed[chat] or 0) > 0 then return CHAT_GONE, 0, 0, 0 end
  if not last[application] or (chat > 0 and not last[chat]) then return COLD, 0, stamp, 0 end
  if key > 0 then
    local code, number, at_ms, at_seq = decide_key(key, fingerprint, vouched)
    if code then return code, number, at_ms, at_seq end
  end
  local code, number, at_ms, at_seq = take(kind, application, chat, count, payload)
  if code == APPENDED and key > 0 then
    known[key] = struct.pack(KEY, fingerprint, number, at_ms, at_seq)
    fresh[#fresh + 1] = ARGV[before_keys + key]
    fresh[#fresh + 1] = known[key]
  end
  return code, number, at_ms, at_seq
end

local outcomes = {}
local has_appended = false
for at = before_keys + K + 1, #ARGV do
  local kind, application, chat, count, key, from = struct.unpack(ENTRY, ARGV[at])
  local fingerprint, vouched
  if key > 0 then fingerprint, vouched, from = struct.unpack(KEYED, ARGV[at], from) end
  local code, number, at_ms, at_seq = decide(
    kind, application, chat, count, string.sub(ARGV[at], from), key, fingerprint, vouched
  )
  if code == APPENDED then has_appended = true end
  outcomes[#outcomes + 1] = struct.pack(OUTCOME, code, number, at_ms, at_seq)
end

if has_appended then
  local changed = {}
  for i in pairs(moved) do
    changed[#changed + 1] = names[i] or ARGV[5 + i]
    changed[#changed + 1] = struct.pack(SCOPE, last[i], until_[i], closed[i], ms)
  end
  store(KEYS[3], changed)
  store(young_keys, fresh)
  redis.call('HSET', KEYS[2], 'ms', ms, 'seq', seq, 'messages', messages, 'bytes', bytes)
end
local reply = table.concat(outcomes)
redis.call('HSET', KEYS[7], 's' .. slot, ARGV[2], 'r' .. slot, reply)
redis.call('PEXPIRE', KEYS[7], WRITER_TTL_MS)
return reply
