#!lua flags=allow-oom
-- Publish one round completely or not at all, behind the (epoch, seq) fence. No JSON is re-encoded.
-- KEYS: cluster:collector, cluster:collector:epoch, cluster:alerts:log, then the :latest key of each message,
--       then cluster:incidents if the round records incidents
-- ARGV: own id, own cluster, epoch, seq, lease ms, latest ms, log length, log field, number of messages,
--       incidents' length, field of an incident, field of the time since which all incidents are recorded, that time,
--       then channel (empty: none) and bytes of each message,
--       then id and bytes of each log entry, with the bytes of the incident that ends with the entry (empty: none)
-- Returns published, lost (no epoch is stored: take the lease again), fenced (another epoch is stored) or repeated (the
-- stored seq is not lower).
local stored = redis.call('HMGET', KEYS[2], 'epoch', 'seq')
if not stored[1] then return 'lost' end
if stored[1] ~= ARGV[3] then return 'fenced' end
if tonumber(ARGV[4]) <= tonumber(stored[2] or '0') then return 'repeated' end

-- Ids grow, so the newest id shows which entries the log already has. Repeated entries and their incidents are skipped.
local newest = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)
local last_epoch, last_n = -1, -1
if newest[1] then
  local e, n = string.match(newest[1][1], '^(%d+)-(%d+)$')
  last_epoch, last_n = tonumber(e), tonumber(n)
end

redis.call('HSET', KEYS[2], 'seq', ARGV[4])
redis.call('HSET', KEYS[1], 'id', ARGV[1], 'cluster', ARGV[2], 'epoch', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
local count = tonumber(ARGV[9])

-- A wrong type of this key must not stop the round, so errors are ignored.
local incidents = KEYS[4 + count]
local last = newest[1] and newest[1][1]
local since = ARGV[13]
local all_recorded = true
if incidents then
  local known = redis.pcall('XREVRANGE', incidents, '+', '-', 'COUNT', 1)
  if not known.err then
    local begins
    if not known[1] then
      begins = ARGV[3] .. '-0'
    elseif last and last ~= redis.call('HGET', KEYS[2], 'recorded') then
      -- A round without incidents has written to the log, for instance by a collector of the last release.
      begins = last
    else
      since = nil
      for i = 1, #known[1][2], 2 do
        if known[1][2][i] == ARGV[12] then since = known[1][2][i + 1] end
      end
    end
    if begins then redis.pcall('XADD', incidents, begins, ARGV[12], ARGV[13]) end
  end
end

local position = 14 + 2 * count
while ARGV[position] do
  local id, incident = ARGV[position], ARGV[position + 2]
  local e, n = string.match(id, '^(%d+)-(%d+)$')
  e, n = tonumber(e), tonumber(n)
  if e > last_epoch or (e == last_epoch and n > last_n) then
    redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[7], id, ARGV[8], ARGV[position + 1])
    last = id
    if incidents and incident ~= '' then
      -- The newest entry tells since when, so that a reader need not look for it.
      local fields = {ARGV[11], incident}
      if since then fields = {ARGV[11], incident, ARGV[12], since} end
      local added = redis.pcall('XADD', incidents, 'MAXLEN', '~', ARGV[10], id, unpack(fields))
      if type(added) == 'table' and added.err then all_recorded = false end
    end
  end
  position = position + 3
end
if incidents and last and all_recorded then redis.call('HSET', KEYS[2], 'recorded', last) end
for i = 1, count do
  local channel, bytes = ARGV[12 + 2 * i], ARGV[13 + 2 * i]
  redis.call('SET', KEYS[3 + i], bytes, 'PX', ARGV[6])
  if channel ~= '' then redis.call('PUBLISH', channel, bytes) end
end
return 'published'
