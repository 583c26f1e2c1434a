// SPDX-License-Identifier: Apache-2.0
//
// The ledger: what the broker keeps in Redis, as typed requests and results. It is the only part of the broker that
// knows how calls, mailboxes and memories are laid out there (functions/, loaded into Redis as a library of
// Functions).
//
// The core makes requests and gets each one's result later, as an event, in the order of the requests of one slot.
// Every request may be made again after LEDGER_LOST (the connection broke, so whether it took place isn't known):
// the second changes nothing and says what the first did.
//
// A session belongs to one of LEDGER_SLOTS slots, which is the Redis hash tag of all its keys, so that each request
// is atomic, also in a Redis Cluster.
#ifndef BROKER_LEDGER_H
#define BROKER_LEDGER_H

#include "troupe/buffer.h"
#include "troupe/wire.h"

enum {
  LEDGER_SLOTS = 64,
  LEDGER_GENERATION_SIZE = TROUPE_GENERATION_SIZE, // positions and epochs of one; those of the next one follow
  // Requests without a result above which no call is accepted, and above which nothing is read: half a second's and
  // two seconds' work of one Redis. What has been accepted must settle, so nothing bounds the rest but what causes it.
  LEDGER_ACCEPTS_MAX = 64 * 1024,
  LEDGER_READS_MAX = 256 * 1024,
  LEDGER_INPUTS_MAX = TROUPE_INPUTS_MAX,
  LEDGER_MEMBERS_MAX = 1000,  // of one operation on a hub
  LEDGER_MESSAGES_MAX = 1000, // likewise
  LEDGER_HEAR_MAX = 256,      // messages of one LEDGER_HEAR
  LEDGER_HUBS_MAX = 10,       // of which one result says that members are to be roused
  LEDGER_SAID_MAX = TROUPE_HUBS_MAX, // hubs to whose logs one step adds
  LEDGER_BROKERS_MAX = 64,    // of one mesh; each connects to the same Redis, which serves some ten busy ones
};

typedef enum {
  LEDGER_ACCEPT,   // store a call: idempotent by its id
  LEDGER_SETTLE,   // store its outcome and the actor's new memory entries: the first one wins
  LEDGER_AWAIT,    // the outcome, or register this broker for a notice
  LEDGER_RETRY,    // begin the next attempt, unless it has settled or somebody else began one
  LEDGER_RECALL,   // read an actor's memory
  LEDGER_SWEEP,    // calls of a slot whose deadline has passed
  LEDGER_RECOVER,  // the open calls of a slot that this broker offers to instances
  LEDGER_INPUTS,   // read the values of a call's inputs, to offer them with it
  LEDGER_CLAIM,    // make an instance the owner of the actor whose call's turn has come
  LEDGER_LEASE,    // renew this broker's lease, and learn of all brokers' ones
  LEDGER_HEAR,     // read what a call's actor has to hear before it replies
  LEDGER_ROUSE,    // make observe calls for those members of a hub that want to hear without being called
  LEDGER_TAKEOVER, // make the open calls of a slot that another broker offered this broker's
  LEDGER_LETTERS,  // list the dead letters of a slot
  LEDGER_LETTER,   // read one
  LEDGER_RESEND,   // make a new call of one, and throw it away
  LEDGER_DISCARD,  // throw one away
  LEDGER_SESSIONS, // list the sessions of a slot
  LEDGER_CLOSE,    // end a session
} ledger_op_t;

// What a call to hub/... asks for: done in the step that accepts it, which it has settled then.
typedef enum {
  LEDGER_HUB_NONE,      // a call like any other
  LEDGER_HUB_OPEN,      // the hub's id is the call's; members, messages (the announcement), silent
  LEDGER_HUB_ADD,       // members
  LEDGER_HUB_DELETE,    // members
  LEDGER_HUB_BROADCAST, // messages
  LEDGER_HUB_AUTO_ON,
  LEDGER_HUB_AUTO_OFF,
  LEDGER_HUB_CLOSE,
  LEDGER_HUB_RENEW,
} ledger_hub_op_t;

