// SPDX-License-Identifier: Apache-2.0
//
// An example of each command: one conversation between a small echo tool, a caller and a broker, and what else may pass
// between them. The page shows their bytes; tests/unit/reference encodes and decodes each.

#include "generate/reference.h"
#include "troupe/value.h"

static troupe_id_t
id_of (const char *text)
{
  troupe_id_t id = {{0}};
  troupe_id_of_text (&id, text); // the examples are checked by tests
  return id;
}

static void
set_call (troupe_header_t *header)
{
  troupe_id_t id = id_of ("018f3c2a-7b1e-7c33-9a51-3d2f1e0c4b5a");
  troupe_header_set_call (header, &id);
}

static void
set_attempt (troupe_header_t *header)
{
  set_call (header);
  troupe_header_set_attempt (header, 1);
}

static void
fill_hello (troupe_header_t *header)
{
  troupe_header_init (header, TROUPE_CMD_HELLO);
  troupe_header_set_peer (header, troupe_text ("echo-7f3a"));
  troupe_header_set_mesh (header, troupe_text ("troupe"));
}

static void
fill_welcome (troupe_header_t *header)
{
  troupe_header_init (header, TROUPE_CMD_WELCOME);
  troupe_header_set_peer (header, troupe_text ("broker-1"));
  troupe_header_set_heartbeat (header, 500);
  troupe_header_set_lease (header, 2500);
  troupe_header_set_limit (header, 16777216);
  troupe_header_set_endpoint (header, troupe_text ("tcp://127.0.0.1:7001"));
  troupe_header_set_mesh (header, troupe_text ("troupe"));
}

static void
fill_reset (troupe_header_t *header)
{
  troupe_header_init (header, TROUPE_CMD_RESET);
  troupe_header_set_peer (header, troupe_text ("broker-1"));
}

static void
fill_heartbeat (troupe_header_t *header)
{
  troupe_header_init (header, TROUPE_CMD_HEARTBEAT);
  troupe_header_set_load (header, 1);
}

static void
fill_bye (troupe_header_t *header)
{
  troupe_header_init (header, TROUPE_CMD_BYE);
}

static void
fill_refused (troupe_header_t *header)
{
  troupe_header_init (header, TROUPE_CMD_REFUSED);
  troupe_header_set_of (header, TROUPE_CMD_CALL);
  set_call (header);
  troupe_header_set_service (header, troupe_text ("tool/ecoh"));
}

static void
fill_register (troupe_header_t *header)
{
  troupe_header_init (header, TROUPE_CMD_REGISTER);
  troupe_header_set_service (header, troupe_text ("tool/echo"));
  troupe_header_set_credit (header, 16);
}

static void
fill_registered (troupe_header_t *header)
{
  troupe_header_init (header, TROUPE_CMD_REGISTERED);
  troupe_header_set_service (header, troupe_text ("tool/echo"));
}

static void
fill_unregister (troupe_header_t *header)
{
  troupe_header_init (header, TROUPE_CMD_UNREGISTER);
  troupe_header_set_service (header, troupe_text ("tool/echo"));
}

static void
fill_unregistered (troupe_header_t *header)
{
  troupe_header_init (header, TROUPE_CMD_UNREGISTERED);
  troupe_header_set_service (header, troupe_text ("tool/echo"));
}

static void
fill_grant (troupe_header_t *header)
{
  troupe_header_init (header, TROUPE_CMD_GRANT);
  troupe_header_set_service (header, troupe_text ("tool/echo"));
  troupe_header_set_credit (header, 4);
}

static void
fill_call (troupe_header_t *header)
{
  troupe_header_init (header, TROUPE_CMD_CALL);
  set_call (header);
  troupe_header_set_service (header, troupe_text ("tool/echo"));
  troupe_header_set_session (header, troupe_text ("monday"));
  troupe_header_set_deadline (header, 30000);
  troupe_header_set_flags (header, TROUPE_FLAG_STREAM);
}

