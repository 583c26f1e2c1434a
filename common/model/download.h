// SPDX-License-Identifier: Apache-2.0
//
// One link, from its address to a data: URL. All on the engine's thread.
#ifndef TROUPE_MODEL_DOWNLOAD_H
#define TROUPE_MODEL_DOWNLOAD_H

#include "model/bytes.h"
#include "model/links.h"
#include "model/part.h"

#include <curl/curl.h>

enum {
  DOWNLOAD_MOST = 32 * 1000 * 1000,  // where the provider names no limit of its own
  DOWNLOAD_TOTAL = 64 * 1000 * 1000, // all that an ask points to: more than any provider takes in a request
  DOWNLOAD_CONNECT_MS = 10 * 1000,   // as for a model's server
  DOWNLOAD_WHOLE_MS = 120 * 1000,    // with redirects and repetitions: what is that slow would keep the model waiting
  DOWNLOAD_SILENT_S = 20,            // without a hundred bytes a second
  DOWNLOAD_REDIRECTS_MAX = 5         // as browsers' users are used to, and no rings
};

typedef struct {
  char *url;            // as the message says it
  char *kind;           // "image"
  char mime[64];        // as the message says it, or the URL's ending; then as it is; "": unknown
  size_t most;          // bytes
  const links_t *links; // what may be fetched
  size_t *total;        // of all downloads of the ask
  void *owner;          // curl's private pointer
  CURL *easy;           // as long as it runs
  unsigned attempts, redirects;
  int64_t until;      // when it must be here, from its first attempt on
  int64_t due;        // when it is to be tried again; 0: it isn't
  bytes_t body, data; // what came; the data: URL once it is whole
  bool may_pass;      // what it failed for
  bool failed;
  troupe_error_t error; // why we broke off, when failed
  char detail[CURL_ERROR_SIZE];
} download_t;

// An attempt begins: a file is there at once (`easy` stays NULL), the rest is curl's.
troupe_err_t download_start (download_t *self, CURLM *multi, int64_t now, troupe_error_t *error);
// curl is done with it: it is whole, or (`easy` is set again) it goes on elsewhere, or an error. permission: nothing
// may be fetched from there. bad_message: it isn't what the model takes. link_unreachable: another time it may be
// there, and with `may_pass` soon; it says how long the server asks to wait.
troupe_err_t download_over (download_t *self, CURLM *multi, CURLcode result, int64_t now, troupe_error_t *error);
void download_stop (download_t *self, CURLM *multi);
// When it is stopped.
void download_clear (download_t *self);

#endif
