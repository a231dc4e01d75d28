-- Deletes a session with its quiz and events.
-- KEYS: state, quiz, events
-- ARGV: the expected beginning of the stored state ('' for any),
--       publish command for the notice ('' for none), its channel
-- Returns the deleted state; 0 if another state is stored; nil if none is stored.
local state = redis.call('GET', KEYS[1])
if not state then return false end
if string.sub(state, 1, #ARGV[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
-- The notice is optional: pcall, so that a missing permission doesn't fail the call.
if ARGV[2] ~= '' then redis.pcall(ARGV[2], ARGV[3], '') end
return state
