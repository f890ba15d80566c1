#!lua
-- Record node events behind the epoch fence. Not allowed when the memory is full: the collector keeps the events.
-- KEYS: cluster:collector:epoch, cluster:node-events
-- ARGV: epoch, number of the last event before this call, epoch whose collector saw the events before this call ('0':
--       some events are lost), time since which this call and later calls have all events, stream's length, field of an
--       event, field of the time since which all events are recorded, then the bytes of each event
-- The n-th event of an epoch has the id epoch-n. Repeated events are skipped.
-- Returns recorded, lost (no epoch is stored) or fenced (another epoch is stored).
local stored = redis.call('HMGET', KEYS[1], 'epoch', 'node_events')
if not stored[1] then return 'lost' end
if stored[1] ~= ARGV[1] then return 'fenced' end

local newest = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
local last_epoch, last_n, since = -1, -1, nil
if newest then
  local e, n = string.match(newest[1], '^(%d+)-(%d+)$')
  last_epoch, last_n = tonumber(e), tonumber(n)
  for i = 1, #newest[2], 2 do
    if newest[2][i] == ARGV[7] then since = newest[2][i + 1] end
  end
end
if ARGV[3] == '0' or (stored[2] ~= ARGV[3] and stored[2] ~= ARGV[1]) then since = nil end

local epoch = tonumber(ARGV[1])
local function add(n, ...)
  if epoch > last_epoch or (epoch == last_epoch and n > last_n) then
    redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], ARGV[1] .. '-' .. string.format('%.0f', n), ...)
  end
end
local n = tonumber(ARGV[2])
if not since then
  since = ARGV[4]
  add(n, ARGV[7], since)
end
for i = 8, #ARGV do add(n + i - 7, ARGV[6], ARGV[i], ARGV[7], since) end
redis.call('HSET', KEYS[1], 'node_events', ARGV[1])
return 'recorded'
