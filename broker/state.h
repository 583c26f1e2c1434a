// SPDX-License-Identifier: Apache-2.0
//
// What a broker's core holds, for its own files only.
//
//   core ──< peer ──< instance >── service        an instance: one peer serving one service
//            peer ──< waiter >── call             a waiter: one peer to be told how a call ends
//            instance ──< call (running)          service ──< call (queued, held)
//
// Everything is linked from inside, so only making a thing needs memory; moving, finding and ending it doesn't.
#ifndef BROKER_STATE_H
#define BROKER_STATE_H

#include "broker/alarm.h"
#include "broker/core.h"
#include "broker/list.h"
#include "broker/table.h"

#include "troupe/loop.h"
#include "troupe/value.h"

enum {
  PEERS_MAX = 10000,         // one ROUTER serves that many; more processes want more brokers
  PEER_SERVICES_MAX = 1000,  // an agent process registers each agent's name; more is a mistake in a loop
  SERVICES_MAX = 100000,     // each costs about 300 bytes
  WAITERS_MAX = 256,         // of one call: those who share a placeholder, and their connections that just died
  LIVELY_HUBS = 256,         // remembered; of others it is known later
  ROUSINGS_MAX = 10000,      // hubs at a time; others wait for a sweep
  INQUIRIES_MAX = 1000,      // about dead letters and sessions; each is one request to the store, or a few
  RECALLS_MAX = 10000,       // a read of a memory is one request to the store, answered within milliseconds
  INFO_SIZE_MAX = 64 * 1024, // what a service says of itself; a tool's JSON Schema is seldom over 10 KiB
  INFO_BYTES_MAX = TROUPE_VALUE_SIZE_MAX / 2, // of all services: a report carries them, with as much again of its own
  GARBAGE_ANSWERS_MAX = 10,                   // enough for a developer to see what is wrong; then silence
  STRANGERS = 256,                            // connections without hello whose last answers are remembered
  RETRY_AFTER_MS = 500,                       // Redis restarts in about that time
  TELL_LATE_MS = 1000, // a volatile call that takes longer than most: its caller hears that it is here
  STORE_AGAIN_MS = 500,                       // between tries of a request that the store answered by an error
  STORE_RETURN_MS = 2000,                     // all brokers have connected to a store that is back
  SWEEP_MS = 50,              // one slot at a time: every slot every 3.2 s, which bounds how late an orphan ends
  SETTLE_IN_MS = 1000,        // nodes connect again within RECONNECT_IVL_MAX = 1 s
  TAKEOVERS_MAX = 8,          // slots of a lost broker at once: each answer may bring 4 MiB of inputs
  BROKER_NAME_SIZE = 128 + 1, // as the protocol's PEER
};

typedef struct peer peer_t;
typedef struct instance instance_t;
typedef struct service service_t;
typedef struct waiter waiter_t;
typedef struct call call_t;
typedef struct hub_work hub_work_t;
typedef struct death death_t;
typedef struct inquiry inquiry_t;
typedef struct rousing rousing_t;

// An outcome that was stored, and whose instance hasn't been told yet.
typedef struct {
  troupe_id_t call;
  uint32_t attempt;
} unconfirmed_t;

enum { UNCONFIRMED_MAX = 16 }; // of a peer; one with many members in a hub is told as many at once

struct peer {
  table_link_t by_connection;
  list_link_t in_core;
  broker_connection_t connection;
  broker_line_t line;
  int64_t since, heard, sent; // when it said hello, was last heard, was last sent something
  int64_t reported;           // when it was last told what waits for its services
  unsigned garbage;           // answers given to what it broke
  list_t instances;
  size_t instances_count;
  list_t waiters;
  troupe_identity_t *identity; // by its key or token; NULL: there is no guard
  list_t hearers;              // the hubs that it may listen to (hearing.c)
  size_t hearers_count;
  list_link_t in_unconfirmed; // the core's
  int64_t unconfirmed_until;
  unconfirmed_t unconfirmed[UNCONFIRMED_MAX];
  unsigned unconfirmed_count;
  int64_t pid;
  char program[65], version[33], host[65]; // what it says of itself, cut
  unsigned minor;         // version of the protocol that it speaks
  char name[];                             // its own id
};

