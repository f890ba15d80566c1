#!lua flags=allow-oom
-- Revoke a session, a token or a user's grants, and tell; forget what would not be valid anyway.
-- KEYS: cluster:access:revocations   ARGV: member, Unix time it is kept until, Unix time up to which to forget, channel
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[3])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('PUBLISH', ARGV[4], ARGV[1])
return 1
