#!lua name=troupe1
-- SPDX-License-Identifier: Apache-2.0
--
-- The ledger's side in Redis: every step that must be one, as a Redis Function. The files of this folder, one after
-- another in the order of broker/CMakeLists.txt, are one library, which the broker loads when it connects (see
-- ledger_library.c); it is its only user. ledger.h says what each step promises.
--
--   layout   this: what is stored, and where          places      where a new call stands in hubs
--   calls    one call: its keys, reading it           operations  a hub is opened, changed, closed
--   hubs     what an actor has to hear                accept      a call comes in
--   notices  what brokers tell each other             settle      a call ends; its outcome is asked for
--   turns    mailboxes: whose turn it is              attempts    retry, claim, recall, inputs
--   rings    who waits for whom                       hear        what was said in hubs
--   rousing  members hear without being called        brokers     sweep, recover, takeover, inbox, lease
--   entries  what becomes of a hub's log              generations  what changes with the store's history
--   ending   an outcome, and what follows from it     sessions    what is kept of them
--   letters  calls under which instances died         closing     one is ended, or has been idle for long
--   library  what Redis knows it by                   listing     which there are
--
-- Everything of a session lies in one of 64 slots, whose hash tag is in every key:
--
--   troupe:{NN}:call:<session>|<id>           hash    a call (fields below); gone some time after it has settled
--   troupe:{NN}:open                          zset    names of unsettled calls, by the time when they must have settled
--   troupe:{NN}:actor:<session>|<service>     hash    running (an id), owner (an instance), epoch, memory (entries),
--                                                     hubs (how many it is in, or has yet to hear); failures, rest:
--                                                     see rousing.lua; kept: 1: it is in `parts`
--   troupe:{NN}:mailbox:<session>|<service>   zset    calls that wait for their turn, the next one first
--   troupe:{NN}:memory:<session>|<service>    list    what an actor remembers, packed entries
--   troupe:{NN}:children:<session>|<id>       set     ids of the unsettled calls that this one made
--   troupe:{NN}:journal:<session>|<id>        set     ids of the settled ones that its next attempt would ask for again
--   troupe:{NN}:awaits:<session>|<id>         set     ids of other calls that its running attempt awaits
--   troupe:{NN}:users:<session>|<id>          set     ids of calls that this one is an input of, and that wait for it
--   troupe:{NN}:ending                        zset    settled calls from which more follows than one step may do
--   troupe:{NN}:hub:<session>|<id>            hash    open (1 or ''), auto (1, 0), parent (the call that opened it, or
--                                                     ''), lease (ms), retention; bytes: of its messages; leaving:
--                                                     members are being let go; ends: when a closed one is given up
--   troupe:{NN}:log:<session>|<hub>           zset    what was said, by position: the position, and who (nobody: a
--                                                     broadcast)
--   troupe:{NN}:said:<session>|<hub>          hash    the messages, by position
--   troupe:{NN}:pending:<session>|<hub>       zset    entries that calls reserved, by position: the call, its service
--   troupe:{NN}:readers:<session>|<hub>       zset    actors that may have to hear, by how far they have heard
--   troupe:{NN}:members:<session>|<hub>       hash    of the same: since when and until when, "5-9,12-"
--   troupe:{NN}:live:<session>|<hub>          set     of the same: those that want to hear at once
--   troupe:{NN}:waits:<session>|<hub>         zset    calls whose turn waits for an entry, by its position
--   troupe:{NN}:fans:<session>|<id>           zset    groups of calls that don't hear each other, by their cut: of the
--                                                     call that makes them; of callers, under the id zero
--   troupe:{NN}:fanning:<session>|<id>        zset    those of them of which more calls are to come, by until when
--                                                     that is waited for
--   troupe:{NN}:hubs:<session>|<service>      set     hubs of the actor (as `hubs` above counts them)
--   troupe:{NN}:hubs                          zset    hubs to look at, by when: the end of a lease, or of a closed one;
--                                                     0: work is left
--   troupe:{NN}:rouse                         zset    hubs in which members are to be roused, by when; 0: at once
--   troupe:{NN}:letters                       zset    names of calls that left a dead letter, by until when it is kept
--   troupe:{NN}:letter:<session>|<id>         hash    service, actor, flags, body, trace, inputs, again as of the call;
--                                                     deaths; error; at
--   troupe:{NN}:inbox:<broker>                stream  what others tell this broker: kind, name
--   troupe:{NN}:sessions                      zset    sessions that have actors or hubs, or are being ended: see
--                                                     sessions.lua
--   troupe:{NN}:closing                       hash    of these: those that are being ended, or seem to be idle
--   troupe:{NN}:parts:<session>               set     services of its actors, ids of its hubs
--   troupe:{NN}:asks                          number  how often room in a mailbox was asked for in vain: see rings.lua
--   troupe:{NN}:sequence                      number  the last place in the order of acceptance that was given out
--   troupe:{NN}:store                         hash    redis, generation, since: see generations.lua
--   troupe:brokers                            zset    the brokers of the mesh, by the time when their lease runs out
--
-- A call's name is "<session>|<id>". Fields of a call:
--
--   call       packed, as it was accepted, and `now` once they have changed: attempt (0 until its turn comes), deadline
--              (ms, 0: none has started), owner (the broker that offers it); and what never changes: service, actor
--              (true, false), flags, default (its deadline from when its turn comes, ms), sequence (its place in the
--              order of acceptance)
--   now        packed: attempt, deadline, owner
--   path       ids of 16 bytes; trace: neither is there if both are empty
--   body       the input; once settled, the value or error
--   end        packed: status, winner (the attempt that settled it): once settled
--   more       1: some of these are there as well
--     parent, under    a nested call's parent, and the attempt of it that made the call
--     order, keep      a nested call's root's sequence; the time until which its parent may ask for its outcome
--     base             how many attempts it had before it began anew
--     retryable        1: its outcome is an error that a later attempt of the parent does not get
--     inputs, missing  ids of the calls whose values it needs; 1 while some of those have not settled
--     era              the generation in which its last attempt began, if it was accepted in an earlier one
--     deaths           instances that were lost under it; again: the id of the call whose dead letter it was
--     refs             how many unsettled calls name it as an input
--     nested, awaits   1: it has made nested calls; it has awaited others
--     wants            calls that its attempts ask room for in mailboxes: see rings.lua
--     waiters          brokers that want to hear that it has settled, separated by NUL
--     hubs             open hubs that it opened
--     entries          hubs in whose logs it has an entry; the position is its sequence
--     scope, clock     where it stands among the hubs of its ancestors; its cuts in hubs: see hubs.lua
--     behind           the hub with an entry that its turn waits for
--     rank             of a call in a nested hub, and of those made for it: the sequences from there on down to it
--
-- Rules. A call has settled when it has a status. An unsettled call is in `open` and, an actor's, either the `running`
-- one (attempt above 0) or in the mailbox. A stateless call has its turn unless it misses inputs. Times are Redis's
-- own. Each function is called with one key, names the others itself, and stays within that key's slot (a Redis
-- Cluster refuses anything else). The work of a step is bounded: a batch, a mailbox's limit, or the waiting brokers.
-- (Not so when a broker of revision 8 ends a session that has neither actors nor hubs: then all open calls of the slot
-- are looked through, a microsecond each.)
--
-- Before revision 9 what is packed now were fields of their own (CALLS.load_older), and sessions were counted.
--
-- What costs is each redis.call (about a microsecond beside its work), each field of a hash (half of that, to make it
-- and to free it) and each write that goes to the log: so a plain call, with no parent, inputs or waiters, is accepted
-- by five of them and settled by five, its fields are packed in one, and those above that are rare are read only when
-- `more` says so.

