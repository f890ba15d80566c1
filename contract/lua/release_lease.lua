#!lua flags=allow-oom
-- Release the lease if the caller has it.
-- KEYS: cluster:collector   ARGV: own id   Returns 1 if released.
if redis.call('HGET', KEYS[1], 'id') ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
