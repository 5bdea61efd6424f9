-- One call of one tenant, decided in one atomic step: the same algorithm as
-- ratelimit.gcra, number for number. The clock above sets "now" (microseconds)
-- and "slack" (milliseconds that a key outlives its burst, since keys expire by
-- a clock of milliseconds).
--
-- KEYS[1]  the tenant
-- ARGV     interval between two units in nanoseconds, burst, cost
--
-- The key holds "at ahead": at the microsecond at, the whole burst was ahead
-- nanoseconds away. Counting from at keeps every number below 2^53, where
-- Lua's numbers are exact.
--
-- Returns now, ahead, and wait: the nanoseconds until the call would be
-- allowed, 0 if it is.
local interval, burst, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local window = burst * interval
local ahead = 0

-- A key of another kind, or another text, is not ours: the burst is whole.
local state = redis.pcall('GET', KEYS[1])
if type(state) == 'string' then
  local at, was = string.match(state, '^(%d+) (%d+)$')
  if at then
    ahead = math.max(0, tonumber(was) - (now - tonumber(at)) * 1000)
  end
end

-- Further ahead than the window: the clock stepped back, or the policy became
-- smaller. The burst is empty, and no worse.
local write = ahead > window
if write then
  ahead = window
end
local wait = math.max(0, ahead + cost * interval - window)
if wait == 0 then
  ahead = ahead + cost * interval
  write = true
end
if write then
  redis.call('SET', KEYS[1], string.format('%.0f %.0f', now, ahead),
    'PX', string.format('%.0f', math.ceil(ahead / 1000000) + slack))
end
return {now, ahead, wait}
