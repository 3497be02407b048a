#!lua
-- Lets go of entries that are stored, and of keys and scopes beyond their budget whose last entry is stored.
--
-- KEYS  1 meta   2 scopes   3 keys:a   4 keys:b   5 log   (as in append.lua)
-- ARGV  1 and 2 ms and seq of the last stored entry   3 and 4 the log's counts with it
--       5 how many keys one generation may hold   6 how many scopes may stay
--       7 and 8 for how many ms a scope, and a closed application, stay at least after their last entry
--
-- Gives OK; GONE if this epoch is no longer kept.

local SCOPE = '>I4I4BI8'
local SLICE = 1000

local meta = redis.call(
  'HMGET', KEYS[1], 'ms', 'seq', 'stamp', 'since', 'young', 'young_since', 'turned_ms', 'turned_seq', 'cursor',
  'stored_messages', 'stored_bytes', 'stored_ms', 'stored_seq'
)
if not meta[1] then return 'GONE' end
local ms, seq = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = math.max(tonumber(meta[1]), time[1] * 1000 + math.floor(time[2] / 1000))

redis.call('XTRIM', KEYS[5], 'MINID', '=', string.format('%.0f-%.0f', ms, seq + 1))
redis.call(
  'HSET', KEYS[1], 'stored_messages', math.max(tonumber(meta[10]), tonumber(ARGV[3])),
  'stored_bytes', math.max(tonumber(meta[11]), tonumber(ARGV[4]))
)
local stored_ms, stored_seq = tonumber(meta[12] or 0), tonumber(meta[13] or 0)
if ms > stored_ms or (ms == stored_ms and seq > stored_seq) then
  redis.call('HSET', KEYS[1], 'stored_ms', ms, 'stored_seq', seq)
end

-- Keys: when the young generation is full, the old one goes, if all of it is stored.
local young, old = KEYS[3], KEYS[4]
if meta[5] == 'b' then young, old = old, young end
if redis.call('HLEN', young) > tonumber(ARGV[5]) then
  local turned_ms, turned_seq = tonumber(meta[7]), tonumber(meta[8])
  local is_empty = redis.call('EXISTS', old) == 0
  if is_empty or turned_ms < ms or (turned_ms == ms and turned_seq <= seq) then
    if not is_empty then
      redis.call('UNLINK', old)
      redis.call('HINCRBY', KEYS[1], 'stamp', 1)
      redis.call('HSET', KEYS[1], 'since', math.max(tonumber(meta[4]), tonumber(meta[6])))
    end
    redis.call(
      'HSET', KEYS[1], 'young', meta[5] == 'a' and 'b' or 'a', 'young_since', now + 1,
      'turned_ms', meta[1], 'turned_seq', meta[2]
    )
  end
end

-- Scopes: a slice of them at a time.
if redis.call('HLEN', KEYS[2]) > tonumber(ARGV[6]) then
  local slice = redis.call('HSCAN', KEYS[2], meta[9], 'COUNT', SLICE)
  local has_let_go = false
  for i = 1, #slice[2], 2 do
    local name = slice[2][i]
    local _, _, closed, at = struct.unpack(SCOPE, slice[2][i + 1])
    local is_closed_application = closed > 0 and not string.find(name, ':', 1, true)
    local stays_ms = tonumber(is_closed_application and ARGV[8] or ARGV[7])
    if at < ms and at + stays_ms <= now then
      redis.call('HDEL', KEYS[2], name)
      has_let_go = true
    end
  end
  redis.call('HSET', KEYS[1], 'cursor', slice[1])
  if has_let_go then redis.call('HINCRBY', KEYS[1], 'stamp', 1) end
end
return 'OK'
