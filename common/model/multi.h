// SPDX-License-Identifier: Apache-2.0
//
// The first use of libcurl in a process.
#ifndef TROUPE_MODEL_MULTI_H
#define TROUPE_MODEL_MULTI_H

#include <curl/curl.h>

// A new multi handle, after libcurl was made ready for the process; NULL: it doesn't start.
CURLM *multi_new (void);

#endif