// What came of a request.
typedef enum {
  LEDGER_OK,         // done
  LEDGER_KNOWN,      // accept: this id was accepted before; the result says how it stands. When another broker offers
                     // it, this one gets a notice once it has settled
  LEDGER_PENDING,    // await: not settled; a notice follows when it is
  LEDGER_SETTLED,    // await, accept, settle, retry, claim: the call has settled; status and body say how, attempt
                     // which one did. (A settle that won, made again with the same value, is LEDGER_OK again.)
  LEDGER_STALE,      // settle, retry, recall, inputs, hear, claim: another attempt owns the call; the result's attempt
                     // says which. (settle: or the actor lives on another instance by now.) accept: the attempt that
                     // makes this nested call is over: the parent has settled, or is in another attempt
  LEDGER_UNKNOWN,    // no such call (any more). accept: one of the inputs is unknown; `input` says which
  LEDGER_OVERLOADED, // accept: a bound was reached, and nothing was stored: `why` says which; NULL: the actor's mailbox
  LEDGER_LOST,       // the connection to Redis broke, or isn't there: it may or may not have been done
  LEDGER_FAILED,     // Redis reports an error (out of memory ...), or the request can't be made, or too many wait: it
                     // was not done; `why` says which
  LEDGER_CYCLE,      // await: the waiter would wait for itself; `why` names the ring; nothing was changed
  LEDGER_OUT_OF_ORDER, // accept: the caller's previous call isn't stored, so this one was not
} ledger_outcome_t;

