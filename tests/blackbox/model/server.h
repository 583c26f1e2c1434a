// SPDX-License-Identifier: Apache-2.0
//
// The independent model server (aimock, of npm), with the replies of fixtures.json, and others.py, which has what aimock
// hasn't; a model of it, and what that is asked. scripts install aimock by `npm ci` in this folder. A test has one server
// and one model at a time.
#ifndef TROUPE_BLACKBOX_MODEL_SERVER_H
#define TROUPE_BLACKBOX_MODEL_SERVER_H

#include "blackbox/harness/place.h"
#include "blackbox/harness/process.h"
#include "unit/model/stand.h"

// What it answers to "hello".
#define SERVER_HELLO "Hello from the server, in several pieces of twenty characters."

// A suite's beginning and end: a place with a server that takes any key, or with the other one.
void server_enter (void);
void server_enter_others (void);
void server_leave (void);
// Starts one that takes these keys only (comma-separated); NULL: any, or none.
void server_start (const char *keys);
void server_stop (void);
int server_port (void);
// How many requests of which the last message holds `text` the server has got.
unsigned server_requests (const char *text);

// The same of the other server, of those to that path.
unsigned server_asked (const char *path);

// -- A model of it ---------------------------------------------------------------------------------------------------

extern stand_t stand;

// `more` is added to its configuration: ", \"retries\": 0".
void server_model (const char *more);
// One of that type; `path` is what its base_url ends with.
void server_model_of (const char *type, const char *path, const char *more);

// Asks it, and waits for the end of that.
ask_t server_ask (const char *text, bool streams);
ask_t server_ask_until (const char *text, bool streams, int64_t deadline);
ask_t server_ask_value (json_t *input, bool streams); // given up
// It failed as that, and says why.
void server_expect_error (const ask_t *ask, troupe_err_t code, const char *why);

#endif
