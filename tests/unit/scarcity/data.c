// SPDX-License-Identifier: Apache-2.0
//
// Messages, values, configurations and log lines without memory.

#include "tests/unit/scarcity/scarce.h"
#include "troupe/config.h"
#include "troupe/log.h"
#include "troupe/message.h"
#include "troupe/value.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// -- Values and messages --------------------------------------------------------------------------------------------------

static const char text[] =
  "{\"name\": \"bob\", \"content\": [{\"type\": \"text\", \"text\": \"see\"}, {\"type\": \"tool_use\", \"id\": \"1\", "
  "\"name\": \"t\", \"input\": {\"a\": [1, 2.5, true, null, 123456789012]}}], \"url\": [\"u\", \"v\"], "
  "\"metadata\": {\"a\": [1, 2.5, \"x\", {}], \"b\": {\"c\": \"d\"}}}";

static void
value_scene (const void *arg)
{
  const json_t *value = arg;
  troupe_buffer_t *packed = NULL, *canonical = NULL;
  json_t *back = NULL;
  troupe_error_t error = {0};
  scarce_begin ();
  troupe_err_t err = troupe_value_pack (value, &packed, &error);
  if (err == TROUPE_OK)
    err = troupe_value_pack_canonical (value, &canonical, &error);
  if (err == TROUPE_OK)
    err = troupe_value_unpack (troupe_buffer_data (packed), troupe_buffer_size (packed), &back, &error);
  scarce_expect (err, &error);
  cr_assert (err != TROUPE_OK || json_equal (back, value));
  json_decref (back);
  troupe_buffer_unref (&packed);
  troupe_buffer_unref (&canonical);
}

static void
message_scene (const void *arg)
{
  json_t *json = (json_t *)(uintptr_t)arg, *full = NULL, *back = NULL;
  troupe_message_t *message = NULL, *of_text = NULL;
  troupe_error_t error = {0};
  troupe_id_t id = {{1}};
  char *said = NULL;
  scarce_begin ();
  troupe_err_t err = troupe_message_check (json, &error);
  if (err == TROUPE_OK)
    err = troupe_message_identify (&full, json, &id, &id, 3, &error);
  if (err == TROUPE_OK)
    err = troupe_message_of_json (&message, full, &error);
  if (err == TROUPE_OK)
    err = troupe_message_new (&of_text, "ann", TROUPE_ROLE_USER, "hello", &error);
  if (err == TROUPE_OK) {
    back = troupe_message_to_json (message);
    said = troupe_message_text (message);
  }
  bool struck = scarce_struck ();
  scarce_expect (err, &error);
  cr_assert (err != TROUPE_OK || (back && said) || struck);
  free (said);
  json_decref (back);
  json_decref (full);
  troupe_message_unref (&message);
  troupe_message_unref (&of_text);
}

Test (scarcity, values_and_messages)
{
  json_t *value = json_loads (text, 0, NULL);
  scarce_play (value_scene, value, 20);
  scarce_play (message_scene, value, 10);
  json_decref (value);
}

// -- Configurations -------------------------------------------------------------------------------------------------------

static const char right[] =
  "mesh: office\n"
  "state: /tmp/nowhere\n"
  "brokers: [ { name: a, endpoint: 'ipc:///tmp/y' }, { name: b, endpoint: 'ipc:///tmp/x' } ]\n"
  "store: { url: 'redis://127.0.0.1:6379/1', password: '${SECRET}' }\n"
  "models:\n"
  "  gpt: { type: openai_chat, model: gpt-4o-mini, api_key: '${SECRET}', timeout: 30s,\n"
  "         fallback: [local] }\n"
  "  local: { type: rehearsal }\n"
  "agents:\n"
  "  alice: { model: gpt, prompt: 'You are ${NAME:-Alice}.', fallback: [local] }\n"
  "  bob: { type: dict_dialog, model: [gpt, local], keys: { speak: string } }\n"
  "limits: { open_calls: 100 }\n";

