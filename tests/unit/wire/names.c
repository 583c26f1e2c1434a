// SPDX-License-Identifier: Apache-2.0
//
// Names: of commands, of statuses, of services.

#include "troupe/wire.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

Test (names, every_command_has_its_name)
{
#define TROUPE_COMMAND(number, constant, name, direction, required, optional, body, meaning)                           \
  cr_assert (eq (int, strcmp (troupe_command_name (number), name), 0));
#include "troupe/protocol.def"
#undef TROUPE_COMMAND
  cr_assert (eq (int, strcmp (troupe_command_name (0), "?"), 0));
  cr_assert (eq (int, strcmp (troupe_command_name (127), "?"), 0));
  cr_assert (eq (int, strcmp (troupe_command_name (UINT32_MAX), "?"), 0));
}

Test (names, every_minor_version_is_in_its_place)
{
  unsigned next = 0;
#define TROUPE_MINOR(number, meaning)                                                                                  \
  cr_assert (eq (uint, number, next));                                                                                 \
  next++;
#include "troupe/protocol.def"
#undef TROUPE_MINOR
  cr_assert (eq (uint, next, TROUPE_PROTOCOL_MINOR + 1));
#define TROUPE_SINCE(minor, constant)                                                                                  \
  cr_assert (minor > 0 && minor <= TROUPE_PROTOCOL_MINOR);                                                             \
  cr_assert (eq (uint, troupe_command_minor (TROUPE_CMD_##constant), minor));
#include "troupe/protocol.def"
#undef TROUPE_SINCE
  cr_assert (eq (uint, troupe_command_minor (TROUPE_CMD_CALL), 0));
  cr_assert (eq (uint, troupe_command_minor (UINT32_MAX), 0));
}

Test (names, every_status_has_its_name)
{
  static const char *const expected[] = {"pending", "value", "error", "cancelled", "deadline", "?"};
  for (int status = 0; status < 6; status++)
    cr_assert (eq (int, strcmp (troupe_status_name ((troupe_status_t)status), expected[status]), 0));
}

Test (names, texts_compare_whole)
{
  troupe_text_t text = troupe_text ("agent/alice");
  cr_assert (troupe_text_equal (text, "agent/alice"));
  cr_assert (not(troupe_text_equal (text, "agent/alic")));
  cr_assert (not(troupe_text_equal (text, "agent/alice2")));
  text.size = 5;
  cr_assert (troupe_text_equal (text, "agent"));
}

#define SIXTY_FOUR "0123456789012345678901234567890123456789012345678901234567890123"

Test (names, services)
{
  static const char *const right[] = {"agent/alice", "model/gpt-4o", "tool/web_search",
                                      "a/b",         "a.b/1.0-x",    SIXTY_FOUR "/" SIXTY_FOUR,
                                      "agent/alice#1", "agent/a#x:y/z"};
  static const char *const wrong[] = {"",
                                      "agent",
                                      "agent/",
                                      "/alice",
                                      "agent//alice",
                                      "agent/alice/x",
                                      "agent/ali ce",
                                      "agent/älice",
                                      "agent/-a",
                                      "_a/b",
                                      "a/.b",
                                      SIXTY_FOUR "x/a",
                                      "a/" SIXTY_FOUR "x",
                                      "agent/alice#",
                                      "agent/alice#a b",
                                      "agent/alice#a|b",
                                      "agent/alice#a#b",
                                      "agent/#a",
                                      SIXTY_FOUR "/" SIXTY_FOUR "#" SIXTY_FOUR,
                                      "agent/alice@acme",
                                      "agent/alice\n"};
  for (size_t i = 0; i < sizeof right / sizeof right[0]; i++)
    cr_assert (troupe_service_name_valid (right[i]), "%s", right[i]);
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
    cr_assert (not(troupe_service_name_valid (wrong[i])), "%s", wrong[i]);
}
