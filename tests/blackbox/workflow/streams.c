// SPDX-License-Identifier: Apache-2.0
//
// What agents that are written in Lua stream, as somebody sees it who reads along.

#include "blackbox/workflow/flow.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite (streams, .init = place_enter, .fini = place_leave);

static const char mesh[] = "models:\n"
                           "  talker: { type: rehearsal, rules: rules.yaml }\n"
                           "agents:\n"
                           "  teller: { type: script, file: teller.lua, model: talker }\n";

// Told to "tell", it streams by itself, and before the end asks the person "gate" whether to go on; told to "tell all",
// it asks nobody. Else it passes on what its model says.
static const char teller[] = "local teller = {}\n"
                             "function teller:reply (x)\n"
                             "  if x.content:match '^tell' then\n"
                             "    local read = self.stream 'Once '\n"
                             "    self:stream ('upon ')\n"
                             "    if x.content == 'tell' then agent 'gate' 'Go on?':wait () end\n"
                             "    self.stream 'a time'\n"
                             "    return {content = 'Once upon a time', metadata = {read = read}}\n"
                             "  elseif x.content == 'wrong' then\n"
                             "    local wrong = {}\n"
                             "    for i, what in ipairs {1 == 1, '\\xff', {}} do\n"
                             "      local ok, why = pcall (self.stream, what)\n"
                             "      wrong[i] = tostring (ok) .. ' ' .. tostring (why)\n"
                             "    end\n"
                             "    return table.concat (wrong, '|')\n"
                             "  elseif x.content == 'option' then\n"
                             "    return select (2, pcall (self.model, 'q', {stream = true, loud = true}))\n"
                             "  end\n"
                             "  return self.model (x, {stream = true})\n"
                             "end\n"
                             "return teller\n";

static process_t *
begin (void)
{
  place_write ("teller.lua", teller);
  return mesh_up (mesh);
}

Test (streams, pieces_are_there_before_the_reply)
{
  process_t *up = begin ();
  process_t *gate = process_run ("troupe", "chat", "teller", "--name", "gate");
  process_expect_error (gate, "agent teller"); // it is there
  process_t *call = process_run ("troupe", "call", "agent/teller", "\"tell\"", "--stream");
  process_expect (gate, "Go on\\?");
  process_expect (call, "\\{\"part\":\\{\"text\":\"Once \"\\}.*\n.*\"upon \"");
  cr_expect (strstr (process_output (call), "a time") == NULL);
  process_send (gate, "yes\n");
  process_expect (call, "\"a time\".*\n.*\"value\".*\"Once upon a time\"");
  cr_expect_eq (process_wait (call), 0);
  cr_expect (strstr (process_output (call), "\"read\":true") != NULL, "%s", process_output (call));
  process_destroy (&call);
  process_close_input (gate);
  process_expect_exit (gate, 0);
  process_destroy (&gate);
  mesh_down (&up);
}

Test (streams, nobody_may_read)
{
  process_t *up = begin ();
  int status;
  json_t *value = mesh_call ("agent/teller", "\"tell all\"", NULL, &status, NULL);
  cr_assert_not_null (value);
  cr_expect_str_eq (json_string_value (json_object_get (value, "content")), "Once upon a time");
  cr_expect (json_is_false (json_object_get (json_object_get (value, "metadata"), "read")));
  json_decref (value);
  mesh_down (&up);
}

Test (streams, a_models_words_are_passed_on)
{
  process_t *up = begin ();
  process_t *call = process_run ("troupe", "call", "agent/teller", "\"slow\"", "--stream");
  process_expect (call, "\"part\".*\n(.*\n)*.*\"value\"");
  cr_expect_eq (process_wait (call), 0);
  // The pieces make up what was said in the end.
  char *lines = strdup (process_output (call)), *rest = lines, joined[4096] = "";
  const char *said = NULL;
  json_t *last = NULL;
  unsigned parts = 0;
  for (char *line; (line = strsep (&rest, "\n")) != NULL && *line != '\0';) {
    json_t *record = json_loads (line, 0, NULL);
    const json_t *text = json_object_get (json_object_get (record, "part"), "text");
    parts += text != NULL;
    if (text != NULL)
      strncat (joined, json_string_value (text), sizeof joined - strlen (joined) - 1);
    if (json_object_get (record, "value") != NULL) {
      last = json_incref (record);
      said = json_string_value (json_object_get (json_object_get (record, "value"), "content"));
    }
    json_decref (record);
  }
  cr_expect_gt (parts, 2);
  cr_assert_not_null (said);
  cr_expect_str_eq (joined, said);
  json_decref (last);
  free (lines);
  process_destroy (&call);
  mesh_down (&up);
}

Test (streams, what_cannot_be_streamed_is_an_error)
{
  process_t *up = begin ();
  mesh_expect_reply ("teller", "s", "wrong", "^false .*string expected.*\\|false .*UTF-8.*\\|false .*string expected");
  mesh_expect_reply ("teller", "s", "option", "unknown option loud");
  mesh_down (&up);
  flow_check ("assert (not pcall (function () return self.stream end))\n"
              "local a, b\n"
              "a = Agent {name = 'a', reply = function (self, x) stream = self.stream return 'x' end}\n"
              "print (a ().content)\n"
              "local ok, why = pcall (stream, 'late')\n"
              "assert (not ok and tostring (why):match 'while the agent makes it', tostring (why))\n");
}