static const char wrong[] = "mesh: 5\n"
                            "modls: {}\n"
                            "models:\n"
                            "  gpt: { type: openai_chta, api_key: '${NOWHERE}', timeout: soon }\n"
                            "  gpt: { type: rehearsal, model: x }\n"
                            "agents:\n"
                            "  alice: { model: gtp, prompt: [1], max_retries: -1 }\n"
                            "  b/c: {}\n";

static void
config_scene (const void *arg)
{
  const char *yaml = arg;
  troupe_config_t *config = NULL;
  json_t *errors = NULL, *redacted = NULL, *written = NULL;
  char *where = NULL;
  troupe_error_t error = {0};
  scarce_begin ();
  troupe_err_t err = troupe_config_parse (&config, "t.yaml", yaml, strlen (yaml), &errors, &error);
  cr_assert_eq (err == TROUPE_OK, config != NULL);
  bool made = err == TROUPE_OK;
  if (made) {
    redacted = troupe_config_redacted (config);
    written = troupe_config_written (config);
    where = troupe_config_where (config, "models.gpt.timeout");
    troupe_config_hide_secrets (config);
  }
  bool struck = scarce_struck ();
  scarce_end ();
  cr_assert (err == TROUPE_OK || err == TROUPE_NO_MEMORY || (err == TROUPE_BAD_CONFIG && yaml == wrong), "%s: %s: %s",
             troupe_err_name (err), error.object, error.why);
  cr_assert (err != TROUPE_NO_MEMORY || struck);
  cr_assert (err == TROUPE_OK || error.why[0]);
  cr_assert (!made || (redacted && written && where) || struck);
  json_decref (errors);
  json_decref (redacted);
  json_decref (written);
  free (where);
  troupe_config_destroy (&config);
}

Test (scarcity, configurations, .timeout = 300)
{
  setenv ("SECRET", "sesame", 1);
  unsetenv ("NOWHERE");
  scarce_play (config_scene, right, 300);
  scarce_play (config_scene, wrong, 100);
}

// -- The log --------------------------------------------------------------------------------------------------------------

static void
log_scene (const void *arg)
{
  troupe_error_t error = {.code = TROUPE_IO, .object = "file", .why = "it is full: sesame"};
  const troupe_message_t *message = arg;
  scarce_begin ();
  troupe_log_secret ("sesame");
  troupe_log (TROUPE_LOG_INFO, "something", "a", "b sesame", "n", "\n\x01\xFF", NULL);
  troupe_log_error (TROUPE_LOG_WARNING, "it failed", &error);
  troupe_log_chat (message);
  scarce_end ();
}

// What can't be shown for want of memory is left out, and when a secret can't be remembered, so is everything.
Test (scarcity, log)
{
  int file = open ("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  static char shown[1 << 20];
  troupe_message_t *message = NULL;
  cr_assert_geq (file, 0);
  cr_assert_geq (dup2 (file, STDERR_FILENO), 0);
  cr_assert_eq (troupe_message_new (&message, "ann", TROUPE_ROLE_USER, "the word is sesame", NULL), TROUPE_OK);
  for (int format = 0; format < 2; format++) {
    troupe_log_init (&(troupe_log_options_t){
      .program = "scarcity", .level = TROUPE_LOG_DEBUG, .format = format ? TROUPE_LOG_JSON : TROUPE_LOG_PRETTY});
    scarce_play (log_scene, message, 1);
  }
  troupe_log_init (&(troupe_log_options_t){.program = "scarcity", .level = TROUPE_LOG_OFF});
  ssize_t size = pread (file, shown, sizeof shown - 1, 0);
  cr_assert_gt (size, 0);
  shown[size] = '\0';
  cr_assert_null (strstr (shown, "sesame"), "%s", shown);
  cr_assert_not_null (strstr (shown, "a secret can't be hidden"));
  troupe_message_unref (&message);
  close (file);
}