// Nested calls. A call that is made while a task runs has the task's call as its parent: the last of `path`, in the
// same session, running its attempt `parent_attempt`. Accepting it checks that, stands it in its mailbox by the
// acceptance of the path's first call, and makes the parent wait for it; when that would close a ring of calls that
// wait for each other, the call is stored as settled: LEDGER_SETTLED, with the error `cycle`. Accepting the same id in
// a later attempt of the parent gives what is recorded (LEDGER_SETTLED), but for a retryable error: then the call
// begins anew. When the parent settles, its nested calls that have not settled become `cancelled`, and so do theirs;
// those who offer and those who await them get LEDGER_NOTICE_SETTLED, this broker too.
//
// Inputs. A call may name calls of its session whose values it needs. It is accepted at once, and its turn doesn't come
// before all of them have settled with a value (then LEDGER_NOTICE_READY tells its broker); when one ends otherwise,
// the call ends as that error (a LEDGER_NOTICE_SETTLED, or LEDGER_SETTLED at once). Whoever offers it reads the values
// by LEDGER_INPUTS.
//
// Order. A call that names the one that its caller made before it is refused (LEDGER_OUT_OF_ORDER) unless that one is
// stored. So what a caller sends in order is stored in order, whatever is lost on the way and by whichever broker it
// comes. What is stored already (LEDGER_KNOWN) is never refused for that.
//
// Hubs. A call with `hub_op` is an operation on a hub: it is applied and settled in one step (LEDGER_SETTLED: the value
// {"hub": id, "warnings": [...]}, or the error unknown_hub or bad_argument). The id of an OPEN is the hub's. A hub
// belongs to the call that opened it (its parent), and closes when that settles; one that no call opened lives by its
// lease, which each operation renews, and closes in a sweep. An operation that a later attempt of the parent makes
// again takes effect again, but says nothing again: a hub that an earlier attempt closed is open again.
//
// A call that names hubs, which must be open and its own caller's (else it ends as unknown_hub or bad_argument),
// reserves a place in the log of each that its service is a member of, while auto is on. It settles into that place:
// with a value as what it said; otherwise the place is void. The place is that of its acceptance; a nested call that
// begins anew is accepted anew.
//
// A call of an actor that is in hubs has a cut in each of them, the same in all that one call opened (and in all that
// none did): the actor hears what was said before that, but not what it said itself. The cut is, in hubs of its own
// caller, its acceptance, or that of the first of its group (`fan`); else that of its nearest ancestor which that
// opener made; else, of a call that isn't nested, its acceptance. (One that isn't nested stands among the hubs that no
// call opened only if it names one.) A nested call without any of these waits for nothing younger than its root, and
// hears what is there. A call's turn doesn't come before all places before its cuts are filled or void (then
// LEDGER_NOTICE_READY, as with inputs). `news` says how many messages the actor may have to hear first, LEDGER_HEAR
// reads them, and settle with `heard` moves the actor past the cuts. Messages that an actor doesn't come to hear within
// an hour (or the retention, if that is longer) after the hub has closed are gone.
//
// Where. When all that an actor has to hear stands in one hub, between two positions, `stretch` says where, and how
// many entries there are, with the actor's own: whoever has these entries from elsewhere need not read them. For that,
// the results of accept and settle say which entries they added to logs (`said`).
//
// Rousing. Members that `live` marks (and those that hold up the trimming of a very long log) hear without being
// called: LEDGER_ROUSE makes, for each that has something to hear and nothing else to do, an observe call, which this
// broker offers at once (the result's calls). It has the flag TROUPE_FLAG_OBSERVE and the input null, waits for
// nothing, and is otherwise a call like any other; one that ends without `heard` is followed by the next one after a
// while. The results of accept, settle and sweep name the `hubs` for which this is to be asked now. What is not asked
// for, a sweep names again.
//
// In a hub that a call opened, what is asked on behalf of an earlier call in the hub stands in its mailbox before the
// later ones, which wait for that.
//
// Owners. An actor lives on one instance, its owner, under an epoch that grows with each move. Results about a call
// whose turn has come carry both; to offer it to another instance, or when there is no owner, the broker claims the
// actor for that instance first. settle with `epoch` is refused when the actor has moved.
//
// Dead letters. LEDGER_RETRY with `death` notes that an instance died under the call. When as many as `deaths_max`
// have, no attempt follows: the call settles as service_died (LEDGER_SETTLED), and a letter is kept, with its input and
// its deaths, for `letters_ms`, as one of `letters_max` of its slot; the eldest goes first, and the result's `inputs`
// says how many did. So does a call with TROUPE_FLAG_ONCE, which would run again, in LEDGER_RETRY and LEDGER_TAKEOVER
// (and then isn't among the calls that were taken over). An instance counts once, and one that comes back under the
// same id has not died twice. Letters hold nothing up. LEDGER_LETTERS gives up to 100 as a list of maps {id, session,
// service, at (ms since 1970), deaths: [{attempt, instance, host, how, at}], error, bytes, again: the id of the call
// whose letter it was before}, and where to go on; LEDGER_LETTER a list of such a map and the input (null when it is
// larger than 8 MiB). LEDGER_RESEND makes the call `again`, new but for its input, its service and its session, with no
// parent and no hubs: its result has the call, if this broker offers it; LEDGER_STALE: an input has no value any more.
// LEDGER_UNKNOWN: there is no such letter.
//
// Sessions. One is there as long as it has actors, hubs or calls that have not settled. LEDGER_CLOSE ends it: from then
// on it accepts no call (LEDGER_OVERLOADED, `why`), what has not settled is cancelled (each a LEDGER_NOTICE_SETTLED),
// and then its hubs and its actors are dropped with all that they remember. It does a part of that; with `more`, ask
// again, or leave it to sweeps. With `position`, too, nothing has been done but to look for its calls: ask again with
// that. LEDGER_UNKNOWN: there is no such session (any more). Sweeps end those in which the last call settled `idle_ms`
// ago. A call to a session that has ended begins it anew; outcomes stay for their retention. LEDGER_SESSIONS gives up to
// 100 as a list of maps {session, open: calls that have not settled, parts: actors and hubs, idle: seconds since the
// last one settled, 0 if some have not, ending}, perhaps none, and where to go on.
//
// Generations. The store's history changes when Redis is started again, when another one takes over, and when its data
// are deleted; what was there may be gone then, or be older than what this broker was told. A new generation begins
// with it, and LEDGER_NOTICE_UP says `changed` to every broker that saw the one before. Numbers tell their generation:
// positions and epochs are greater than all of earlier ones, attempts that begin go on with the next thousand. So
// nothing is given out twice, and what was begun in a history that is gone is LEDGER_STALE: also an attempt that
// another broker than its call's own wants to settle, as long as no later one has begun. What a broker holds and the
// store doesn't have is LEDGER_UNKNOWN; what the store has of an earlier attempt than a broker holds was lost since.
//
// Brokers. Each renews a lease; the others take the calls of one whose lease has run out over, slot by slot: those
// whose turn has come begin their next attempt, and the other broker, which may live, gets a notice when one settles.
// A broker that finds that its own lease had run out must read (recover) every slot again and ask (await) for every
// call that it holds and that isn't among those.
//
// How an instance died under a call.
typedef struct {
  const char *instance, *host, *how;
  unsigned deaths_max;
} ledger_death_t;

