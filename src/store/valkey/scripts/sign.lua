-- The heartbeat of an instance. It renews the uptime mark, which expires only when all instances, or this
-- server, were down for longer than its TTL.
-- KEYS: the uptime mark
-- ARGV: TTL in ms
-- Returns the time since which the mark exists, in ms, and the server's time, in µs.
local time = redis.call('TIME')
local micros = time[1] * 1000000 + time[2]
local since = redis.call('GET', KEYS[1]) or string.format('%.0f', math.floor(micros / 1000))
redis.call('SET', KEYS[1], since, 'PX', ARGV[1])
return { since, string.format('%.0f', micros) }
