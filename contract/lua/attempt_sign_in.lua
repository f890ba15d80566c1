#!lua flags=allow-oom
-- Count an attempt to sign in, unless a pause is in force.
-- KEYS: counters that count attempts, then counters that only impose a pause
-- ARGV: life time of a counter after the last attempt in ms, number of the counters that count attempts, index of the
--       counter whose pause restarts with an attempt during the pause (0: none), then for each key: free attempts,
--       longest pause in ms
-- Returns the ms until the next attempt is allowed; 0 if this attempt was counted.
local kept, counting, restarted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local attempts, wait = {}, 0
for i, key in ipairs(KEYS) do
  attempts[i] = tonumber(redis.call('HMGET', key, 'attempts')[1] or '0')
  local beyond = attempts[i] - tonumber(ARGV[2 * i + 2])
  if beyond >= 0 then
    -- Each attempt resets the key's life time, so the elapsed part of the life time is the time since the last attempt.
    local passed = kept - math.max(0, redis.call('PTTL', key))
    local pause = math.min(tonumber(ARGV[2 * i + 3]), 1000 * 2 ^ math.min(beyond, 30))
    if i == restarted and pause > passed then
      redis.call('PEXPIRE', key, kept)
      passed = 0
    end
    wait = math.max(wait, pause - passed)
  end
end
if wait > 0 then return math.ceil(wait) end
for i = 1, counting do
  redis.call('HSET', KEYS[i], 'attempts', string.format('%.0f', attempts[i] + 1))
  redis.call('PEXPIRE', KEYS[i], kept)
end
return 0