// A request. Pointers are borrowed until ledger_submit returns; buffers are referenced by the ledger as long as it
// needs them.
typedef struct {
  ledger_op_t op;
  uint64_t token;      // the core's, comes back in the result
  const char *session; // all but sweep, recover, takeover, letters, sessions and lease
  unsigned slot;       // sweep, recover, takeover, letters, sessions
  // all but sweep, recover, takeover, letters, sessions, close and lease. rouse: the hub. letter ...: whose letter
  troupe_id_t call;
  // settle: the attempt that ended, or 0 for any (cancelled, deadline). retry: the one that was lost. recall, inputs,
  // hear: the one that asks, or 0 for any. claim: the one to be offered
  uint32_t attempt;

  // accept
  const char *service;
  bool actor;
  uint32_t flags;      // the call's TROUPE_FLAG_ bits, kept for recovery
  int64_t deadline_ms; // from now; 0: `default_deadline_ms` from when its turn comes. rouse: of the observe calls
  int64_t default_deadline_ms;
  unsigned mailbox_limit;
  const troupe_id_t *path;
  uint32_t path_count;
  const char *trace;       // may be NULL
  uint32_t parent_attempt; // of the last of `path`, under which this call is made; 0: not a nested call
  const troupe_id_t *inputs;
  uint32_t inputs_count; // at most LEDGER_INPUTS_MAX
  // of the same session: the call that this one's caller made before it, if it may not be stored yet; zero: none
  troupe_id_t previous;
  // accept: the hubs in which the reply is said if the service is a member, opened by the call's parent (or by none,
  // when it has none); at most TROUPE_HUBS_MAX. Of an operation: the one hub that it is about, none for LEDGER_HUB_OPEN
  const troupe_id_t *hubs;
  uint32_t hubs_count;
  // accept: its group of calls that don't hear each other; zero: none. With TROUPE_FLAG_MORE, until another one of the
  // group comes without it (or 30 s have passed), nobody is roused to hear what stands behind the first of the group
  troupe_id_t fan;
  // accept of an operation on a hub. The messages are `body` with `sizes`
  ledger_hub_op_t hub_op;
  const char *const *members; // services, at most LEDGER_MEMBERS_MAX
  uint32_t members_count;
  const uint64_t *unknown; // a bit for each of them: nobody serves it, which makes a warning
  const uint64_t *live;    // likewise: it wants to hear at once; so do unknown ones
  bool silent;             // LEDGER_HUB_OPEN: replies aren't said in it until LEDGER_HUB_AUTO_ON
  // accept: the input. settle: the value or error, followed by the memory entries
  troupe_buffer_t *body;

  // settle
  troupe_status_t status;
  const uint32_t *sizes; // of the memory entries at the body's end
  uint32_t sizes_count;
  // settle, retry, takeover, resend, close, sweep, and accept (for a call that ends at once): how long the outcome is kept
  int64_t retention_ms;
  bool retryable;       // an error of the retryable class: not replayed to a later attempt of the parent
  // settle: of the actor, under which the attempt ran. Of what is no actor: the first number of the generation in which
  // this broker heard of the attempt; one that began in a later one is another of the same number. 0: not checked
  uint64_t epoch;
  bool heard;           // the actor has heard what its hubs' logs have before this call
  const char *serves;   // the settler may speak for services of these patterns (troupe/keys.h), one a line; NULL: all

  uint32_t under; // settle, of a nested call that its parent cancels: the parent's attempt that does; 0: not checked
  // await: the call, of the same session, whose running attempt waits; zero: nobody's
  troupe_id_t waiter;
  unsigned letters_max; // retry, takeover: dead letters that are kept in a slot
  int64_t letters_ms;   // likewise: for how long
  int64_t idle_ms;      // sweep: how long a session may be idle, in whole seconds; 0: for ever
  const ledger_death_t *death; // retry: the instance died; NULL: it may live, or never ran it
  troupe_id_t again;           // resend: the id of the new call
  // claim: the instance's id. takeover: the broker's name. lease: a broker whose peers have lost it, whose lease runs out
  // at once if it was not renewed for `silent_ms`; NULL: none
  const char *instance, *broker;
  // lease: for how long. accept of an operation on a hub that no call opened: how long it stays open from now on
  // without another one
  int64_t lease_ms;

  int64_t silent_ms; // lease

  // recall: the result may hold fewer entries (4 MiB or 1000 of them, at least one): ask again for the rest
  uint32_t from, count;
  // hear, rouse, letters, sessions, close: where to go on, from the result before; 0: from the beginning
  uint64_t position;
} ledger_request_t;

