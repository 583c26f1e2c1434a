// SPDX-License-Identifier: Apache-2.0
//
// Clients of a health endpoint that lives on the test's own loop, good and bad ones: sockets that don't block, and what
// came of each.
#ifndef TESTS_HEALTH_CLIENT_H
#define TESTS_HEALTH_CLIENT_H

#include "troupe/health.h"

typedef struct {
  troupe_loop_t *loop;
  troupe_health_t *health;
  int port;
  bool ready;       // what its check says
  uint64_t counted; // what its metric says
} stand_t;

// An endpoint on a free port, with a check "work" and a metric troupe_test_total.
void stand_open (stand_t *self);
void stand_close (stand_t *self);

int client_connect (const stand_t *self);
void client_send (int fd, const char *text);
// Turns the loop until the other side has closed the connection; what came before, a new string.
char *client_read (stand_t *self, int fd);
// Whether it has been closed, looking once.
bool client_is_closed (int fd);
// A whole request, answered; a new string.
char *client_ask (stand_t *self, const char *request);
void client_expect (stand_t *self, const char *request, const char *status, const char *body);

#endif