struct instance {
  list_link_t in_peer, in_service;
  peer_t *peer;
  service_t *service;
  bool queue_told; // that calls wait
  bool open;       // takes offers; else it unregistered and only ends what it runs
  bool observes, live; // takes observe calls; and wants to hear at once
  uint32_t credit, running;
  list_t calls;          // running
  uint64_t seed;         // for placement: the same at every broker
  uint64_t identity;     // of its peer's name: see registry_identity
  troupe_buffer_t *info; // a packed map, or NULL
};

struct service {
  table_link_t by_name;
  list_link_t in_core;
  bool actor;
  list_t instances; // open ones, the one that was given work last at the end
  size_t instances_count;
  list_t queue; // calls whose turn has come and that no instance has credit for
  size_t queue_count;
  list_t held;   // calls that wait for the service to appear
  size_t calls;  // that refer to it
  uint64_t hash; // for placement
  char name[];
};

struct waiter {
  list_link_t in_peer, in_call;
  peer_t *peer;
  call_t *call;
  troupe_command_t of; // CALL or AWAIT: what is refused if it comes to that
  bool awaits;         // has sent AWAIT, perhaps besides CALL: what becomes of that CALL isn't all that it asked
  bool stream;
  bool unchecked;    // of AWAIT: the store hasn't said yet whether `waits` may wait for the call
  troupe_id_t waits; // the call whose running attempt waits here; zero: nobody's
  uint32_t runs;     // of AWAIT: the attempt that this peer runs, having lost the broker that offered it; 0: none
  bool told;         // of CALL: it has been told that the call is stored
};

typedef enum {
  CALL_HELD,      // not stored: waits for its service to appear
  CALL_ACCEPTING, // being stored
  CALL_STORED,    // nothing to do here for now: its turn has not come, another broker offers it, or it is being settled
  CALL_ORPHAN,    // an earlier life of this broker offered it; who runs it is not known yet
  CALL_RETRYING,  // its attempt was lost: the next one is to begin
  CALL_QUEUED,    // its turn has come, and it wants an instance with credit
  CALL_PLACED,    // it has one, and something is asked of the ledger before it is offered; or that one went meanwhile
  CALL_RUNNING
} call_phase_t;

// What the ledger says of a call whose turn has come.
typedef struct {
  uint32_t attempt, memory, news;
  ledger_stretch_t stretch; // of what there is to hear
  uint32_t inputs;     // whose values it needs
  int64_t deadline_ms; // remaining; 0: none has started
  uint64_t owner;      // of its actor: the identity of an instance; 0: none
  uint64_t epoch;      // of that
} attempt_t;

// How a call shall end, as long as that isn't stored.
typedef struct {
  troupe_status_t status;   // TROUPE_STATUS_NONE: there is none yet
  uint32_t attempt;         // the attempt that it belongs to; 0: whichever (cancelled, deadline)
  uint32_t said;            // the attempt that the instance named
  uint64_t epoch;           // and the epoch; 0: none
  bool retryable;           // an error that may not come again
  uint32_t under;           // a nested call's parent's attempt, which cancels it; 0: somebody else ends it
  bool heard;               // the actor has heard what came before the call
  broker_connection_t from; // the instance, to be told; 0: nobody
  troupe_identity_t *by;    // its key, when the store must see whether it may speak for the service; NULL: it may
  troupe_buffer_t *body;    // the value or error, then the memory entries
  troupe_buffer_t *value;   // the value or error
  size_t counted;           // bytes of `body` that count as held; 0 of a volatile call's, which is passed on at once
  uint32_t *sizes;          // of the memory entries
  uint32_t sizes_count;
} outcome_t;