static void
fill_next_call (troupe_header_t *header)
{
  troupe_id_t id = id_of ("018f3c2a-7b1f-7a0b-8c77-54e1a0b9d6c2");
  troupe_id_t previous = id_of ("018f3c2a-7b1e-7c33-9a51-3d2f1e0c4b5a");
  troupe_header_init (header, TROUPE_CMD_CALL);
  troupe_header_set_call (header, &id);
  troupe_header_set_service (header, troupe_text ("tool/upper"));
  troupe_header_set_session (header, troupe_text ("monday"));
  troupe_header_set_previous (header, &previous);
}

static void
fill_accepted (troupe_header_t *header)
{
  troupe_header_init (header, TROUPE_CMD_ACCEPTED);
  set_call (header);
}

static void
fill_await (troupe_header_t *header)
{
  troupe_header_init (header, TROUPE_CMD_AWAIT);
  set_call (header);
  troupe_header_set_session (header, troupe_text ("monday"));
}

static void
fill_cancel (troupe_header_t *header)
{
  troupe_header_init (header, TROUPE_CMD_CANCEL);
  set_call (header);
  troupe_header_set_session (header, troupe_text ("monday"));
}

static void
fill_part (troupe_header_t *header)
{
  troupe_header_init (header, TROUPE_CMD_PART);
  set_attempt (header);
  troupe_header_set_sequence (header, 0);
}

static void
fill_settled (troupe_header_t *header)
{
  troupe_header_init (header, TROUPE_CMD_SETTLED);
  set_attempt (header);
  troupe_header_set_status (header, TROUPE_STATUS_VALUE);
}

static void
fill_offer (troupe_header_t *header)
{
  troupe_header_init (header, TROUPE_CMD_OFFER);
  set_attempt (header);
  troupe_header_set_service (header, troupe_text ("tool/echo"));
  troupe_header_set_session (header, troupe_text ("monday"));
  troupe_header_set_deadline (header, 29998);
  troupe_header_set_flags (header, TROUPE_FLAG_STREAM);
}

static void
fill_settle (troupe_header_t *header)
{
  troupe_header_init (header, TROUPE_CMD_SETTLE);
  set_attempt (header);
  troupe_header_set_session (header, troupe_text ("monday"));
  troupe_header_set_status (header, TROUPE_STATUS_VALUE);
}

static void
fill_confirmed (troupe_header_t *header)
{
  troupe_header_init (header, TROUPE_CMD_CONFIRMED);
  set_attempt (header);
}

static void
fill_recall (troupe_header_t *header)
{
  troupe_header_init (header, TROUPE_CMD_RECALL);
  set_attempt (header);
  troupe_header_set_request (header, 1);
  troupe_header_set_from (header, 0);
  troupe_header_set_count (header, 100);
}

static void
fill_recalled (troupe_header_t *header)
{
  troupe_header_init (header, TROUPE_CMD_RECALLED);
  set_call (header);
  troupe_header_set_request (header, 1);
  troupe_header_set_from (header, 0);
  troupe_header_set_memory (header, 2);
}

static void
fill_hub_open (troupe_header_t *header)
{
  troupe_id_t id = id_of ("018f3c2a-7b1e-7c33-9a51-3d2f1e0c4b5b");
  troupe_header_init (header, TROUPE_CMD_CALL);
  troupe_header_set_call (header, &id);
  troupe_header_set_service (header, troupe_text ("hub/open"));
  troupe_header_set_session (header, troupe_text ("monday"));
}

static void
fill_call_in_hub (troupe_header_t *header)
{
  troupe_id_t hub = id_of ("018f3c2a-7b1e-7c33-9a51-3d2f1e0c4b5b");
  troupe_header_init (header, TROUPE_CMD_CALL);
  set_call (header);
  troupe_header_set_service (header, troupe_text ("agent/alice"));
  troupe_header_set_session (header, troupe_text ("monday"));
  troupe_header_set_hubs (header, &hub, 1);
}

