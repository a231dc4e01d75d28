-- Reads the state, the server's replication id, a page of events, and the range of events that the log holds,
-- all at one point in time.
-- KEYS: state, events
-- ARGV: first sequence number to return, maximum number of events, maximum bytes
-- Returns nil if there is no state; otherwise state, replication id, events, and the first and last
-- sequence number of the newest events without a gap (1 and 0 if there are no events).
local state = redis.call('GET', KEYS[1])
if not state then return false end
local replication = redis.call('INFO', 'replication')
local life = string.match(replication, 'master_replid:(%x+)')

local function number(entry) return entry and tonumber(string.match(entry[1], '^%d+')) end
local first = number(redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]) or 1
local last = number(redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]) or 0
if last - first + 1 ~= redis.call('XLEN', KEYS[2]) then
  -- Entries are missing in the middle, which this program never causes. Search backwards for the gap.
  first = last
  for _, entry in ipairs(redis.call('XREVRANGE', KEYS[2], '+', '-')) do
    if number(entry) < first - 1 then break end
    first = number(entry)
  end
end

-- Read a few entries at a time, so that little is read beyond the byte limit. Entries before a gap are not
-- part of the log.
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