-- A whole number as Redis wants it. (redis.call prints numbers by "%.17g", which costs more than the call itself.)
local function text (number)
  return string.format ('%d', number)
end

-- Grows with every change that other brokers of the same mesh would notice, and with every release that changes a
-- Function. A broker replaces a library of a lesser revision, or of its own revision with other text, and leaves a
-- greater one alone: so while a mesh is upgraded, older brokers work with the newer one's Functions. OLDEST is of the
-- brokers for which that holds (they find every Function that they know, with arguments and answers as they know them),
-- and of the libraries whose keys this one reads. A broker before it is refused, and a library before it isn't
-- replaced. (Revision 1 was never released: what it stored is not read.)
local REVISION = 9
local OLDEST = 7
local DIGEST = '@DIGEST@'

local BATCH = 100 -- calls or notices a step: about a millisecond of Redis's time
local BATCH_BYTES = 4 * 1024 * 1024 -- of inputs or memory entries an answer; one is always given
local ENTRIES = 1000 -- memory entries an answer
local HUB = { -- (a table, because a chunk has at most 200 locals)
  LOG = 10000, -- entries that not all members have heard: a log is a conversation, and this a very long one
  LOG_BYTES = 64 * 1024 * 1024, -- of these: 6 KiB each, which few replies have, or a few hundred large ones
  ENTRY_BYTES = 6 * 1024, -- of them that a reserved entry is counted as
  DAY = 24 * 3600 * 1000, -- ms for which keys outlive a closed hub's end, should no broker look at it then
  MEMBERS = 1000,
  HUBS = 64, -- that an actor is in; that a call has opened, and are open
  HEARD = 256, -- messages an answer
  AHEAD = 64, AHEAD_BYTES = 64 * 1024, -- of them that are read together
  WAKES = 1000, -- calls that wait for one entry, a step: as many as a hub has members; some 20 ms
  ENTRIES_SEEN = 100000, -- in search of a ring: later calls wait for the same entries as earlier ones, and some more
  FANS = 1000, -- groups of one caller that are remembered, the last ones
  FAN_MORE = 256, -- TROUPE_FLAG_MORE
  FANNING = 30000, -- ms that the next call of a group is waited for: as long as a caller that is gone keeps its hubs
  LONGER = 1000, -- ms that one stays open at most after its lease: renewed once a second
  NOBODY = '00000000-0000-0000-0000-000000000000', -- opened the hubs that no call did
  TRIM = 64, -- entries that all have heard are removed so many at a time
  WARNINGS = 20, -- of one operation, each a sentence
  missed = 0, -- since the last sweep: messages that nobody comes to hear any more
  LAST = 9007199254740991, -- 2^53 - 1: no position is greater
  KINDS = { 'hub:', 'log:', 'said:', 'pending:', 'readers:', 'members:', 'live:', 'waits:' }, -- of keys
}
local RINGS = { -- (a table, because a chunk has at most 200 locals)
  EDGES = 10000, NODES = 1000, -- seen, and looked into, in search of a ring: some milliseconds
  NOTES = 16, -- of calls that an attempt asks room for, the last ones: it mostly makes one after another
}
local PREFIX_SIZE = 12 -- "troupe:{NN}:"
local ID_SIZE = 36
local RANK_SIZE = 16 -- of a sequence in a mailbox's member
local MONTH = 30 * 24 * 3600 * 1000 -- ms: the longest deadline
local DEADLINE_UNIT = 1000 -- of a score in `open`: a whole number, below 2^53 (and so exact) until the year 2255
local FIRST_DEADLINE = '1000000000000000' -- in these units, 2001: below it lie sequences
local INBOX_KEPT = '259200000' -- ms, three days: how long notices wait for a broker that doesn't read them
local HOUR = '3600000' -- ms: how long an outcome is kept when nobody says

local VALUE, ERROR, CANCELLED = '1', '2', '3' -- troupe_status_t

-- redis.call isn't there yet while the library is loaded; it takes this one's place when it is called first.
local call
call = function (...)
  call = redis.call
  return call (...)
end

local function now ()
  local time = call ('TIME')
  return time[1] * 1000 + math.floor (time[2] / 1000)
end
