#!lua
-- Lists a session of an owner's. The list lives as long as any session in it can.
-- KEYS: the owner's list
-- ARGV: the session's id, its longest life in ms
redis.call('ZADD', KEYS[1], 0, ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1
