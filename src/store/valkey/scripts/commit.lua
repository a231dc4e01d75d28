#!lua
-- Because of the first line, the server refuses the whole script when its memory is full. Without it, a
-- script that deletes first may still write afterwards.
--
-- Commits one change of a session: all of it or nothing.
-- KEYS: state, quiz, events
-- ARGV: the expected beginning of the stored state ('' if there must be none), new state, TTL in ms,
--       '1' to delete the stored quiz and events first, quiz ('' keeps it, '-' deletes it),
--       sequence number up to which events are pruned ('' for none),
--       server time in ms after which no new session is created,
--       publish command ('' for none), its channel and its message,
--       then for each event: sequence number, number of words that follow, field names and values
-- Returns 1 if committed; the stored state if it is another one; nil if no state is stored although
-- one is expected; 0 if a creation came too late.
local state = redis.call('GET', KEYS[1])
if state then
  if ARGV[1] == '' or string.sub(state, 1, #ARGV[1]) ~= ARGV[1] then return state end
elseif ARGV[1] ~= '' then
  return false
else
  -- A late creation is refused: its caller no longer waits, and the session may have been created by an
  -- earlier try and deleted since.
  local time = redis.call('TIME')
  if time[1] * 1000 + math.floor(time[2] / 1000) > tonumber(ARGV[7]) then return 0 end
end
if ARGV[4] == '1' then redis.call('DEL', KEYS[2], KEYS[3]) end
-- A script is not rolled back on an error. So the writes that can fail come before the state that refers to
-- them.
local i = 11
while ARGV[i] do
  local last = i + 1 + ARGV[i + 1]
  redis.call('XADD', KEYS[3], ARGV[i] .. '-0', unpack(ARGV, i + 2, last))
  i = last + 1
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
if ARGV[5] == '-' then
  redis.call('DEL', KEYS[2])
elseif ARGV[5] ~= '' then
  redis.call('SET', KEYS[2], ARGV[5], 'PX', ARGV[3])
else
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
if ARGV[6] ~= '' then redis.call('XTRIM', KEYS[3], 'MINID', ARGV[6] .. '-1') end
redis.call('PEXPIRE', KEYS[3], ARGV[3])
-- The notice is optional: pcall, so that a missing permission doesn't fail the commit.
if ARGV[8] ~= '' then redis.pcall(ARGV[8], ARGV[9], ARGV[10]) end
return 1
