-- Takes one from each quota, or from none when one of them is used up. The arithmetic is that of windows.py.
-- KEYS: a quota each. ARGV: now in ms, then for each quota its limit and the length of its window in ms.
-- Gives how many ms to wait (0 = taken), then for each quota what is left and the ms until its window ends.
local now = tonumber(ARGV[1])
local states, wait = {}, 0
for i, key in ipairs(KEYS) do
  local limit, length = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local held = redis.call('HMGET', key, 'n', 'c', 'b')
  local number = math.floor(now / length)
  local last = tonumber(held[1] or '') or -2
  local current, before = 0, 0
  if number == last + 1 then
    before = tonumber(held[2])
  elseif number <= last then
    number, current, before = last, tonumber(held[2]), tonumber(held[3])
  end
  local passed = math.max(0, now - number * length)
  local free = limit - current - math.ceil(before * (length - passed) / length)
  if free < 1 then
    if current < limit then
      wait = math.max(wait, length - math.floor((limit - 1 - current) * length / before) - passed)
    else
      wait = math.max(wait, length - passed + length - math.floor((limit - 1) * length / current))
    end
  end
  states[i] = {key, number, current, before, free, length - passed, length}
end
local answer = {wait}
for i, state in ipairs(states) do
  local free = state[5]
  if wait == 0 then
    redis.call('HSET', state[1], 'n', state[2], 'c', state[3] + 1, 'b', state[4])
    redis.call('PEXPIRE', state[1], 2 * state[7])
    free = free - 1
  end
  answer[2 * i] = math.max(0, free)
  answer[2 * i + 1] = state[6]
end
return answer
