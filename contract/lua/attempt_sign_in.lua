#!lua flags=allow-oom
-- Count an attempt to sign in, unless a pause is on.
-- KEYS: delays that count attempts, then delays that count something else and are only waited for
-- ARGV: ms that a delay is kept after the last attempt, number of the delays that count attempts, number of the one whose
--       pause begins anew with an attempt in it (0: none), then for each key: free attempts, ms of the longest pause
-- Returns the ms until one may try again: 0 if this attempt was counted.
local kept, counting, anew = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local attempts, wait = {}, 0
for i, key in ipairs(KEYS) do
  attempts[i] = tonumber(redis.call('HMGET', key, 'attempts')[1] or '0')
  local beyond = attempts[i] - tonumber(ARGV[2 * i + 2])
  if beyond >= 0 then
    -- The key's life begins anew with each attempt, so what has passed of it is the time since the last one.
    local passed = kept - math.max(0, redis.call('PTTL', key))
    local pause = math.min(tonumber(ARGV[2 * i + 3]), 1000 * 2 ^ math.min(beyond, 30))
    if i == anew and pause > passed then
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
