#!lua flags=allow-oom
-- Take the collector's lease and a new epoch.
-- KEYS: cluster:collector, cluster:collector:epoch, cluster:alerts:log
-- ARGV: own id, own cluster, lease ms, own last epoch (0: none)
-- Returns {outcome, epoch, holder's id, holder's cluster, 1 if the alert log is empty}; outcome is taken, held or foreign.
local holder = redis.call('HMGET', KEYS[1], 'id', 'cluster')
if holder[1] and holder[1] ~= ARGV[1] then
  local outcome = 'held'
  if holder[2] ~= ARGV[2] then outcome = 'foreign' end
  return {outcome, 0, holder[1], holder[2] or '', 0}
end
local stored = tonumber(redis.call('HGET', KEYS[2], 'epoch') or '0') or 0
local now = tonumber(redis.call('TIME')[1])
local newest = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)
local logged = 0
if newest[1] then logged = tonumber(string.match(newest[1][1], '^(%d+)')) end
local epoch = math.max(stored + 1, tonumber(ARGV[4]) + 1, now, logged + 1)
local written = string.format('%.0f', epoch)
redis.call('HSET', KEYS[2], 'epoch', written, 'seq', '0')
redis.call('HSET', KEYS[1], 'id', ARGV[1], 'cluster', ARGV[2], 'epoch', written)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local empty = 1
if newest[1] then empty = 0 end
return {'taken', epoch, ARGV[1], ARGV[2], empty}