static void
fill_hear (troupe_header_t *header)
{
  troupe_header_init (header, TROUPE_CMD_HEAR);
  set_attempt (header);
  troupe_header_set_request (header, 2);
}

static void
fill_offer_to_hear (troupe_header_t *header)
{
  troupe_id_t hub = id_of ("018f3c2a-7b1e-7c33-9a51-3d2f1e0c4b5b");
  troupe_header_init (header, TROUPE_CMD_OFFER);
  set_attempt (header);
  troupe_header_set_service (header, troupe_text ("agent/alice"));
  troupe_header_set_session (header, troupe_text ("monday"));
  troupe_header_set_flags (header, TROUPE_FLAG_OBSERVE);
  troupe_header_set_news (header, 1);
  troupe_header_set_hub (header, &hub);
  troupe_header_set_since (header, 4);
  troupe_header_set_position (header, 7);
  troupe_header_set_entries (header, 1);
}

static void
fill_said (troupe_header_t *header)
{
  troupe_id_t hub = id_of ("018f3c2a-7b1e-7c33-9a51-3d2f1e0c4b5b");
  const uint32_t steps[] = {0}, sizes[] = {115}; // of the message below
  troupe_header_init (header, TROUPE_CMD_SAID);
  troupe_header_set_hub (header, &hub);
  troupe_header_set_position (header, 6);
  troupe_header_set_steps (header, steps, 1);
  troupe_header_set_sizes (header, sizes, 1);
  troupe_header_set_service (header, troupe_text ("agent/bob"));
}

static void
fill_heard (troupe_header_t *header)
{
  troupe_header_init (header, TROUPE_CMD_HEARD);
  set_call (header);
  troupe_header_set_request (header, 2);
}

static void
fill_nested (troupe_header_t *header)
{
  troupe_id_t id = id_of ("5b0c7c1e-2f4a-8d35-b1a6-90a1c5d3e2f4");
  troupe_id_t parent = id_of ("018f3c2a-7b1e-7c33-9a51-3d2f1e0c4b5a");
  troupe_id_t input = id_of ("018f3c2a-7b1f-7a0b-8c77-54e1a0b9d6c2");
  troupe_header_init (header, TROUPE_CMD_CALL);
  troupe_header_set_call (header, &id);
  troupe_header_set_service (header, troupe_text ("tool/upper"));
  troupe_header_set_session (header, troupe_text ("monday"));
  troupe_header_set_path (header, &parent, 1);
  troupe_header_set_parent (header, 1);
  troupe_header_set_inputs (header, &input, 1);
}

static void
fill_offer_with_input (troupe_header_t *header)
{
  fill_nested (header);
  header->command = TROUPE_CMD_OFFER;
  header->present &= ~(TROUPE_F (PARENT) | TROUPE_F (INPUTS));
  troupe_header_set_attempt (header, 1);
}

static void
fill_stream (troupe_header_t *header)
{
  troupe_header_init (header, TROUPE_CMD_STREAM);
  set_attempt (header);
}

static void
fill_status (troupe_header_t *header)
{
  troupe_header_init (header, TROUPE_CMD_STATUS);
  troupe_header_set_request (header, 2);
}

static void
fill_report (troupe_header_t *header)
{
  troupe_header_init (header, TROUPE_CMD_REPORT);
  troupe_header_set_request (header, 2);
}

static void
fill_letters (troupe_header_t *header)
{
  troupe_header_init (header, TROUPE_CMD_LETTERS);
  troupe_header_set_request (header, 3);
}

static void
set_letter (troupe_header_t *header)
{
  set_call (header);
  troupe_header_set_session (header, troupe_text ("s-1"));
  troupe_header_set_request (header, 4);
}

static void
fill_letter (troupe_header_t *header)
{
  troupe_header_init (header, TROUPE_CMD_LETTER);
  set_letter (header);
}

