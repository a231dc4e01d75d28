-- Compare-and-swap: replaces a value if it is the expected one.
-- KEYS: the key of the value
-- ARGV: expected value ('' if there must be none), new value ('' to delete it), TTL in ms
-- Returns 1 if replaced; otherwise the stored value, or nil if none is stored.
local held = redis.call('GET', KEYS[1])
if (held or '') ~= ARGV[1] then return held end
if ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return 1