// One request to the ledger is under way for a call at most; what comes up meanwhile is noted in `outcome`,
// `accept_wanted`, `await_wanted` or the phase, and asked for after it (asking_continue).
struct call {
  table_link_t by_id, by_token;
  list_link_t in_core;
  list_link_t in_phase; // HELD, QUEUED: the service's; PLACED, RUNNING: the instance's; ORPHAN: the core's
  list_link_t in_again; // the core's: the request must be made again
  list_link_t in_untold; // the core's: a volatile one, whose caller hasn't heard that it is here
  list_link_t in_unstored; // the core's: a volatile one
  list_t waiters;
  waiter_t caller; // the first of them; `call` NULL: not in use
  alarm_t deadline;
  troupe_id_t id;
  uint64_t token;
  call_phase_t phase;
  ledger_op_t op; // asked for
  bool asking;
  bool accept_wanted, await_wanted;
  bool in_doubt; // ACCEPTING: a request to store it was lost, so it may be stored
  bool whole;    // service, input and the rest are here; else it is only awaited, or cancelled
  bool unstored; // volatile: the store never hears of it
  bool detached; // not in the table: only carries an outcome to the ledger
  bool actor;
  uint32_t waiters_count;
  uint32_t flags, attempt, memory, news;
  ledger_stretch_t stretch;
  uint32_t ran;          // the attempt that was lost, as long as nobody has been offered the one after it
  uint32_t losses;       // of a volatile one: instances that died under it
  death_t *death;        // RETRYING: how the last instance died; NULL: none did, or there was no memory to say so
  uint32_t term;         // the core's, when the store last said that this broker offers the call
  uint64_t generation;   // the core's, when this broker heard of the attempt
  uint32_t behind;       // RETRYING: the store has this earlier attempt, having lost `attempt`; 0: it has that
  uint32_t seen;         // one more than the core's `changes` when the store last had the call; 0: it wasn't asked
  troupe_id_t checking;  // the waiter that the store is asked about
  int64_t ends_at;       // of a volatile one: its deadline
  int64_t tell_at;       // likewise: when its caller shall hear of it if it hasn't ended
  int64_t deadline_ms;   // as its caller gave it; 0: none
  uint64_t owner, epoch; // of its actor, as of attempt_t
  uint32_t reads;        // the attempt, offered by another broker, whose parts are read here; 0: none
  uint64_t reads_from;   // by whose instance: an identity; 0: any that serves it
  uint32_t parent;       // the attempt of the last of its path that made it; 0: it is not nested
  troupe_id_t previous;  // what its caller made before it, and must be stored first; zero: nothing
  attempt_t turn;        // ACCEPTING: its turn came before the news that it is stored; attempt 0: no
  service_t *service;
  instance_t *instance; // PLACED, RUNNING
  troupe_buffer_t *body;
  outcome_t outcome;
  troupe_id_t *path, *inputs, *hubs;
  uint32_t path_count, inputs_count, hubs_count;
  troupe_id_t fan;           // the group of calls that don't hear each other; zero: none
  hub_work_t *hub_work;      // an operation on a hub; NULL: none
  uint32_t needs;            // how many inputs' values are read before it is offered
  troupe_buffer_t *gathered; // PLACED: the input, then those values
  uint32_t gathered_sizes[LEDGER_INPUTS_MAX];
  char *trace;
  char session[];
};

// The store is asked to rouse members of a hub.
struct rousing {
  table_link_t by_hub, by_token;
  list_link_t in_core;
  troupe_id_t hub;
  uint64_t token; // of the request that is under way
  uint64_t position;
  alarm_t next;   // when to look whether the next one may be made; not set: one is under way
  unsigned roused; // by the requests of this round
  unsigned rounds; // without a pause, as far as they count
  unsigned told, hearing; // in the last round; and who of them hasn't heard yet, as far as it is known
  int64_t asked_at; // when this round began
  int64_t least_at, full_at, most_at; // of a rest: it ends between the first and the last; a whole one at the second
  int64_t spare; // ms that the rests before were longer than whole ones: so much shorter this one may be
  int64_t pause_ms; // as long as messages follow each other by less than that, more is expected
  int64_t said_at, flows_until; // the last message; until then more is expected, because it came soon after another one
  bool again; // once this is done: something was said meanwhile
  bool rested; // it was so busy that its members rest, or did before the request that is under way
  char session[];
};

enum { SAYINGS_MAX = 8, SAYING_PARTS_MAX = 8 };

// What one speaker said in a hub in succession.
typedef struct {
  char speaker[TROUPE_SERVICE_NAME_MAX + 1]; // "": broadcast
  uint64_t first, last;                      // positions
  uint32_t steps[TROUPE_STEPS_MAX], sizes[TROUPE_STEPS_MAX];
  uint32_t count;
  troupe_buffer_t *body; // being filled
  void *bytes;
  size_t size, capacity;
} saying_part_t;

