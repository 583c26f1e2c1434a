-- SPDX-License-Identifier: Apache-2.0

-- -- Generations: the store's history changes -----------------------------------------------------------------------

-- What brokers were told is stored may be gone: Redis was started again without the end of its log, a replica took over
-- that had not heard of it, everything was deleted. Nothing in what is left says so. But numbers that were given out
-- would be given out again, for something else: positions, epochs, attempts. So each slot keeps by which Redis process,
-- and in which history of replication, it was last met by a broker; and when that is another one, a new generation
-- begins. (Both are needed: a master that was made a replica and a master again is the same process.) As a rule nothing
-- was lost then, and nothing but numbers changes.
--
-- A generation is a number: the minute in which it began, or one more than the one before it, whatever is more. The one
-- before it is the slot's own, or one that the broker knows and the slot doesn't. So it grows also when nothing is
-- left, as long as the clock does. A slot's sequence begins with SIZE * generation, and everything that is counted by
-- it, or from it, is greater than all of earlier generations: that is how a number tells its generation. (A generation
-- that gives out more than SIZE numbers goes on with those of the next one, which nobody gets within so few minutes.)
--
--   positions   are numbers of the sequence
--   epochs      of an actor grow to those of the present generation with its next turn
--   attempts    of a call go on with the next thousand when one begins in a later generation than the one before

local GENERATION = {
  SIZE = 100 * 1000 * 1000, -- LEDGER_GENERATION_SIZE. In 2^53, up to where numbers are exact: minutes of 171 years
  BEGIN = 1767225600, -- s: 2026 begins
  ATTEMPTS = 1000, -- of one call: each costs an instance or a broker
  EMPTY = 'LOST the data was deleted',
}

-- The first of the numbers of its generation.
function GENERATION.base (number)
  return number - number % GENERATION.SIZE
end

function GENERATION.present (prefix)
  return GENERATION.base (tonumber (call ('GET', prefix .. 'sequence') or 0))
end

-- In which generation the call's last attempt began; or, of the first one, the call was accepted.
function GENERATION.era (it)
  return it.era or GENERATION.base (it.sequence)
end

-- Whether a later one has begun since.
function GENERATION.is_over (prefix, it)
  return GENERATION.era (it) < GENERATION.present (prefix)
end

function GENERATION.leap (attempt)
  return attempt - attempt % GENERATION.ATTEMPTS + GENERATION.ATTEMPTS + 1
end

-- The number of the attempt after `last`, which begins now. Returns the generation, too.
function GENERATION.attempt_after (prefix, it, last)
  local present = GENERATION.present (prefix)
  if GENERATION.era (it) >= present then return last + 1, present end
  it.era = present
  mark (it, 'era', text (present))
  return GENERATION.leap (last), present
end

-- The attempt behind which those of a new call count. One that was made before the generation began, and isn't here,
-- may have been here, and somebody may run its first attempt. (That is looked up in the first two minutes only: the
-- first digits of an id of version 7 are when it was made, in units of 65 s.)
function GENERATION.first (prefix, id, sequence)
  local minute, made = math.floor (sequence / GENERATION.SIZE) + 1, tonumber (id:sub (1, 8), 16) * 65.536
  if made >= GENERATION.BEGIN + 60 * minute then return 0 end
  return GENERATION.may_have_lost (prefix, id) and GENERATION.ATTEMPTS or 0
end

-- The attempt behind which those of a call count that begins anew.
function GENERATION.base_after (prefix, it)
  return GENERATION.is_over (prefix, it) and GENERATION.leap (it.attempt) - 1 or it.attempt
end

-- The actor's turn begins: its owner goes on under an epoch of the generation.
function GENERATION.renew_epoch (actor, present)
  if actor.epoch == 0 or actor.epoch >= present then return end
  actor.epoch = present + 1
  call ('HSET', actor.key, 'epoch', text (actor.epoch))
end

-- Whether what has this id, and isn't here, may have been lost: it was made before the generation began. Ids of version
-- 7 begin with their time, others tell nothing.
function GENERATION.may_have_lost (prefix, id)
  local ms = id:sub (15, 15) == '7' and tonumber (id:sub (1, 8) .. id:sub (10, 13), 16)
  local since = ms and call ('HGET', prefix .. 'store', 'since')
  return since and ms < tonumber (since)
end

-- -- meet -----------------------------------------------------------------------------------------------------------
-- the greatest number of a generation that the broker knows of the slot. Its key is `store`. The answer is { the
-- present one's, the one's before this meeting; 0: none, the slot was empty }.

function GENERATION.meet (keys, args)
  local key, prefix, known = keys[1], prefix_of (keys[1]), tonumber (args[1])
  local info = call ('INFO', 'server') .. call ('INFO', 'replication')
  local redis_id = (info:match ('run_id:(%x+)') or '') .. ' ' .. (info:match ('master_replid:(%x+)') or '')
  local v = call ('HMGET', key, 'redis', 'generation')
  local before, sequence = tonumber (v[2] or 0), tonumber (call ('GET', prefix .. 'sequence') or 0)
  if v[1] == redis_id and before >= known and sequence >= GENERATION.SIZE then return { before, before } end
  local time = now ()
  local generation = math.max (math.floor ((time / 1000 - GENERATION.BEGIN) / 60), before + 1, known + 1,
                               math.floor (sequence / GENERATION.SIZE) + 1)
  call ('SET', prefix .. 'sequence', text (generation * GENERATION.SIZE))
  call ('HSET', key, 'redis', redis_id, 'generation', text (generation))
  if before > 0 or known > 0 then call ('HSET', key, 'since', text (time)) end -- else nobody had anything to lose
  return { generation, before }
end
