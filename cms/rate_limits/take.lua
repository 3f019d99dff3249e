-- Takes from each quota, or from none when one of them is used up. The arithmetic is that of quotas.py.
-- KEYS: a quota each. ARGV: now in ms; how many of the first quota passed already and are counted whatever is left; how
-- many are wanted of each, all of them where one is left, and 0 only looks; then for each quota its limit and the length
-- of its window in ms.
-- Gives how many ms to wait (0 = taken), then for each quota what is left and the ms until its window ends.
local now, passed_before, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local states, wait = {}, 0
for i, key in ipairs(KEYS) do
  local limit, length = tonumber(ARGV[2 * i + 2]), tonumber(ARGV[2 * i + 3])
  local held = redis.call('HMGET', key, 'n', 'c', 'b')
  local number = math.floor(now / length)
  local last = tonumber(held[1] or '') or -2
  local current, before = 0, 0
  if number == last + 1 then
    before = tonumber(held[2])
  elseif number <= last then
    number, current, before = last, tonumber(held[2]), tonumber(held[3])
  end
  if i == 1 then
    current = current + passed_before
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
local answer, taken = {wait}, wait == 0 and wanted or 0
for i, state in ipairs(states) do
  if taken + passed_before > 0 then
    redis.call('HSET', state[1], 'n', state[2], 'c', state[3] + taken, 'b', state[4])
    redis.call('PEXPIRE', state[1], 2 * state[7])
  end
  answer[2 * i] = math.max(0, state[5] - taken)
  answer[2 * i + 1] = state[6]
end
return answer
