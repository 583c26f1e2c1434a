// SPDX-License-Identifier: Apache-2.0
//
// Which slot a session belongs to: the checksum that Redis Cluster uses for its own slots (CRC-16 of XMODEM:
// polynomial 0x1021, begins with 0), so that other languages find it in every Redis client. Bit by bit: a session's
// name is short, and it is computed once a request.

#include "broker/ledger.h"

unsigned
ledger_slot (const char *session)
{
  unsigned crc = 0;
  for (const char *at = session; *at != '\0'; at++) {
    crc ^= (unsigned)(unsigned char)*at << 8;
    for (int bit = 0; bit < 8; bit++)
      crc = (crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1) & 0xffff;
  }
  return crc % LEDGER_SLOTS;
}
