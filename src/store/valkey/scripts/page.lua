-- The state, events from a place in the log on, and the name of this life of the server, all of
-- one moment.
-- KEYS: state, events
-- ARGV: first id, how many
local state = redis.call('GET', KEYS[1])
if not state then return false end
local replication = redis.call('INFO', 'replication')
local life = string.match(replication, 'master_replid:(%x+)')
return { state, life, redis.call('XRANGE', KEYS[2], ARGV[1], '+', 'COUNT', ARGV[2]) }
