// SPDX-License-Identifier: Apache-2.0
//
// What a company holds, for its own files: company.c (the run and its end), company_line.c (connections, and what
// brokers send), company_node.c (callers, and what all nodes do), company_task.c (instances).
#ifndef SIM_COMPANY_STATE_H
#define SIM_COMPANY_STATE_H

#include "sim/company.h"
#include "sim/stage.h"

enum {
  BROKERS_MAX = 3,
  CALLERS = 2,
  INSTANCES = 3,
  NODES = CALLERS + INSTANCES,
  CALLS_MAX = 60,    // that callers make
  RECORDS_MAX = 600, // with those that tasks make
  TASKS_MAX = 64,
  CREDIT = 2,
  SERVICES = 3,
  ACTORS = 2, // the first of them
  INPUTS = 2,
  DEPTH = 2, // of nested calls
  SESSIONS = 3,
  STORE_ANSWERS_MAX = 8, // at once: a store that is slower than the leases keeps all from being taken over
  MESSAGES_MAX = 4,      // of a line at once: fewer would be less than what comes
  END_MS = 400000, // in which all must settle once the faults end: before the deadline, which would end it in any case
};

extern const char *const company_services[SERVICES];
extern const char *const company_sessions[SESSIONS];

typedef struct packet {
  struct packet *next;
  size_t size;
  uint8_t bytes[TROUPE_HEADER_SIZE_MAX];
  troupe_buffer_t *body;
} packet_t;

typedef struct {
  packet_t *first, **last;
} queue_t;

typedef struct {
  broker_connection_t number; // 0: not connected
  bool welcomed;
  int64_t heard, beat; // by the node; when it last sent a heartbeat
  queue_t to_broker, to_node;
  troupe_id_t offered[SERVICES][CREDIT + 1];
  unsigned offered_count[SERVICES];
} line_t;

typedef enum { OPEN, STORED, SETTLED, REFUSED } call_state_t;

typedef struct {
  troupe_id_t id;
  unsigned caller, service, session, sends;
  bool wait, again;
  bool nested; // made by a task: by `attempt` of the last of its path
  troupe_id_t path[DEPTH], inputs[INPUTS];
  uint32_t path_count, inputs_count, attempt;
  bool unstored; // volatile: it may run twice, and differently
  call_state_t state;
  troupe_status_t status; // NONE: nobody was told yet
  char value[64];
} call_record_t;

typedef struct {
  troupe_id_t call;
  char session[8];
  unsigned broker;
  uint32_t attempt;
  bool done, again, unstored;
  uint64_t epoch;
  troupe_id_t path[DEPTH + 1]; // with the call itself last
  uint32_t path_count;
  unsigned plan, made; // how many calls it makes, one after the other; how many of those have ended
  bool waiting;        // for this one
  bool awaits;         // which somebody else made
  troupe_id_t waits_for;
  char value[64];
} task_t;

typedef struct {
  unsigned generation; // instances: grows when it dies
  unsigned broker;     // callers: the one in use
  line_t lines[BROKERS_MAX];
  task_t tasks[TASKS_MAX];
  unsigned tasks_count;
} node_t;

struct company {
  uint64_t random;
  int64_t now;
  unsigned brokers_count;
  ledger_model_t *model;
  stage_t *brokers[BROKERS_MAX]; // NULL: dead
  bool store_up[BROKERS_MAX];
  bool gone[BROKERS_MAX];      // dead for ever
  int64_t frozen[BROKERS_MAX]; // stands still until then
  node_t nodes[NODES];
  call_record_t calls[RECORDS_MAX];
  unsigned calls_count, roots_count, settled;
  broker_connection_t connections;
  bool faults;
  struct {
    unsigned broker;
    broker_connection_t connection;
    troupe_command_t command;
  } unsent[64];
  unsigned unsent_count;
  bool with_errors; // of the store
  bool traced; // by the environment: TROUPE_TRACE
  char fault[256];
};

void __attribute__ ((format (printf, 2, 3))) company_found (company_t *self, const char *format, ...);
void company_trace_message (const company_t *self, const char *how, broker_connection_t connection, unsigned broker,
                            const troupe_header_t *header);
void __attribute__ ((format (printf, 2, 3))) company_trace (const company_t *self, const char *format, ...);
unsigned company_dice (company_t *self, unsigned sides);
packet_t *line_pop (queue_t *queue);
void line_free_packet (packet_t *packet);
void line_hang_up (line_t *line);
void line_say_hello (company_t *self, unsigned number, unsigned broker);
void line_say (node_t *node, unsigned broker, const troupe_header_t *header, const char *text);
void line_dial (company_t *self, unsigned number, unsigned broker);
// Whether it may be given a turn: it is there, and doesn't stand still.
bool company_broker_runs (const company_t *self, unsigned broker);
call_record_t *company_record (company_t *self, const troupe_id_t *id);
void line_forget_offer (line_t *line, const troupe_id_t *call);
void line_tell_unsent (company_t *self);
void line_start_broker (company_t *self, unsigned broker);
void node_send_call (company_t *self, call_record_t *call);
void node_make_call (company_t *self);
void node_on_caller_message (company_t *self, const stage_message_t *message);
void node_send_all_calls (company_t *self, unsigned number);
unsigned company_number (const troupe_id_t *id); // of a call, for the eye
void task_receive (company_t *self, unsigned number, unsigned broker, const stage_message_t *message);
void task_on_welcome (company_t *self, unsigned number, unsigned broker);
void task_repeat (company_t *self, unsigned number);
void task_forget_all (company_t *self, unsigned number);
void node_receive (company_t *self, unsigned number, unsigned broker, const stage_message_t *message);
void task_work (company_t *self);
void node_beat (company_t *self, unsigned number, unsigned broker);
void node_repeat (company_t *self);

#endif
