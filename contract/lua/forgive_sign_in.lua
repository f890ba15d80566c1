#!lua flags=allow-oom
-- Take back what an attempt counted that succeeded: all of the user's, and this one of the address.
-- KEYS: the delay of the user, the delay of the address
redis.call('DEL', KEYS[1])
local attempts = tonumber(redis.call('HMGET', KEYS[2], 'attempts')[1] or '0')
if attempts > 0 then redis.call('HSET', KEYS[2], 'attempts', string.format('%.0f', attempts - 1)) end
return 1
