-- The state, events from a place in the log on, the name of this life of the server, and which events
-- the log holds, all of one moment.
-- KEYS: state, events
-- ARGV: first id, most events, most bytes
-- Gives, after state, life and events, the first and the last of the newest events that follow each
-- other without a gap; 1 and 0 if there is none.
local state = redis.call('GET', KEYS[1])
if not state then return false end
local replication = redis.call('INFO', 'replication')
local life = string.match(replication, 'master_replid:(%x+)')

local function number(entry) return entry and tonumber(string.match(entry[1], '^%d+')) end
local first = number(redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]) or 1
local last = number(redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]) or 0
if last - first + 1 ~= redis.call('XLEN', KEYS[2]) then
  -- Some were taken from the midst of it, which nobody does who means well: all are looked at.
  first = last
  for _, entry in ipairs(redis.call('XREVRANGE', KEYS[2], '+', '-')) do
    if number(entry) < first - 1 then break end
    first = number(entry)
  end
end

-- A few at a time: what is beyond the bytes is not read. What lies before a gap is no part of the log.
local events, from, left, bytes = {}, ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if first > tonumber(from) then from = string.format('%.0f', first) end
while left > 0 and bytes > 0 do
  local few = math.min(left, 16)
  local entries = redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', few)
  for _, entry in ipairs(entries) do
    events[#events + 1] = entry
    for _, word in ipairs(entry[2]) do bytes = bytes - #word end
  end
  if #entries < few then break end
  from = '(' .. entries[few][1]
  left = left - few
end
return { state, life, events, first, last }
