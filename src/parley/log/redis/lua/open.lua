#!lua
-- Begins a life of a partition's log, or makes a present one ready for its scripts; neither reopens what was sealed.
--
-- KEYS  1 epoch   2 sealed (the highest epoch that was ended)   3 meta   4 log
-- ARGV  1 epoch   2 and 3 ms and seq that every later entry lies above   4 since when all keys are known (ms)
--       5 the first stamp: it names the epoch, so that no refusal of another one fits
--       6 resume: 1 if the log of this epoch must be there
--
-- Gives OK; ENDED (this epoch was sealed or another is later); LOST (there is nothing to resume).

local epoch, ms, seq = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local present = tonumber(redis.call('GET', KEYS[1]) or 0)
local sealed = tonumber(redis.call('GET', KEYS[2]) or 0)
if epoch < present or epoch <= sealed then return 'ENDED' end

local last = redis.call('HMGET', KEYS[3], 'ms', 'seq')
if last[1] then
  local last_ms, last_seq = tonumber(last[1]), tonumber(last[2])
  if ms > last_ms or (ms == last_ms and seq > last_seq) then redis.call('HSET', KEYS[3], 'ms', ms, 'seq', seq) end
else
  if ARGV[6] == '1' then return 'LOST' end
  redis.call('DEL', KEYS[4])
  redis.call('XGROUP', 'CREATE', KEYS[4], 'parley', '0', 'MKSTREAM')
  redis.call('XGROUP', 'DESTROY', KEYS[4], 'parley')
  redis.call('XSETID', KEYS[4], string.format('%.0f-%.0f', ms, seq))
  redis.call(
    'HSET', KEYS[3], 'ms', ms, 'seq', seq, 'messages', 0, 'bytes', 0, 'stored_messages', 0, 'stored_bytes', 0,
    'stamp', ARGV[5], 'since', ARGV[4], 'young', 'a', 'young_since', ARGV[4], 'turned_ms', 0, 'turned_seq', 0, 'cursor', 0
  )
end
redis.call('SET', KEYS[1], ARGV[1])
return 'OK'
