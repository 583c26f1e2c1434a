// SPDX-License-Identifier: Apache-2.0
//
// libcurl's transfers, and how a thread waits for their sockets. Used on one thread, but for multi_wake.
#ifndef TROUPE_MODEL_MULTI_H
#define TROUPE_MODEL_MULTI_H

#include <curl/curl.h>
#include <stdint.h>

typedef struct multi multi_t;

// NULL: libcurl or the operating system lacks something.
multi_t *multi_new (void);
// Every handle must have been removed.
void multi_destroy (multi_t **self_p);
// What handles are added to.
CURLM *multi_curl (multi_t *self);

// Waits until a socket is ready, libcurl's next timer is due, multi_wake was called or the time is over; then lets
// libcurl do what it can. Ended transfers are told by curl_multi_info_read.
void multi_wait (multi_t *self, int64_t timeout_ms);
// Any thread: ends the wait.
void multi_wake (multi_t *self);

#endif
