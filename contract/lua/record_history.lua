#!lua
-- Record entries of the metric history behind the epoch fence. Not allowed when the memory is full: history is dropped
-- first.
-- KEYS: cluster:collector:epoch, then the stream of each entry
-- ARGV: epoch, field, most streams to rewrite, then for each entry: start of its step in ms, life time in ms, bytes
-- Returns {outcome, number of processed entries, number of refused entries, whose key has another type}; outcome is
-- recorded, lost (no epoch is stored) or fenced (another epoch is stored).
local stored = redis.call('HGET', KEYS[1], 'epoch')
if not stored then return {'lost', 0, 0} end
if stored ~= ARGV[1] then return {'fenced', 0, 0} end

local processed, refused, rewrites = 0, 0, 0
for i = 2, #KEYS do
  local key, start, kept, bytes = KEYS[i], ARGV[3 * i - 2], ARGV[3 * i - 1], ARGV[3 * i]
  local id = start .. '-' .. ARGV[1]
  local oldest = string.format('%.0f', math.max(0, tonumber(start) - tonumber(kept)))
  local is_ours = true
  local answer = redis.pcall('XADD', key, 'MINID', '~', oldest, id, ARGV[2], bytes)
  if type(answer) == 'table' and answer.err then
    if not string.find(answer.err, 'equal or smaller', 1, true) then
      is_ours = false
    elseif not redis.call('XRANGE', key, id, id)[1] then
      -- The collector's clock was set back: later entries are dropped. A stream refuses ids below its last one, even a
      -- deleted one, so the stream is rewritten. A rewrite takes about a millisecond, so one call does only a few.
      if rewrites == tonumber(ARGV[3]) then return {'recorded', processed, refused} end
      rewrites = rewrites + 1
      local before = redis.call('XRANGE', key, oldest, '(' .. id)
      redis.call('DEL', key)
      for _, entry in ipairs(before) do redis.call('XADD', key, entry[1], unpack(entry[2])) end
      redis.call('XADD', key, id, ARGV[2], bytes)
    end
  end
  if is_ours then redis.call('PEXPIRE', key, kept) else refused = refused + 1 end
  processed = processed + 1
end
return {'recorded', processed, refused}
