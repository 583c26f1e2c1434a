// SPDX-License-Identifier: Apache-2.0
//
// Redis, asked by the checker itself: what a mesh has stored is read apart from what its brokers say of it.
#ifndef CLI_BENCH_CHAOS_STORE_H
#define CLI_BENCH_CHAOS_STORE_H

#include "troupe/store.h"

#include <hiredis/hiredis.h>

typedef struct {
  troupe_loop_t *loop;
  troupe_store_t *store;
  troupe_store_reply_fn *take; // of the command that is under way
  void *context;
  bool waiting, lost;
  char why[128]; // Redis's words, when it answers by an error
} chaos_store_t;

troupe_err_t chaos_store_open (chaos_store_t *self, troupe_loop_t *loop, const char *url, troupe_error_t *error);
void chaos_store_close (chaos_store_t *self);
// One command, from words; `take` gets its reply before this returns, which is when that is there. store_unavailable.
troupe_err_t chaos_store_ask (chaos_store_t *self, troupe_store_reply_fn *take, void *context, int argc,
                              const char *const *argv, troupe_error_t *error);
// Of a command that is answered by a number.
troupe_err_t chaos_store_number (chaos_store_t *self, int64_t *out, int argc, const char *const *argv,
                                 troupe_error_t *error);
// A list, item by item: `take (context, data, size)`. not_found is no error: there is nothing to take.
typedef void (chaos_store_item_fn) (void *context, const char *data, size_t size);
troupe_err_t chaos_store_list (chaos_store_t *self, const char *key, chaos_store_item_fn *take, void *context,
                               troupe_error_t *error);
// "troupe:{07}:<kind>:<session>|<service>"
void chaos_store_key (char *out, size_t size, const char *kind, const char *session, const char *service);

#endif
