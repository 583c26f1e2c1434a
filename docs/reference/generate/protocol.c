// SPDX-License-Identifier: Apache-2.0
//
// The tables of the protocol page, and the fuzzers' dictionary: protocol.def, row by row.

#include "wire/protocol.h"
#include "generate/reference.h"

#include <inttypes.h>

static const char *const directions[] = {
  [PROTOCOL_TO_BROKER] = "peer → broker",
  [PROTOCOL_TO_PEER] = "broker → peer",
  [PROTOCOL_BOTH] = "both",
};

static void
print_field_names (uint64_t fields, const char *mark, FILE *out)
{
  if (fields == 0)
    fputs ("–", out);
  for (uint64_t rest = fields; rest != 0; rest &= rest - 1)
    fprintf (out, "%s%s%s%s", mark, protocol_fields[__builtin_ctzll (rest)].name, mark,
             (rest & (rest - 1)) != 0 ? ", " : "");
}

void
reference_print_commands (FILE *out)
{
  fputs ("\n| number | command | direction | must have | may have | body | meaning |\n|---|---|---|---|---|---|---|\n",
         out);
  for (unsigned number = 0; number <= PROTOCOL_COMMAND_MAX; number++) {
    const protocol_command_t *command = protocol_command (number);
    if (command == NULL)
      continue;
    fprintf (out, "| %u | `%s` | %s | ", number, command->name, directions[command->direction]);
    print_field_names (command->required, "`", out);
    fputs (" | ", out);
    print_field_names (command->optional, "`", out);
    fprintf (out, " | %s | %s |\n", command->body, command->meaning);
  }
  fputc ('\n', out);
}

void
reference_print_minors (FILE *out)
{
  fputs ("\n| version | what it brought |\n|---|---|\n", out);
#define TROUPE_MINOR(number, meaning) fprintf (out, "| %d.%d | %s |\n", TROUPE_PROTOCOL_VERSION, number, meaning);
#include "troupe/protocol.def"
#undef TROUPE_MINOR
  fputc ('\n', out);
}

static void
print_type (const protocol_field_t *field, FILE *out)
{
  switch (field->type) {
  case PROTOCOL_TEXT:
    fprintf (out, "str, 1 to %" PRIu64 " bytes", field->limit);
    break;
  case PROTOCOL_UINT:
    fprintf (out, "integer, 0 to %" PRIu64, field->limit);
    break;
  case PROTOCOL_POSITIVE:
    fprintf (out, "integer, 1 to %" PRIu64, field->limit);
    break;
  case PROTOCOL_ID:
    fprintf (out, "bin, %" PRIu64 " bytes", field->limit);
    break;
  case PROTOCOL_IDS:
    fprintf (out, "array of at most %" PRIu64 " bins of 16 bytes", field->limit);
    break;
  case PROTOCOL_UINTS:
    fprintf (out, "array of at most %" PRIu64 " integers", field->limit);
    break;
  }
}

void
reference_print_fields (FILE *out)
{
  fputs ("\n| number | field | msgpack type | what it carries |\n|---|---|---|---|\n", out);
  for (unsigned number = 0; number <= PROTOCOL_FIELD_MAX; number++) {
    const protocol_field_t *field = &protocol_fields[number];
    if (field->name == NULL)
      continue;
    fprintf (out, "| %u | `%s` | ", number, field->name);
    print_type (field, out);
    fprintf (out, " | %s |\n", field->meaning);
  }
  fputc ('\n', out);
}

