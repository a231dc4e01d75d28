-- Forgets a session whole.
-- KEYS: state, quiz, events
-- ARGV: expected version ('' for any)
-- Gives the state that was forgotten; 0 if another stands there; nil if there is none.
local state = redis.call('GET', KEYS[1])
if not state then return false end
if ARGV[1] ~= '' and string.match(state, '^{"version":(%d+)') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
return state
