#!lua flags=allow-oom
-- Refresh a ws replica's presence by Redis's clock. Replicas that expired go from the index to those that vanished.
-- KEYS: cluster:ws, cluster:ws:<replica>, cluster:ws:vanished
-- ARGV: replica, ttl ms, ms for which a vanished one is kept, how many are, then field and value pairs of the hash
local now = redis.call('TIME')
local now_ms = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
local expired = redis.call('ZRANGE', KEYS[1], now_ms - tonumber(ARGV[3]), now_ms, 'BYSCORE', 'LIMIT', 0, ARGV[4], 'WITHSCORES')
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now_ms)
redis.call('ZADD', KEYS[1], now_ms + tonumber(ARGV[2]), ARGV[1])
redis.call('HSET', KEYS[2], unpack(ARGV, 5))
redis.call('PEXPIRE', KEYS[2], ARGV[2])

-- Whatever this key holds, the replica is present: errors are passed over.
redis.pcall('ZREMRANGEBYSCORE', KEYS[3], '-inf', now_ms - tonumber(ARGV[3]))
for i = 1, #expired, 2 do redis.pcall('ZADD', KEYS[3], expired[i + 1], expired[i]) end
redis.pcall('ZREM', KEYS[3], ARGV[1])
redis.pcall('PEXPIRE', KEYS[3], ARGV[3])
return 1
