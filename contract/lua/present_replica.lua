#!lua flags=allow-oom
-- Refresh a ws replica's presence by Redis's clock. Expired replicas move from the index to the vanished replicas.
-- KEYS: cluster:ws, cluster:ws:<replica>, cluster:ws:vanished
-- ARGV: replica, life time in ms, ms for which a vanished replica is kept, most vanished replicas, then fields and values
local now = redis.call('TIME')
local now_ms = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
local expired = redis.call('ZRANGE', KEYS[1], now_ms - tonumber(ARGV[3]), now_ms, 'BYSCORE', 'LIMIT', 0, ARGV[4], 'WITHSCORES')
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now_ms)
redis.call('ZADD', KEYS[1], now_ms + tonumber(ARGV[2]), ARGV[1])
redis.call('HSET', KEYS[2], unpack(ARGV, 5))
redis.call('PEXPIRE', KEYS[2], ARGV[2])

-- A wrong type of this key must not stop the presence, so errors are ignored.
redis.pcall('ZREMRANGEBYSCORE', KEYS[3], '-inf', now_ms - tonumber(ARGV[3]))
for i = 1, #expired, 2 do redis.pcall('ZADD', KEYS[3], expired[i + 1], expired[i]) end
redis.pcall('ZREM', KEYS[3], ARGV[1])
redis.pcall('PEXPIRE', KEYS[3], ARGV[3])
return 1
