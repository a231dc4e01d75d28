-- Forgets a session whole.
-- KEYS: state, quiz, events
-- ARGV: how the expected state begins ('' for any)
-- Gives the state that was forgotten; 0 if another stands there; nil if there is none.
local state = redis.call('GET', KEYS[1])
if not state then return false end
if string.sub(state, 1, #ARGV[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
return state
