// SPDX-License-Identifier: Apache-2.0
//
// What every model that is reached over HTTP needs before its first ask: addresses, headers, the key.
#ifndef TROUPE_MODEL_HTTP_H
#define TROUPE_MODEL_HTTP_H

#include "model/provider.h"

// Sets model_name, url, stream_url, shown_url, headers and secrets from the configuration and the tables. bad_config,
// no_memory.
troupe_err_t http_open (troupe_model_t *model, troupe_error_t *error);

// Adds a header of that name; `key` is what the configuration calls it, for errors.
troupe_err_t http_add_header (troupe_model_t *model, const char *key, const char *name, const char *value,
                              troupe_error_t *error);
// Gives a header that was added already another value.
troupe_err_t http_replace_header (troupe_model_t *model, const char *name, const char *value, troupe_error_t *error);
// Sets the path after base_url anew, with a query or without (NULL), for a provider whose addresses depend on more than
// the model's name.
troupe_err_t http_set_path (troupe_model_t *model, const char *path, const char *query, troupe_error_t *error);

// Azure has two forms of addresses: those of its v1 API, which are OpenAI's, and older ones by deployment, which go
// with an api-version. Sets the second where `api_version` is configured; nothing otherwise.
troupe_err_t http_open_azure (troupe_model_t *model, troupe_error_t *error);

troupe_err_t http_bad_config (const troupe_model_t *model, const char *key, const char *why, troupe_error_t *error);

#endif
