#!lua
-- Ends the present life of a partition's log for ever; what lies on it stays readable.
--
-- KEYS  1 epoch   2 sealed (the highest epoch that was ended)
-- ARGV  1 the epoch that the database holds: ended too, if the log has forgotten it
--
-- Gives OK.

local ended = math.max(tonumber(ARGV[1]), tonumber(redis.call('GET', KEYS[1]) or 0), tonumber(redis.call('GET', KEYS[2]) or 0))
redis.call('SET', KEYS[2], ended)
redis.call('DEL', KEYS[1])
return 'OK'
