#!lua flags=allow-oom
-- Publish one round, all or nothing, behind the (epoch, seq) fence. No JSON is re-encoded.
-- KEYS: cluster:collector, cluster:collector:epoch, cluster:alerts:log, then the key that keeps each message
-- ARGV: own id, own cluster, epoch, seq, lease ms, latest ms, log length, log field, number of messages,
--       then channel (empty: none) and bytes of each message, then id and bytes of each log entry
-- Returns published, lost (no epoch stored: take the lease again), fenced (another epoch) or repeated (seq not above).
local stored = redis.call('HMGET', KEYS[2], 'epoch', 'seq')
if not stored[1] then return 'lost' end
if stored[1] ~= ARGV[3] then return 'fenced' end
if tonumber(ARGV[4]) <= tonumber(stored[2] or '0') then return 'repeated' end

-- Ids grow, so what stands in the log already is known by its id: an entry given again is not written again.
local newest = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)
local last_epoch, last_n = -1, -1
if newest[1] then
  local e, n = string.match(newest[1][1], '^(%d+)-(%d+)$')
  last_epoch, last_n = tonumber(e), tonumber(n)
end

redis.call('HSET', KEYS[2], 'seq', ARGV[4])
redis.call('HSET', KEYS[1], 'id', ARGV[1], 'cluster', ARGV[2], 'epoch', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
local count = tonumber(ARGV[9])
local position = 10 + 2 * count
while ARGV[position] do
  local e, n = string.match(ARGV[position], '^(%d+)-(%d+)$')
  e, n = tonumber(e), tonumber(n)
  if e > last_epoch or (e == last_epoch and n > last_n) then
    redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[7], ARGV[position], ARGV[8], ARGV[position + 1])
  end
  position = position + 2
end
for i = 1, count do
  redis.call('SET', KEYS[3 + i], ARGV[9 + 2 * i], 'PX', ARGV[6])
  if ARGV[8 + 2 * i] ~= '' then redis.call('PUBLISH', ARGV[8 + 2 * i], ARGV[9 + 2 * i]) end
end
return 'published'