// What was said in a hub and leaves as one message of ZeroMQ's.
typedef struct {
  troupe_id_t hub;      // of this one, or of the one before
  int64_t due, next_at; // when it leaves; what follows in the same hub not before then
  saying_part_t parts[SAYING_PARTS_MAX];
  uint32_t count;
  size_t size; // of all parts
} saying_t;

// A broker whose calls were taken over, and when its lease had run out.
typedef struct {
  char name[BROKER_NAME_SIZE];
  int64_t lapsed_at;
} lapse_t;

// A connection that hasn't said hello, as far as it is remembered.
typedef struct {
  broker_connection_t connection;
  int64_t reset; // when it was last told to say hello
  unsigned garbage;
} stranger_t;

struct broker_core {
  broker_core_options_t options;
  char *name, *mesh, *endpoint;
  int64_t now, started, ticked, swept;
  table_t peers, services, calls, asks, rousings, rouse_asks, hearers, inquiries;
  list_t all_peers, all_services, all_calls, all_rousings, orphans, again, all_inquiries;
  list_t untold; // by tell_at
  list_t unstored; // volatile calls
  list_t unconfirmed; // peers, by unconfirmed_until
  alarms_t deadlines;
  alarms_t rounds; // of rousing
  troupe_id_t lively[LIVELY_HUBS]; // hubs whose members hear at once, each at the place that its hash gives it
  saying_t sayings[SAYINGS_MAX]; // of the hubs that spoke last
  size_t detached; // calls
  size_t open_bytes, outcome_bytes;
  size_t unread, unread_total; // bytes that wait for the connection with most, and for all, as the edge said last
  size_t info_bytes; // of what the instances say of their services
  size_t requests;   // to the ledger, without a result
  size_t reads;      // of the inquiries: agents read what they remember and hear
  uint64_t token;
  bool up;         // the store is there
  bool settled_in; // the first second with the store, or after it stood still, is over: who isn't connected is not there
  bool stopped;
  int64_t settle_in_at; // TROUPE_LOOP_NEVER until the store is there
  int64_t again_at;     // INT64_MAX: nothing failed
  unsigned sweep_slot;
  bool sweeping;
  uint64_t recovering;     // a bit for each slot that is being read
  uint64_t recover_wanted; // a bit for each slot to be read when the store is there
  int64_t recover_at;      // not before
  uint64_t recover_twice;  // a bit for each slot whose reading began before the present term
  uint32_t term;           // grows whenever this broker's own lease has run out
  bool doubting;           // ... and what it holds of an earlier term may be another's, until every slot is read
  bool leased, leasing;    // this process has had its lease; a renewal is under way
  int64_t lease_at;        // the next renewal
  int64_t lease_asked;     // when the last one was
  int64_t doubt_at;        // when to read every slot once more; TROUPE_LOOP_NEVER: no need
  bool prompt;             // ... and the store answered the last renewal at once
  char suspect[BROKER_NAME_SIZE]; // a broker that peers have lost; "": none
  int64_t suspect_until;   // when it is forgotten
  int64_t suspect_from;    // until then nobody's silence in the store means anything
  bool cutting;            // the renewal that is under way cuts the suspect's lease short if it is silent
  char dead[BROKER_NAME_SIZE]; // whose lease was cut short so: that counts at once; "": nobody's
  int64_t trust_at;        // until then the lapsed lease of another broker means nothing
  uint64_t generation;     // of the store's history
  uint32_t changes;        // of that, since this broker started
  uint64_t lost, rolled_back; // calls and attempts that the store has lost, and that the log has yet to tell
  int64_t losses_at;          // when it does; TROUPE_LOOP_NEVER: there are none
  bool accompanied;        // there are other brokers, as far as it has heard
  lapse_t lapses[LEDGER_BROKERS_MAX];
  char lapsed[BROKER_NAME_SIZE];         // the broker whose calls are being taken over
  uint64_t takeover_wanted, taking_over; // a bit for each slot
  stranger_t strangers[STRANGERS];
  troupe_buffer_t *report;                   // the last one, when it was dear; NULL: there is none, or it was too large
  int64_t report_until;                      // until then no other one is made
  troupe_buffer_t *errors[TROUPE_ERR_COUNT]; // packed, without words: for when there is no memory for words
  uint64_t counters[BROKER_COUNTERS];
  uint64_t drops[BROKER_QUEUES]; // what found it full
};

#endif