static void
fill_resend (troupe_header_t *header)
{
  troupe_id_t again = id_of ("018f3c2a-7b1e-7c33-9a51-3d2f1e0c4b5d");
  troupe_header_init (header, TROUPE_CMD_RESEND);
  set_letter (header);
  troupe_header_set_again (header, &again);
}

static void
fill_discard (troupe_header_t *header)
{
  troupe_header_init (header, TROUPE_CMD_DISCARD);
  set_letter (header);
}

static void
fill_event (troupe_header_t *header)
{
  troupe_header_init (header, TROUPE_CMD_EVENT);
  troupe_header_set_service (header, troupe_text ("tool/echo"));
  troupe_header_set_peer (header, troupe_text ("echo-7f3a"));
}

const example_t examples[] = {
  {"hello",
   "Who the sender is.",
   fill_hello,
   {"{\"program\": \"echo\", \"version\": \"1.0\", \"host\": \"desk\", \"pid\": 4711}"}},
  {"welcome", "The terms of the connection.", fill_welcome, {NULL}},
  {"reset", "The broker doesn't know this connection: begin again.", fill_reset, {NULL}},
  {"heartbeat", "An instance that runs one call.", fill_heartbeat, {NULL}},
  {"bye", "The sender leaves.", fill_bye, {NULL}},
  {"refused",
   "A call to a service that nobody serves.",
   fill_refused,
   {"{\"code\": \"unknown_service\", \"object\": \"tool/ecoh\", \"why\": \"no instance of tool/ecoh is registered\", "
    "\"next\": \"did you mean tool/echo?\", \"retry_after_ms\": 0}"}},
  {"register", "Sixteen calls at once.", fill_register, {"{\"description\": \"Says what you say.\"}"}},
  {"registered", "Calls may be offered from now on.", fill_registered, {NULL}},
  {"unregister", "No more calls, please.", fill_unregister, {NULL}},
  {"unregistered", "None will come.", fill_unregistered, {NULL}},
  {"grant", "Only four calls at once from now on.", fill_grant, {NULL}},
  {"call", "A call that has 30 seconds, whose caller reads parts.", fill_call, {"\"hello\""}},
  {"call after another", "Sent before the first one was accepted.", fill_next_call, {"\"hello\""}},
  {"call within a call",
   "Made while attempt 1 of another call ran; it needs the value of a third.",
   fill_nested,
   {"{\"text\": {\"$input\": 0}}"}},
  {"accepted", "It is stored.", fill_accepted, {NULL}},
  {"await", "How did it end?", fill_await, {NULL}},
  {"cancel", "From a caller.", fill_cancel, {NULL}},
  {"part",
   "The first piece of the reply; the caller gets it as the instance sent it.",
   fill_part,
   {"{\"text\": \"hel\"}"}},
  {"settled", "How the call ended.", fill_settled, {"\"hello\""}},
  {"offer", "The call, on its way to an instance.", fill_offer, {"\"hello\""}},
  {"offer with input",
   "The same call, offered with the value that it needs.",
   fill_offer_with_input,
   {"{\"text\": {\"$input\": 0}}", "\"hello\""}},
  {"settle", "The outcome of an attempt.", fill_settle, {"\"hello\""}},
  {"settle with memory",
   "An actor's outcome, with two entries that its memory gains.",
   fill_settle,
   {"\"hello\"", "\"they said hello\"", "\"I said hello\""}},
  {"confirmed", "The outcome is stored.", fill_confirmed, {NULL}},
  {"recall", "At most a hundred entries, from the first.", fill_recall, {NULL}},
  {"recalled", "All two of them.", fill_recalled, {"[\"they said hello\", \"I said hello\"]"}},
  {"call hub/open", "Alice and bob meet in a hub.", fill_hub_open, {"{\"members\": [\"agent/alice\", \"agent/bob\"]}"}},
  {"call in a hub", "Alice speaks, and bob will hear it.", fill_call_in_hub, {"null"}},
  {"hear", "What was said before this call?", fill_hear, {NULL}},
  {"heard", "One message, and no more.", fill_heard, {"[{\"id\": \"018f3c2a-7b1e-7c33-9a51-3d2f1e0c4b5c\", "
                                                       "\"name\": \"bob\", \"role\": \"assistant\", \"content\": \"Hello!\", "
                                                       "\"url\": [], \"metadata\": {}, \"timestamp\": 1715600000000}]"}},
  {"offer to hear", "Something was said that alice has not heard.", fill_offer_to_hear, {"null"}},
  {"said", "What bob said, published under \"hub/018f3c2a-7b1e-7c33-9a51-3d2f1e0c4b5b\".", fill_said,
   {"{\"id\": \"018f3c2a-7b1e-7c33-9a51-3d2f1e0c4b5c\", \"name\": \"bob\", \"role\": \"assistant\", "
    "\"content\": \"Hello!\", \"url\": [], \"metadata\": {}, \"timestamp\": 1715600000000}"}},
  {"stream", "Somebody reads along at this broker.", fill_stream, {NULL}},
  {"status", "How are you?", fill_status, {NULL}},
  {"report", "Shortened.", fill_report, {"{\"broker\": \"broker-1\", \"store\": \"up\", \"open_calls\": 0}"}},
  {"letters", "Which calls have killed their instances?", fill_letters, {NULL}},
  {"letter", "Show me one of them.", fill_letter, {NULL}},
  {"resend", "Run it once more, as a new call.", fill_resend, {NULL}},
  {"discard", "Throw it away.", fill_discard, {NULL}},
  {"event", "An instance has joined.", fill_event, {"{\"event\": \"joined\", \"broker\": \"broker-1\"}"}},
};

