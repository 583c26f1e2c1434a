// SPDX-License-Identifier: Apache-2.0
//
// Health: where a program says over HTTP whether it lives, whether it can do its work now, and what it has counted.
//
//   GET /healthz   200 "ok": its event loop turns. Nothing else is asked, so that a supervisor doesn't restart a
//                  program for what another one lacks
//   GET /readyz    200 "ready", or 503 and a line for each check that fails: it can do its work now, or why it can't
//   GET /metrics   its metrics (troupe/metric.h), as Prometheus reads them
//
// Everything is answered on the loop's thread from what is known there: a program that hangs doesn't answer, and a
// probe takes that for unhealthy. Anybody who reaches the address may read it: there are no secrets, prompts or users'
// texts in it, and nothing can be changed by it. A client can't hold it up: a connection is served once and closed, has
// 10 s in all, and when 64 are open the eldest is closed for the next one; both are counted.
//
//   troupe_health_new (&health, loop, "127.0.0.1:9464", &error);
//   troupe_health_add_check (health, "store", check_store, broker);
//   troupe_health_add_metrics (health, write_metrics, broker);
//
// Thread rule: the loop's thread only.
#ifndef TROUPE_HEALTH_H
#define TROUPE_HEALTH_H

#include "troupe/loop.h"
#include "troupe/metric.h"

typedef struct troupe_health troupe_health_t;

enum {
  TROUPE_HEALTH_SOURCES_MAX = 8, // checks, and functions that add metrics
  TROUPE_HEALTH_WHY_SIZE = 512,  // of a probe's answer
};

// TROUPE_OK: it can do this part of its work. Else `error` says why not, without secrets.
typedef troupe_err_t (troupe_health_check_fn) (void *context, troupe_error_t *error);
typedef void (troupe_health_metrics_fn) (void *context, troupe_metrics_t *metrics);

// Listens on "host:port": an address or name, or "*" for every address; port 0 takes a free one. bad_argument,
// address_in_use, io, no_memory.
troupe_err_t troupe_health_new (troupe_health_t **out, troupe_loop_t *loop, const char *listen, troupe_error_t *error);
void troupe_health_destroy (troupe_health_t **self_p);
// "http://127.0.0.1:9464", with the port that is in use.
const char *troupe_health_url (const troupe_health_t *self);

// A check has a short name, borrowed. overloaded: more than TROUPE_HEALTH_SOURCES_MAX.
troupe_err_t troupe_health_add_check (troupe_health_t *self, const char *name, troupe_health_check_fn *check,
                                      void *context);
troupe_err_t troupe_health_add_metrics (troupe_health_t *self, troupe_health_metrics_fn *metrics, void *context);

// Asks a program, as container platforms do: TROUPE_OK when `where` answers 200 within `timeout_ms`, else unavailable.
// `where` is an URL (http://host:port[/path], without a path /readyz), or what a program listens on ("*:9464"). `why`
// is what it answered, on one line, or why there is no answer. Blocks.
troupe_err_t troupe_health_probe (const char *where, int timeout_ms, char why[TROUPE_HEALTH_WHY_SIZE]);
// The same as a program: prints that line on standard output and returns the exit status, 0 or 1. `where` NULL: nothing
// is configured, which it says.
int troupe_health_probe_main (const char *where);

#endif
