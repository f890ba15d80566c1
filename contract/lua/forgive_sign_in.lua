#!lua flags=allow-oom
-- After a successful attempt: reset the first counter, subtract the attempt from the other counters, count the success.
-- KEYS: counters of attempts, then the counter of successes   ARGV: life time of the counter of successes in ms
redis.call('DEL', KEYS[1])
for i = 2, #KEYS - 1 do
  local attempts = tonumber(redis.call('HMGET', KEYS[i], 'attempts')[1] or '0')
  if attempts > 0 then redis.call('HSET', KEYS[i], 'attempts', string.format('%.0f', attempts - 1)) end
end
local successes = tonumber(redis.call('HMGET', KEYS[#KEYS], 'attempts')[1] or '0')
redis.call('HSET', KEYS[#KEYS], 'attempts', string.format('%.0f', successes + 1))
redis.call('PEXPIRE', KEYS[#KEYS], ARGV[1])
return 1
