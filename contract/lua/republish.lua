#!lua flags=allow-oom
-- Publish the collector's last message of a channel again, unchanged, at most once per interval.
-- KEYS: cluster:api:published:<channel>
-- ARGV: channel, its :latest key (only read; KEYS would need the right to write it), interval in ms
-- Returns {bytes or false, remaining life time of :latest in ms, 0 if published, else ms until the next publication is
-- allowed; -1: no message is stored}
local bytes = redis.call('GET', ARGV[2])
if not bytes then return {false, -2, -1} end
local ttl = redis.call('PTTL', ARGV[2])
if redis.call('SET', KEYS[1], '1', 'NX', 'PX', ARGV[3]) then
  redis.call('PUBLISH', ARGV[1], bytes)
  return {bytes, ttl, 0}
end
return {bytes, ttl, math.max(1, redis.call('PTTL', KEYS[1]))}
