// SPDX-License-Identifier: Apache-2.0
//
// What a turn hears of its actor's hubs (troupe/agent.h): the messages among it, but for those that the actor knows.
#ifndef TROUPE_AGENT_NEWS_H
#define TROUPE_AGENT_NEWS_H

#include "troupe/agent.h"

// Whether the message with this id is known already.
typedef bool (news_knows_fn) (const void *context, const char *id, size_t size);

// Takes `*heard_p`, also when it fails. no_memory.
troupe_err_t news_new (troupe_news_t **out, troupe_heard_t **heard_p, news_knows_fn *knows, const void *context);
void news_destroy (troupe_news_t **self_p);

#endif
