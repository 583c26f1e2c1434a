// SPDX-License-Identifier: Apache-2.0
//
// The end of a session, as verbs ask for it.
#ifndef CLI_ENDING_H
#define CLI_ENDING_H

#include "cli/client.h"

// Ends the session, and returns when that is done; `ended`: there was such a session. unavailable: no broker said within
// `patience_ms` that it is done; what was begun goes on.
troupe_err_t ending_session (client_t *client, const char *session, int64_t patience_ms, bool *ended,
                             troupe_error_t *error);

#endif
