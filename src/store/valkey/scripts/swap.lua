-- Puts a value in the place of the expected one.
-- KEYS: the value's
-- ARGV: expected value ('' if there must be none), new value ('' for none), life in ms
-- Gives 1; or the value that stands instead; or nil if there is none.
local held = redis.call('GET', KEYS[1])
if (held or '') ~= ARGV[1] then return held end
if ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return 1