const size_t examples_count = sizeof examples / sizeof examples[0];

static troupe_err_t
pack_body (const char *json, troupe_buffer_t **out, troupe_error_t *error)
{
  json_error_t where;
  json_t *value = json_loads (json, JSON_DECODE_ANY, &where);
  if (value == NULL)
    return troupe_error_set (error, TROUPE_BAD_MESSAGE, json, NULL, "%s", where.text);
  troupe_err_t err = troupe_value_pack (value, out, error);
  json_decref (value);
  return err;
}

troupe_err_t
example_encode (const example_t *self, void *bytes, size_t *size, troupe_buffer_t **body, troupe_error_t *error)
{
  enum { BODY_MAX = 1024 }; // they are for people to read
  char joined[BODY_MAX];
  size_t used = 0;
  uint32_t sizes[EXAMPLE_BODIES_MAX];
  uint32_t count = 0;
  for (; self->bodies[count] != NULL; count++) {
    troupe_buffer_t *packed = NULL;
    troupe_err_t err = pack_body (self->bodies[count], &packed, error);
    if (err != TROUPE_OK)
      return err;
    sizes[count] = (uint32_t)troupe_buffer_size (packed);
    bool fits = sizes[count] <= BODY_MAX - used;
    if (fits)
      memcpy (joined + used, troupe_buffer_data (packed), sizes[count]);
    troupe_buffer_unref (&packed);
    if (!fits)
      return troupe_error_set (error, TROUPE_TOO_LARGE, self->name, NULL, "its body has more than %d bytes", BODY_MAX);
    used += sizes[count];
  }
  troupe_header_t header;
  self->fill (&header);
  if (count > 1)
    troupe_header_set_sizes (&header, sizes + 1, count - 1);
  *size = troupe_header_encode (&header, bytes, TROUPE_HEADER_SIZE_MAX);
  if (*size == 0)
    return troupe_error_set (error, TROUPE_INTERNAL, self->name, NULL, "its header breaks the rules of protocol.def");
  return troupe_buffer_new (body, joined, used);
}
