#!lua
-- Adds a session to its owner's list. The list's TTL covers the longest possible life of every session in it.
-- KEYS: the owner's list
-- ARGV: the entry (session id and nonce), the session's longest possible TTL in ms
redis.call('ZADD', KEYS[1], 0, ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1
