#!lua flags=allow-oom
-- Count an attempt to sign in, unless a pause is on; a refused attempt changes nothing.
-- KEYS: the delay of the user, the delay of the address
-- ARGV: ms that a delay is kept after the last attempt, then for each key: free attempts, ms of the longest pause
-- Returns the ms until one may try again: 0 if this attempt was counted.
local kept = tonumber(ARGV[1])
local attempts, wait = {}, 0
for i, key in ipairs(KEYS) do
  attempts[i] = tonumber(redis.call('HMGET', key, 'attempts')[1] or '0')
  local beyond = attempts[i] - tonumber(ARGV[2 * i])
  if beyond >= 0 then
    -- The key's life begins anew with each attempt, so what has passed of it is the time since the last one.
    local passed = kept - math.max(0, redis.call('PTTL', key))
    local pause = math.min(tonumber(ARGV[2 * i + 1]), 1000 * 2 ^ math.min(beyond, 30))
    wait = math.max(wait, pause - passed)
  end
end
if wait > 0 then return math.ceil(wait) end
for i, key in ipairs(KEYS) do
  redis.call('HSET', key, 'attempts', string.format('%.0f', attempts[i] + 1))
  redis.call('PEXPIRE', key, ARGV[1])
end
return 0
