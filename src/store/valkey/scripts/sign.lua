-- A sign of life of some instance: what it marks lapses only when all of them, or this server,
-- were away.
-- KEYS: the mark
-- ARGV: life in ms
-- Gives since when the mark has stood, in ms, and the server's time in µs.
local time = redis.call('TIME')
local micros = time[1] * 1000000 + time[2]
local since = redis.call('GET', KEYS[1]) or string.format('%.0f', math.floor(micros / 1000))
redis.call('SET', KEYS[1], since, 'PX', ARGV[1])
return { since, string.format('%.0f', micros) }
