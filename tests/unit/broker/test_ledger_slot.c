// SPDX-License-Identifier: Apache-2.0
//
// Test vectors of the slot, for other languages as well: the first is the check value of CRC-16/XMODEM (0x31c3).
#include "broker/ledger.h"

#include <criterion/criterion.h>

Test (ledger_slot, vectors)
{
  static const struct {
    const char *session;
    unsigned slot;
  } vectors[] = {
    {"123456789", 0x31c3 % 64},
    {"", 0},
    {"foo", 12182 % 64}, // CLUSTER KEYSLOT foo
    {"01890a5d-ac96-774b-bcce-b302099a8057", 62},
  };
  for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
    cr_expect_eq (ledger_slot (vectors[i].session), vectors[i].slot, "%s: %u", vectors[i].session,
                  ledger_slot (vectors[i].session));
}

Test (ledger_slot, every_slot_is_used)
{
  unsigned used[LEDGER_SLOTS] = {0};
  char session[24];
  for (int i = 0; i < 64 * 100; i++) {
    snprintf (session, sizeof session, "session-%d", i);
    unsigned slot = ledger_slot (session);
    cr_assert_lt (slot, LEDGER_SLOTS);
    used[slot]++;
  }
  for (int i = 0; i < LEDGER_SLOTS; i++)
    cr_expect (used[i] > 50 && used[i] < 150, "slot %d: %u", i, used[i]);
}
