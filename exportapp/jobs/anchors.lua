-- One round trip for a sign of life or a commit of one piece.
-- KEYS: progress hash, shards hash, done set, seq counter, rate hash
-- ARGV: piece, fence, phase, rows, bytes, ttl in seconds, channel, 1 when committed
-- Answers {0, control}: stale, {1, control}: written, {2, ''}: no anchor, rebuild it first.
local progress, shards, done, seq, rated = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local piece, fence, phase = ARGV[1], tonumber(ARGV[2]), ARGV[3]
if redis.call('HEXISTS', progress, 'status') == 0 then return {2, ''} end
local control = redis.call('HGET', progress, 'control') or ''

local known = tonumber(redis.call('HGET', shards, piece .. ':fence') or '0')
if fence < known then return {0, control} end
redis.call('HSET', shards, piece .. ':fence', fence)

if phase ~= '' then
  local field = piece .. ':' .. phase
  local before = tonumber(redis.call('HGET', shards, field) or '0')
  redis.call('HSET', shards, field, ARGV[4])
  redis.call('HINCRBY', progress, 'rows_' .. phase, tonumber(ARGV[4]) - before)
end

local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local rows = tonumber(redis.call('HGET', progress, 'rows_extracted') or '0')
  + tonumber(redis.call('HGET', progress, 'rows_rendered') or '0')

-- The mean over about the last 20 seconds: what is older counts for less and less. One slow or
-- quick batch does not show, and the first moments are not taken for the whole.
local before = redis.call('HMGET', rated, 'at', 'rows', 'sum', 'span')
local sum, span = tonumber(before[3] or '0'), tonumber(before[4] or '0')
if before[1] then
  local past = math.max(now - tonumber(before[1]), 0)
  local fade = math.exp(-past / 20)
  sum = sum * fade + (rows - tonumber(before[2])) / 2
  span = span * fade + past
end
local rate = math.max(sum, 0) / math.max(span, 1)
redis.call('HSET', rated, 'at', string.format('%.3f', now), 'rows', rows,
  'sum', string.format('%.3f', sum), 'span', string.format('%.3f', span))
redis.call('HSET', progress, 'fence', fence, 'last_updated', string.format('%.3f', now),
  'rate', string.format('%.1f', rate))

if ARGV[8] == '1' then
  if phase == 'rendered' and redis.call('SADD', done, piece) == 1 then
    redis.call('HSET', progress, 'current_chunk', redis.call('SCARD', done))
    redis.call('HINCRBY', progress, 'bytes', ARGV[5])
  end
  redis.call('PUBLISH', ARGV[7], redis.call('INCR', seq))
end
for _, key in ipairs({progress, shards, done, seq, rated}) do redis.call('EXPIRE', key, ARGV[6]) end
return {1, control}
