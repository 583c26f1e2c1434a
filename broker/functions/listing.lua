-- SPDX-License-Identifier: Apache-2.0

-- -- Listing: which sessions there are ------------------------------------------------------------------------------

-- A listing counts the slot's open calls before it tells anything, some of them a step. What it has counted is kept in
-- Lua's memory until it has told it all, or nobody has asked it for a while: nothing is written for who only looks, and
-- one that is forgotten (Redis was started again) counts anew. Where to go on is its number, and how many sessions it
-- has told.

SESSIONS.LISTINGS, SESSIONS.LISTING_MAX = 31, 2 ^ 26 -- at once; sessions of a slot. Together they have 31 bits
SESSIONS.LISTING_KEPT = 10 -- s
SESSIONS.listings = {} -- by number: { prefix, used, place, counted, open = { session = calls }, names = { session } }

function SESSIONS.forget_listings (time)
  for number, it in pairs (SESSIONS.listings) do
    if it.used + SESSIONS.LISTING_KEPT < time then SESSIONS.listings[number] = nil end
  end
end

-- The listing of this number, or else a new one, perhaps in the place of the one that was asked longest ago. Returns
-- its number, too.
function SESSIONS.listing (prefix, number, time)
  local all = SESSIONS.listings
  if not all[number] or all[number].prefix ~= prefix then
    number = 1
    for i = 1, SESSIONS.LISTINGS do
      if all[number] and (not all[i] or all[i].used < all[number].used) then number = i end
    end
    all[number] = { prefix = prefix, place = '0', open = {}, names = {} }
  end
  all[number].used = time
  return all[number], number
end

-- Returns whether all are counted.
function SESSIONS.count_on (prefix, it)
  if it.counted then return true end
  it.place = SESSIONS.look_on (prefix, nil, it.place, SESSIONS.PAGES, function (_, session)
    if not it.open[session] then it.names[#it.names + 1] = session end
    it.open[session] = (it.open[session] or 0) + 1
  end)
  it.counted = it.place == '0'
  return it.counted
end

-- `score`: false, it isn't in `sessions`.
function SESSIONS.describe (prefix, session, score, open, time)
  local kept = score and score >= SESSIONS.KEPT and score < SESSIONS.USED
  return cmsgpack.pack ({ session = session, open = open, parts = call ('SCARD', prefix .. 'parts:' .. session),
                          ending = score and SESSIONS.is_ending (score), idle = kept and open == 0 and
                          math.max (time - (score - SESSIONS.KEPT), 0) or 0 })
end

-- Adds the batch behind the first `from` sessions to the answer. Returns how many there are with it; 0: that was all.
function SESSIONS.tell (prefix, key, it, from, listed, time)
  local count, names = call ('ZCARD', key), it.names
  local found = call ('ZRANGE', key, from, from + BATCH - 1, 'WITHSCORES')
  for i = 1, #found, 2 do
    listed[#listed + 1] = SESSIONS.describe (prefix, found[i], tonumber (found[i + 1]), it.open[found[i]] or 0, time)
  end
  local till = from < count and math.min (from + BATCH, count) or from + BATCH
  for i = math.max (from, count) - count + 1, math.min (till - count, #names) do
    if not call ('ZSCORE', key, names[i]) then
      listed[#listed + 1] = SESSIONS.describe (prefix, names[i], false, it.open[names[i]], time)
    end
  end
  return till < count + #names and till or 0
end

-- -- sessions -------------------------------------------------------------------------------------------------------
-- where to go on (0: at the beginning). Its key is `sessions`. The items are sessions: first those that are there, then
-- the others with open calls; the answer says under `deadline` where to go on, perhaps without items; 0: that was all.

function SESSIONS.list (keys, args)
  local prefix, time, position = prefix_of (keys[1]), SESSIONS.now (), tonumber (args[1])
  local listed, from = answer ('ok'), position % SESSIONS.LISTING_MAX
  local it, number = SESSIONS.listing (prefix, math.floor (position / SESSIONS.LISTING_MAX), time)
  local counted = SESSIONS.count_on (prefix, it)
  local till = counted and SESSIONS.tell (prefix, keys[1], it, from, listed, time) or from
  if counted and till == 0 then
    SESSIONS.listings[number] = nil
  else
    listed[4] = number * SESSIONS.LISTING_MAX + till
  end
  return listed
end
