-- Forgets a session whole.
-- KEYS: state, quiz, events
-- ARGV: how the expected state begins ('' for any),
--       how to publish that something has happened ('' for not at all), and on which channel
-- Gives the state that was forgotten; 0 if another stands there; nil if there is none.
local state = redis.call('GET', KEYS[1])
if not state then return false end
if string.sub(state, 1, #ARGV[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
-- A hint: without the right to give it nothing is the worse.
if ARGV[2] ~= '' then redis.pcall(ARGV[2], ARGV[3], '') end
return state