void
reference_print_statuses (FILE *out)
{
  static const char *const bodies[] = {
    [TROUPE_STATUS_VALUE] = "the value",
    [TROUPE_STATUS_ERROR] = "an error",
    [TROUPE_STATUS_CANCELLED] = "an error, `cancelled`",
    [TROUPE_STATUS_DEADLINE] = "an error, `deadline`",
  };
  fputs ("\n| `status` | name | body |\n|---|---|---|\n", out);
  for (int status = TROUPE_STATUS_VALUE; status <= TROUPE_STATUS_DEADLINE; status++)
    fprintf (out, "| %d | %s | %s |\n", status, troupe_status_name ((troupe_status_t)status), bodies[status]);
  fprintf (
    out,
    "\n| bit of `flags` | name | where it stands, and what it means |\n|---|---|---|\n"
    "| %d | stream | `call`, `await`: send me parts. `offer`: somebody reads parts |\n"
    "| %d | wait | `call`: if nobody serves this service, wait for it until the deadline. The same call without it: wait no longer |\n"
    "| %d | actor | `register`: one call of a session at a time, in order, with a memory per session |\n"
    "| %d | volatile | `call`, `offer`, `settle`: nothing of it is stored, and it is lost with its broker; for services "
    "that are no actors. `accepted` comes only when it takes longer than a second, `confirmed` never. `end`: only these |\n"
    "| %d | retryable | `settle`: the error may pass; a nested call that ended so begins anew when it is made again, "
    "unless it may run *once* only |\n"
    "| %d | heard | `settle`: the actor has heard all that was said in its hubs before the call |\n"
    "| %d | observe | `offer`: hear what was said in the actor's hubs, and nothing else. `register`: this actor takes such "
    "offers. Not in `call` |\n"
    "| %d | live | `register`, with *observe*: this actor wants to hear at once what is said, without being called |\n"
    "| %d | more | `call`: others of its group (`fan`) follow |\n"
    "| %d | once | `call`: it runs at most once; when its instance is lost, or the broker that offered it, it fails as "
    "`service_died` instead of running again. Not with *volatile* |\n\n",
    TROUPE_FLAG_STREAM, TROUPE_FLAG_WAIT, TROUPE_FLAG_ACTOR, TROUPE_FLAG_VOLATILE, TROUPE_FLAG_RETRYABLE,
    TROUPE_FLAG_HEARD, TROUPE_FLAG_OBSERVE, TROUPE_FLAG_LIVE, TROUPE_FLAG_MORE, TROUPE_FLAG_ONCE);
}

// libFuzzer's format: name="bytes". A header's beginning for each command, each field's number with the first byte of
// its type, and the bytes that begin msgpack's largest claims.
void
reference_print_dictionary (FILE *out)
{
  static const char *const firsts[] = {
    [PROTOCOL_TEXT] = "\\xA1x",   [PROTOCOL_UINT] = "\\x01",          [PROTOCOL_POSITIVE] = "\\x01",
    [PROTOCOL_ID] = "\\xC4\\x10", [PROTOCOL_IDS] = "\\x91\\xC4\\x10", [PROTOCOL_UINTS] = "\\x91\\x01",
  };
  for (unsigned number = 0; number <= PROTOCOL_COMMAND_MAX; number++)
    if (protocol_command (number) != NULL)
      fprintf (out, "command_%s=\"\\x93\\x%02X\\x%02X\\x8%d\"\n", troupe_command_name (number), TROUPE_PROTOCOL_VERSION,
               number, __builtin_popcountll (protocol_commands[number].required));
  for (unsigned number = 0; number <= PROTOCOL_FIELD_MAX; number++)
    if (protocol_fields[number].name != NULL)
      fprintf (out, "field_%s=\"\\x%02X%s\"\n", protocol_fields[number].name, number,
               firsts[protocol_fields[number].type]);
  fputs ("list_huge=\"\\xDD\\xFF\\xFF\\xFF\\xFF\"\nmap_huge=\"\\xDF\\xFF\\xFF\\xFF\\xFF\"\n"
         "str_huge=\"\\xDB\\xFF\\xFF\\xFF\\xFF\"\nbin_huge=\"\\xC6\\xFF\\xFF\\xFF\\xFF\"\n"
         "float_nan=\"\\xCB\\x7F\\xF8\\x00\\x00\\x00\\x00\\x00\\x00\"\n",
         out);
}
