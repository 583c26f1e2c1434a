// SPDX-License-Identifier: Apache-2.0
//
// What a broker tells of the services that it knows, and how much of what they say of themselves it keeps.

#include "core_rig.h"

#include "troupe/value.h"

TestSuite (core_report, .init = core_rig_open, .fini = core_rig_close);

// The caller's, to be freed.
static json_t *
ask (void)
{
  troupe_err_t code;
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_STATUS);
  return core_rig_ask (&header, &code);
}

// `map` is given up.
static void
send (const troupe_header_t *header, json_t *map)
{
  troupe_buffer_t *body = NULL;
  cr_assert_eq (troupe_value_pack (map, &body, NULL), TROUPE_OK);
  stage_receive (stage, INSTANCE, header, body);
  troupe_buffer_unref (&body);
  json_decref (map);
}

Test (core_report, the_report_says_what_is_there)
{
  troupe_header_t hello;
  troupe_header_init (&hello, TROUPE_CMD_HELLO);
  troupe_header_set_peer (&hello, troupe_text ("alice-1"));
  send (&hello, json_pack ("{s:s, s:s, s:i}", "program", "troupe-agent", "host", "h\xc3\xa9", "pid", 42));
  stage_register (stage, INSTANCE, "agent/alice", 1, true);
  core_rig_call (1, "agent/alice");
  troupe_id_t id = stage_id (2);
  stage_call (stage, CALLER, &id, "agent/alice", "t", 0, 0);
  stage_settle_store (stage);
  json_t *json = ask ();
  const char *name, *program, *host, *store;
  int actor, queue, pid, running, credit, accepted, open_calls;
  cr_expect_eq (json_unpack (json, "{s:s, s:i, s:[{s:s, s:b, s:i, s:[{s:s, s:s, s:i, s:i, s:i}]}], s:{s:i}}", "store",
                             &store, "open_calls", &open_calls, "services", "name", &name, "actor", &actor, "queue",
                             &queue, "instances", "program", &program, "host", &host, "pid", &pid, "running", &running,
                             "credit", &credit, "counters", "calls_accepted", &accepted),
                0);
  cr_expect_str_eq (store, "up");
  cr_expect_str_eq (name, "agent/alice");
  cr_expect_str_eq (program, "troupe-agent");
  cr_expect_str_eq (host, "h\xc3\xa9");
  cr_expect (actor && queue == 1 && pid == 42 && running == 1 && credit == 1 && accepted == 2 && open_calls == 2);
  json_decref (json);
}

// -- Descriptions ----------------------------------------------------------------------------------------------------

static void
describe (const char *service, size_t size)
{
  char *text = malloc (size + 1);
  memset (text, 'x', size);
  text[size] = '\0';
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_REGISTER);
  troupe_header_set_service (&header, troupe_text (service));
  troupe_header_set_credit (&header, 1);
  send (&header, json_pack ("{s:s}", "description", text));
  free (text);
}

Test (core_report, descriptions_are_bounded_together)
{
  enum { SIZE = 60000, FIT = TROUPE_VALUE_SIZE_MAX / 2 / (SIZE + 20) }; // 20: the map around it
  char name[32];
  for (unsigned i = 0; i < FIT; i++) {
    snprintf (name, sizeof name, "tool/t%u", i);
    describe (name, SIZE);
    cr_assert (core_rig_sent (INSTANCE, TROUPE_CMD_REGISTERED), "%s", name);
  }
  describe ("tool/more", SIZE);
  cr_expect_eq (core_rig_refused (INSTANCE), TROUPE_OVERLOADED);
  describe ("tool/t0", SIZE); // its own is not counted twice
  cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_REGISTERED));
  troupe_header_t header;
  troupe_header_init (&header, TROUPE_CMD_UNREGISTER);
  troupe_header_set_service (&header, troupe_text ("tool/t0"));
  stage_receive (stage, INSTANCE, &header, NULL);
  describe ("tool/more", SIZE);
  cr_expect (core_rig_sent (INSTANCE, TROUPE_CMD_REGISTERED));
}

static size_t
reported_services (void)
{
  json_t *json = ask ();
  size_t count = json_array_size (json_object_get (json, "services"));
  json_decref (json);
  return count;
}

Test (core_report, a_large_report_is_not_made_anew_for_everyone_who_asks)
{
  describe ("tool/a", 40000);
  cr_expect_eq (reported_services (), 1);
  describe ("tool/b", 40000);
  cr_expect_eq (reported_services (), 2, "a small one is always made");
  describe ("tool/c", 40000);
  cr_expect_eq (reported_services (), 2);
  stage_advance (stage, 1000);
  cr_expect_eq (reported_services (), 3);
}
