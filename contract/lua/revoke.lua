#!lua flags=allow-oom
-- Revoke a session, a token, or the earlier grants of a user or browser, and announce the revocation. The log keeps one
-- entry for each subject: the one that covers most grants. Expired revocations are removed.
-- KEYS: cluster:access:revocations:log, cluster:access:revocations:ids, cluster:access:revocations
-- ARGV: subject, Unix time before which the grants were issued (empty: any time), Unix time until which the revocation is
--       kept, Unix time up to which expired revocations are removed, entries to check for that, channel, the text of the
--       revocation, the text for release 0.1.1
local log, ids, sorted_set = KEYS[1], KEYS[2], KEYS[3]
local subject, before, kept, forget = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

local function fields_of(entry)
  local fields = {}
  for i = 1, #entry[2], 2 do fields[entry[2][i]] = entry[2][i + 1] end
  return fields
end

local function moment(text) return tonumber(text or '') or math.huge end

local id = redis.call('HMGET', ids, subject)[1]
local entry = id and redis.call('XRANGE', log, id, id)[1]
if entry then
  local fields = fields_of(entry)
  if moment(fields.before) > moment(before) then before = fields.before end
  kept = math.max(kept, tonumber(fields['until'] or '') or 0)
  redis.call('XDEL', log, id)
end
local added = redis.call('XADD', log, '*', 'subject', subject, 'before', before, 'until', string.format('%.3f', kept))
redis.call('HSET', ids, subject, added)

-- Each call checks the next few entries, so that no call takes long.
local last = redis.call('HMGET', ids, '')[1] or '0-0'
local looked = redis.call('XRANGE', log, '(' .. last, '+', 'COUNT', ARGV[5])
for _, old in ipairs(looked) do
  last = old[1]
  local fields = fields_of(old)
  if (tonumber(fields['until'] or '') or 0) <= forget then
    redis.call('XDEL', log, old[1])
    if fields.subject and redis.call('HMGET', ids, fields.subject)[1] == old[1] then
      redis.call('HDEL', ids, fields.subject)
    end
  end
end
if #looked < tonumber(ARGV[5]) then last = '0-0' end
redis.call('HSET', ids, '', last)

redis.call('ZREMRANGEBYSCORE', sorted_set, '-inf', ARGV[4])
redis.call('ZADD', sorted_set, ARGV[3], ARGV[8])
redis.call('PUBLISH', ARGV[6], ARGV[7])
if ARGV[8] ~= ARGV[7] then redis.call('PUBLISH', ARGV[6], ARGV[8]) end
return 1