// A part of a hub's log: the entries behind `since`, up to `position`. `entries` 0: there is none, or more than one.
typedef struct {
  troupe_id_t hub;
  uint64_t since, position;
  uint32_t entries;
} ledger_stretch_t;

// Entries that were added to a hub's log: the value that a call settled with, or the messages of a broadcast, which
// stand at this position and at those behind it.
typedef struct {
  troupe_id_t hub;
  uint64_t position;
} ledger_said_t;

// One call as the store has it: of recover and sweep, and settle's next in the mailbox.
typedef struct {
  troupe_id_t call;
  const char *session;
  const char *service;
  bool actor;
  bool ready;       // its turn has come (not waiting in a mailbox)
  uint32_t attempt; // 0 while it waits
  uint32_t flags;
  int64_t deadline_ms; // remaining; 0: none has started
  uint32_t memory;     // how many entries the actor remembers
  uint32_t news;       // at most so many messages are to be heard first
  ledger_stretch_t stretch;
  const char *owner;   // the instance that the actor lives on; NULL: none yet
  uint64_t epoch;      // of that; 0: none yet
  uint32_t inputs;     // how many inputs it has: to be read by LEDGER_INPUTS once it is ready
  const troupe_id_t *path;
  uint32_t path_count;
  const char *trace;     // NULL: none
  troupe_buffer_t *body; // recover, takeover: the input; else NULL
} ledger_call_t;

typedef struct {
  const char *name;
  int64_t remaining_ms; // of its lease; 0 or less: since when it has run out
} ledger_broker_t;

typedef struct {
  troupe_text_t session;
  troupe_id_t hub;
} ledger_hub_t;

