#!lua
-- Sets what the log does not know of some scopes, and extends grants; nothing is lowered or reopened.
--
-- Loaded with a line in front that names partition, epoch and run, as append.lua is.
--
-- KEYS  1 epoch   2 meta   3 scopes   4 log   (as in append.lua)
--
-- ARGV  1 epoch   2 stamp of the refusal that was before the database was asked; empty: set nothing, extend alone
--       then for each scope: name, closed (0|1), the last number that the database has seen, first and until (the
--       grant), payload of the entry that says that the numbers below the grant are burnt
--
-- Gives OK; EPOCH or STAMP, if nothing was set because the life is another or something was let go of since.

local VERSION = '1'
local SCOPE, HEAD = '>I4I4BI8', '>I4I8I8'
local LAST_SEQ = 1048575

if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'EPOCH' end
local meta = redis.call('HMGET', KEYS[2], 'stamp', 'ms', 'seq', 'messages', 'bytes')
if not meta[1] then return 'EPOCH' end
local sets = ARGV[2] ~= ''
if sets and meta[1] ~= ARGV[2] then return 'STAMP' end

local ms, seq = tonumber(meta[2]), tonumber(meta[3])
local messages, bytes = tonumber(meta[4]), tonumber(meta[5])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now > ms then ms, seq = now, -1 end

local function burn(number, payload)
  seq = seq + 1
  if seq > LAST_SEQ then ms, seq = ms + 1, 0 end
  messages, bytes = messages + 1, bytes + #payload
  local id = string.format('%.0f-%.0f', ms, seq)
  redis.call('XADD', KEYS[4], id, VERSION, struct.pack(HEAD, number, messages, bytes) .. payload)
  redis.call('HSET', KEYS[2], 'ms', ms, 'seq', seq, 'messages', messages, 'bytes', bytes)
end

for i = 3, #ARGV, 6 do
  local name, closed, stored = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  local first, granted = tonumber(ARGV[i + 3]), tonumber(ARGV[i + 4])
  local value = redis.call('HGET', KEYS[3], name)
  if not value and sets then
    local last = first <= stored + 1 and stored or first - 1
    redis.call('HSET', KEYS[3], name, struct.pack(SCOPE, last, math.max(last, granted), closed, ms))
  elseif value then
    local last, present, gate, at = struct.unpack(SCOPE, value)
    if gate == 0 and granted > present then
      if first > present + 1 then
        if last < first - 1 then
          burn(last + 1, ARGV[i + 5])
          at = ms
        end
        last = first - 1
      end
      redis.call('HSET', KEYS[3], name, struct.pack(SCOPE, last, granted, gate, at))
    end
  end
end
return 'OK'
