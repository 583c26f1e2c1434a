// SPDX-License-Identifier: Apache-2.0
//
// A broker whose name is asked for, and whose name server doesn't answer: as when a container is gone, and its name
// with it. The resolver of this process is one that waits, for that name.

#include "blackbox/harness/stage.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <netdb.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#define SILENT "silent.invalid"

static atomic_bool released;
static atomic_uint asked;

typedef int (getaddrinfo_fn) (const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result);

// libzmq's thread comes here instead of to the C library.
int
getaddrinfo (const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
  if (node != NULL && strcmp (node, SILENT) == 0) {
    atomic_fetch_add (&asked, 1);
    while (!atomic_load (&released))
      nanosleep (&(struct timespec){.tv_nsec = 1000000}, NULL);
    return EAI_AGAIN;
  }
  void *next = dlsym (RTLD_NEXT, "getaddrinfo");
  getaddrinfo_fn *real;
  memcpy (&real, &next, sizeof real);
  return real (node, service, hints, result);
}

TestSuite (brokers_names, .init = place_enter, .fini = place_leave);

Test (brokers_names, one_whose_name_is_not_answered_holds_up_nobody)
{
  stage_t stage;
  troupe_error_t error;
  troupe_node_t *node;
  stage_open (&stage, 1, "");
  stage_player (&stage, "w", "tool/x", 4);
  const char *brokers[] = {"tcp://" SILENT ":7100", "ipc://b1.ipc", NULL};
  troupe_node_options_t options = {.name = "test", .brokers = brokers};
  cr_assert_eq (troupe_node_new (&node, stage.loop, &options, &error), TROUPE_OK, "%s", error.why);
  STAGE_UNTIL (&stage, atomic_load (&asked) > 0);
  troupe_placeholder_t *call = stage_call (node, "tool/x", "one", "[]");
  stage_expect_reply (&stage, &call, 1, "w");
  atomic_store (&released, true);
  troupe_node_destroy (&node);
  stage_close (&stage);
}
