// SPDX-License-Identifier: Apache-2.0
//
// The wire: a message's header as a struct, its encoding and its decoding. What each command and field means
// stands in "troupe/protocol.def", and with example bytes in docs/reference/protocol.md.
//
//   troupe_header_t header;
//   troupe_header_init (&header, TROUPE_CMD_CANCEL);
//   troupe_header_set_call (&header, &id);
//   size_t size = troupe_header_encode (&header, bytes, sizeof bytes);
//
// No function here allocates. A decoded header borrows its texts and lists from the bytes it was decoded from.
#ifndef TROUPE_WIRE_H
#define TROUPE_WIRE_H

#include "troupe/buffer.h"
#include "troupe/id.h"

#include <stddef.h>
#include <string.h>

enum {
  TROUPE_PROTOCOL_VERSION = 2, // in every header: who speaks another one is refused
  TROUPE_PROTOCOL_MINOR = 1,   // in hello and welcome: others work together (see "troupe/protocol.def")
  TROUPE_HEADER_SIZE_MAX = 6144, // 32 ancestors, 256 sizes and steps, the longest names, and room for fields to come
  TROUPE_JOINED_MAX = 4096, // up to here, copying a body costs less than a frame of its own
  TROUPE_FRAME_SIZE_MAX = TROUPE_HEADER_SIZE_MAX + 3 + TROUPE_JOINED_MAX, // with the bin's first bytes
  TROUPE_PATH_MAX = 32,
  TROUPE_SIZES_MAX = 256,
  TROUPE_INPUTS_MAX = 16,
  TROUPE_HUBS_MAX = 16,
  TROUPE_STEPS_MAX = 256,
  TROUPE_SERVICE_NAME_MAX = 192,
  // Positions and epochs of one generation of the store's history: those of the next one follow.
  TROUPE_GENERATION_SIZE = 100 * 1000 * 1000,
};

typedef enum {
#define TROUPE_COMMAND(number, constant, name, direction, required, optional, body, meaning)                 \
  TROUPE_CMD_##constant = number,
#include "troupe/protocol.def"
#undef TROUPE_COMMAND
} troupe_command_t;

typedef enum {
#define TROUPE_FIELD(number, constant, member, type, limit, meaning) TROUPE_FIELD_##constant = number,
#include "troupe/protocol.def"
#undef TROUPE_FIELD
} troupe_field_t;

// The bit of a field in `present` and in the table's field sets.
#define TROUPE_F(constant) (UINT64_C (1) << TROUPE_FIELD_##constant)

// How a call ended.
typedef enum {
  TROUPE_STATUS_NONE,      // it has not
  TROUPE_STATUS_VALUE,     // the body is the value
  TROUPE_STATUS_ERROR,     // the body is an error, as for the two below
  TROUPE_STATUS_CANCELLED,
  TROUPE_STATUS_DEADLINE
} troupe_status_t;

enum {
  TROUPE_FLAG_STREAM = 1 << 0, // call, await: send parts; offer: somebody reads parts
  TROUPE_FLAG_WAIT = 1 << 1,   // call: wait for the service to appear, until the deadline
  TROUPE_FLAG_ACTOR = 1 << 2,  // register: calls of one session run one at a time, in order; it has a memory
  TROUPE_FLAG_VOLATILE = 1 << 3, // call, offer, settle: nothing of it is stored; it is lost with its broker
  TROUPE_FLAG_RETRYABLE = 1 << 4, // settle: the error may pass; a nested call that ended so begins anew when made again
  TROUPE_FLAG_HEARD = 1 << 5, // settle: the actor has heard all that was said in its hubs before the call
  TROUPE_FLAG_OBSERVE = 1 << 6, // offer: hear what was said, and nothing else; register: it takes such calls
  TROUPE_FLAG_LIVE = 1 << 7, // register: it wants to hear at once what is said, without being called
  TROUPE_FLAG_MORE = 1 << 8, // call: others of its group (fan) follow
  TROUPE_FLAG_ONCE = 1 << 9, // call: it runs at most once: when its attempt is lost, it fails as service_died
};

typedef struct {
  const char *data; // not terminated
  size_t size;
} troupe_text_t;

// A header. Members without their bit in `present` hold nothing. It is large because of its lists: make it
// on the stack by troupe_header_init, which clears no more than it must, and pass it by pointer.
typedef struct {
  uint64_t present; // TROUPE_F (...) bits of the members that are set
  troupe_command_t command;
  bool joined; // decoded from a frame with the body in it, which is `body`
  uint32_t path_count, sizes_count, inputs_count, hubs_count, steps_count;
  troupe_text_t body;
  troupe_text_t service, session, peer, endpoint, trace, mesh, lost;
  troupe_id_t call, waiter, previous, fan, hub, again;
  uint64_t deadline, flags, attempt, sequence, status, credit, load, memory, from, count, request, of, heartbeat,
    lease, limit, parent, epoch, queue, news, position, since, entries, minor;
  troupe_id_t path[TROUPE_PATH_MAX];
  troupe_id_t inputs[TROUPE_INPUTS_MAX];
  troupe_id_t hubs[TROUPE_HUBS_MAX];
  uint32_t sizes[TROUPE_SIZES_MAX];
  uint32_t steps[TROUPE_STEPS_MAX];
} troupe_header_t;

