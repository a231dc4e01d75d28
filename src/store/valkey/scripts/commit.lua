#!lua
-- (By its first line the script is refused as a whole where memory is full. Without it, what deletes
-- first may write afterwards.)
--
-- One atomic step: nothing, or all of it.
-- KEYS: state, quiz, events
-- ARGV: how the expected state begins ('' if there must be none), new state, life in ms,
--       '1' to forget what was there before, quiz ('' keeps it, '-' drops it),
--       sequence through which events are forgotten ('' for none),
--       the server's time in ms after which no session is begun,
--       how to publish ('' for not at all), on which channel, and what,
--       then for each event: sequence, how many words follow, names and values of its fields
-- Gives 1; or the state that stands instead; or nil if there is none; or 0 if it came too late.
local state = redis.call('GET', KEYS[1])
if state then
  if ARGV[1] == '' or string.sub(state, 1, #ARGV[1]) ~= ARGV[1] then return state end
elseif ARGV[1] ~= '' then
  return false
else
  -- Nobody waits for it any more, and what it begins may have been forgotten since.
  local time = redis.call('TIME')
  if time[1] * 1000 + math.floor(time[2] / 1000) > tonumber(ARGV[7]) then return 0 end
end
if ARGV[4] == '1' then redis.call('DEL', KEYS[2], KEYS[3]) end
-- Nothing is rolled back, so what can be refused comes before the state that speaks of it.
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
-- A hint: without the right to give it the step is none the worse.
if ARGV[8] ~= '' then redis.pcall(ARGV[8], ARGV[9], ARGV[10]) end
return 1