// A result; everything it points to is borrowed until the callback returns (take a reference of a buffer to keep it).
typedef struct {
  ledger_op_t op;
  uint64_t token;
  ledger_outcome_t outcome;
  const char *why;        // LEDGER_FAILED: Redis's words. LEDGER_CYCLE: the services of the ring. LEDGER_OVERLOADED
  bool full;              // LEDGER_FAILED: it was not made, because too many wait for Redis
  bool ready;             // accept, known: its turn has come, and this broker offers it: do so
  uint32_t attempt;       // accept (when ready), known, retry: the current attempt
  uint32_t memory;        // accept (when ready), retry, recall: entries the actor remembers
  uint32_t news;          // likewise (not recall): at most so many messages are to be heard first. sweep: so many of
                          // hubs that closed long ago were not heard, and are gone
  ledger_stretch_t stretch; // likewise
  const ledger_said_t *said; // accept, settle: what they added to logs, unless they were made again
  size_t said_count;
  uint64_t position;      // hear, letters, sessions: where to go on; 0: that was all. rouse, close: where to go on if
                          // there is `more`
  int64_t deadline_ms;    // accept (when ready), known, retry: remaining; 0: none has started
  const char *owner;      // accept (when ready), known, retry, claim: the actor's owner; NULL: it has none
  uint64_t epoch;         // of that; 0: none
  uint32_t inputs;        // accept, known, retry: how many inputs it has. sweep: how many sessions ended
  uint32_t input;         // accept, unknown: which one isn't known, from 0
  bool older;             // await, unknown: its id is older than the store's generation, so it may have been lost
  troupe_status_t status; // LEDGER_SETTLED
  // LEDGER_SETTLED: value or error. recall: a packed list of entries. hear: a packed list of messages, in the order in
  // which they were said. inputs: the values, one after another
  troupe_buffer_t *body;
  const uint32_t *sizes; // inputs: of each value
  uint32_t sizes_count;
  const ledger_broker_t *brokers; // lease: every broker of the mesh, this one too
  size_t brokers_count;
  int64_t lapsed_ms; // lease: for how long this broker's own lease had run out before it was renewed; 0: it had not
  const ledger_hub_t *hubs; // accept, settle, sweep: those in which members are to be roused
  size_t hubs_count;
  const ledger_call_t *calls; // recover, takeover, sweep, rouse: those calls. settle: the next call of the mailbox,
  size_t calls_count;         // ready now, if this broker offers it (another broker gets a notice)
  bool more; // close: ask again for the rest of it.
             // takeover: ask again for the others, before those of another broker in this slot; after LEDGER_LOST,
             // recover the slot: what was taken is among its calls.
             // recover: ask again for the calls behind these (those that this process accepted are among them). sweep:
             // ask again once these have settled
} ledger_result_t;

// Notices may come twice (the connection broke before Redis heard that the first one was read), and never get lost.
typedef enum {
  LEDGER_NOTICE_SETTLED, // a call that this broker awaits or offers has settled: ask by LEDGER_AWAIT
  LEDGER_NOTICE_READY,   // a call that this broker offers has got its turn: it is first in its mailbox, its inputs are
                         // there
  LEDGER_NOTICE_UP,      // Redis is there, the Functions are loaded, its history is known, the inbox is being read
  LEDGER_NOTICE_DOWN,    // Redis is not there: requests end as LEDGER_LOST
} ledger_notice_kind_t;

typedef struct {
  ledger_notice_kind_t kind;
  ledger_call_t call; // SETTLED: call and session only. READY: as of settle's next
  bool changed;       // UP: the store's history isn't the one that this broker saw the last time
  uint64_t generation; // UP: the greatest one of a slot
} ledger_notice_t;

// Where a session lives: CRC-16 (XMODEM, as Redis Cluster has it) of its name, modulo LEDGER_SLOTS.
unsigned ledger_slot (const char *session);

typedef struct ledger ledger_t;
typedef struct troupe_loop troupe_loop_t;
typedef void (ledger_result_fn) (void *context, const ledger_result_t *result);
typedef void (ledger_notice_fn) (void *context, const ledger_notice_t *notice);

typedef struct {
  const char *url;      // as troupe/store.h has it
  const char *password; // NULL: none
  const char *sentinel_password; // NULL: none
  const char *broker;   // this broker's name: whose inbox is read
  ledger_result_fn *result;
  ledger_notice_fn *notice;
  void *context;
} ledger_options_t;

// Connects in the background and for ever; says LEDGER_NOTICE_UP and _DOWN. bad_argument (the url), no_memory.
troupe_err_t ledger_new (ledger_t **out, troupe_loop_t *loop, const ledger_options_t *options, troupe_error_t *error);
void ledger_destroy (ledger_t **self_p);
// The result is never handed over from within it. Not to be destroyed by the functions that the ledger calls. Never
// fails: a request that can't be made ends as LEDGER_LOST, from the loop.
void ledger_submit (ledger_t *self, const ledger_request_t *request);

#endif