static inline void
troupe_header_init (troupe_header_t *self, troupe_command_t command)
{
  self->present = 0;
  self->command = command;
  self->joined = false;
  self->path_count = self->sizes_count = self->inputs_count = self->hubs_count = self->steps_count = 0;
}

static inline bool
troupe_header_has (const troupe_header_t *self, uint64_t fields)
{
  return (self->present & fields) == fields;
}

// Setters, one for each field: troupe_header_set_service (&header, text), troupe_header_set_call (&header, &id),
// troupe_header_set_attempt (&header, 1), troupe_header_set_path (&header, ids, count) ... Texts are borrowed.
#define TROUPE_SETTER_TEXT(constant, member)                                                                 \
  static inline void troupe_header_set_##member (troupe_header_t *self, troupe_text_t value)                 \
  {                                                                                                          \
    self->member = value;                                                                                    \
    self->present |= TROUPE_F (constant);                                                                    \
  }
#define TROUPE_SETTER_UINT(constant, member)                                                                 \
  static inline void troupe_header_set_##member (troupe_header_t *self, uint64_t value)                      \
  {                                                                                                          \
    self->member = value;                                                                                    \
    self->present |= TROUPE_F (constant);                                                                    \
  }
#define TROUPE_SETTER_ID(constant, member)                                                                   \
  static inline void troupe_header_set_##member (troupe_header_t *self, const troupe_id_t *value)            \
  {                                                                                                          \
    self->member = *value;                                                                                   \
    self->present |= TROUPE_F (constant);                                                                    \
  }
#define TROUPE_SETTER_POSITIVE(constant, member) TROUPE_SETTER_UINT (constant, member)
// The caller keeps `count` within the field's limit.
#define TROUPE_SETTER_LIST(constant, member, type)                                                           \
  static inline void troupe_header_set_##member (troupe_header_t *self, const type *values, uint32_t count)  \
  {                                                                                                          \
    for (uint32_t i = 0; i < count; i++)                                                                     \
      self->member[i] = values[i];                                                                           \
    self->member##_count = count;                                                                            \
    self->present |= TROUPE_F (constant);                                                                    \
  }
#define TROUPE_SETTER_IDS(constant, member) TROUPE_SETTER_LIST (constant, member, troupe_id_t)
#define TROUPE_SETTER_UINTS(constant, member) TROUPE_SETTER_LIST (constant, member, uint32_t)
#define TROUPE_FIELD(number, constant, member, type, limit, meaning) TROUPE_SETTER_##type (constant, member)
#include "troupe/protocol.def"
#undef TROUPE_FIELD

static inline troupe_text_t
troupe_text (const char *string)
{
  return (troupe_text_t){string, strlen (string)};
}
bool troupe_text_equal (troupe_text_t text, const char *string);

// Packs the header into `bytes` (TROUPE_HEADER_SIZE_MAX is always room enough) and returns its size; 0 when it is not
// one that a decoder takes (a required field is missing, the command has no such field, a member breaks its field's
// limit) or `capacity` is too small: a defect of the caller's.
size_t troupe_header_encode (const troupe_header_t *self, void *bytes, size_t capacity);

// Makes of an encoded header the whole message, if that is to be one frame: the body goes behind the fields. `bytes`
// has room for TROUPE_FRAME_SIZE_MAX. Returns the frame's size; 0: not this one, and `bytes` is as it was.
size_t troupe_header_join (void *bytes, size_t size, const void *body, size_t body_size);
// Whether it would: not if the body is too large, or the command one that peers of every version must understand
// (hello, refused).
bool troupe_header_joins (const void *bytes, size_t body_size);
// Whether a frame is a whole message: no other frame with its body follows.
bool troupe_header_is_joined (const void *bytes, size_t size);

// Decodes and checks a header, alone or with the body in its frame: well-formed, of our version, a known command, every
// required field there, every known field within its limits. Fields that the command doesn't name are `bad_frame` too.
// Errors: bad_frame, version_mismatch; the record says which byte or field.
troupe_err_t troupe_header_decode (troupe_header_t *self, const void *bytes, size_t size, troupe_error_t *error);
// Gives the body that belongs to a decoded header. Of a message of two frames it is the second, `body`; the only one,
// `frame`, becomes a buffer of nothing but the body in it (it has no other reference yet). NULL: empty; all borrowed.
// bad_frame: the header is one that needs another frame, or has a body too many.
troupe_err_t troupe_header_body (const troupe_header_t *self, troupe_buffer_t *frame, troupe_buffer_t *body,
                                 troupe_buffer_t **out, troupe_error_t *error);

// "call", "settle" ...; "?" for a number that is no command.
const char *troupe_command_name (unsigned command);
// The minor version that brought a command: not to be sent to whoever speaks an earlier one.
unsigned troupe_command_minor (unsigned command);
// What a header that belongs to hello or welcome says; 0 when it says nothing.
static inline unsigned
troupe_header_minor (const troupe_header_t *self)
{
  return troupe_header_has (self, TROUPE_F (MINOR)) ? (unsigned)self->minor : 0;
}
// "value", "error", "cancelled", "deadline"; "pending" for TROUPE_STATUS_NONE.
const char *troupe_status_name (troupe_status_t status);

// Whether `name` is a service's name: kind/name, each part 1 to 64 of A-Z a-z 0-9 . _ -, beginning with a letter
// or digit; or kind/name#session, a service that was made for one session: any session's name without | # @. All in
// all at most TROUPE_SERVICE_NAME_MAX characters.
bool troupe_service_name_valid (const char *name);

#endif
