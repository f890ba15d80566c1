#!lua flags=allow-oom
-- Refresh a ws replica's presence by Redis's clock, and drop replicas that expired from the index.
-- KEYS: cluster:ws, cluster:ws:<replica>   ARGV: replica, ttl ms, then field and value pairs of the hash
local now = redis.call('TIME')
local now_ms = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now_ms)
redis.call('ZADD', KEYS[1], now_ms + tonumber(ARGV[2]), ARGV[1])
redis.call('HSET', KEYS[2], unpack(ARGV, 3))
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return 1
