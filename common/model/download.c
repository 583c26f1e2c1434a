// SPDX-License-Identifier: Apache-2.0
//
// Links come from whoever may send a message, so a download trusts nobody. An address is judged when curl is about to
// connect to it, which no name can evade; each download has a connection of its own, because one that is kept might
// lead, unjudged, to a server that is trusted for other reasons; redirects are followed by hand for the same reason, to
// http and https only. No proxy is used, since it would do the connecting. No key, no cookie goes along. The size is
// bounded while bytes come, and the type is looked at before them: a page that asks for a password is no image.

#include "model/download.h"
#include "model/base64.h"
#include "model/failure.h"
#include "model/file_link.h"
#include "model/retry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

static troupe_err_t
no_memory (troupe_error_t *error)
{
  return troupe_error_set (error, TROUPE_NO_MEMORY, NULL, NULL, "no memory for a link's content");
}

static troupe_err_t
refuse (const download_t *self, troupe_error_t *error, troupe_err_t code, const char *what)
{
  return troupe_error_set (error, code, NULL, NULL, "%.200s: %s", self->url, what);
}

// -- What it is ------------------------------------------------------------------------------------------------------

// "image/png; q=1" without what follows; "" when it says nothing, or nothing that can be told on.
static void
take_type (char out[64], const char *type)
{
  static const char *const vague[] = {"application/octet-stream", "binary/octet-stream"};
  size_t size = type ? strcspn (type, "; \t\r\n") : 0;
  out[0] = 0;
  if (size == 0 || size >= 64 ||
      strspn (type, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$&^_.+-/") < size)
    return;
  memcpy (out, type, size);
  out[size] = 0;
  for (size_t i = 0; i < sizeof vague / sizeof *vague; i++)
    if (strcasecmp (out, vague[i]) == 0)
      out[0] = 0;
}

static bool
is_of_kind (const download_t *self, const char *type)
{
  size_t size = strlen (self->kind);
  if (strcmp (self->kind, "file") == 0) // of any type, but a page in place of a document is a mistake
    return strcasecmp (type, "text/html") != 0 || strcasecmp (self->mime, "text/html") == 0;
  return strncasecmp (type, self->kind, size) == 0 && type[size] == '/';
}

// Its type, as the server says it, else as the message does.
static troupe_err_t
check_type (download_t *self, const char *said, troupe_error_t *error)
{
  char type[64], why[160];
  take_type (type, said);
  if (!type[0])
    strcpy (type, self->mime);
  if (!type[0] && strcmp (self->kind, "file") == 0)
    strcpy (type, "application/octet-stream");
  if (!type[0]) {
    snprintf (why, sizeof why, "nothing says whether it is of the type %s; say it as the block's mime", self->kind);
    return refuse (self, error, TROUPE_BAD_MESSAGE, why);
  }
  if (!is_of_kind (self, type)) {
    snprintf (why, sizeof why, "what is there is %s, not of the type %s", type, self->kind);
    return refuse (self, error, TROUPE_BAD_MESSAGE, why);
  }
  strcpy (self->mime, type);
  return TROUPE_OK;
}

static troupe_err_t
check_size (const download_t *self, size_t size, troupe_error_t *error)
{
  char why[128];
  if (size <= self->most && *self->total <= DOWNLOAD_TOTAL)
    return TROUPE_OK;
  if (size > self->most)
    snprintf (why, sizeof why, "more than %zu bytes, which is the most of the type %s", self->most, self->kind);
  else
    snprintf (why, sizeof why, "with it, what the ask points to is more than %d bytes", DOWNLOAD_TOTAL);
  return refuse (self, error, TROUPE_BAD_MESSAGE, why);
}

static troupe_err_t
make_data (download_t *self, troupe_error_t *error)
{
  if (self->body.size == 0)
    return refuse (self, error, TROUPE_BAD_MESSAGE, "what is there is empty");
  bool made = bytes_add_text (&self->data, "data:") && bytes_add_text (&self->data, self->mime) &&
              bytes_add_text (&self->data, ";base64,") && base64_encode (&self->data, self->body.data, self->body.size);
  bytes_clear (&self->body);
  return made ? TROUPE_OK : no_memory (error);
}

// -- curl's callbacks ------------------------------------------------------------------------------------------------

static curl_socket_t
on_open (void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
  (void)purpose;
  download_t *self = context;
  if (links_allow (self->links, &address->addr))
    return socket (address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (!self->failed)
    troupe_error_set (&self->error, TROUPE_PERMISSION, NULL, "allow its network by private_networks of the model",
                      "%.200s: it is at an address that isn't public, and nothing is fetched from there", self->url);
  self->failed = true;
  return CURL_SOCKET_BAD;
}

static long
status_of (const download_t *self)
{
  long status = 0;
  curl_easy_getinfo (self->easy, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

static troupe_err_t
take_bytes (download_t *self, const char *bytes, size_t size)
{
  const char *type = NULL;
  if (status_of (self) / 100 != 2)
    return TROUPE_OK; // an explanation that nobody reads
  curl_easy_getinfo (self->easy, CURLINFO_CONTENT_TYPE, &type);
  troupe_err_t code = self->body.size ? TROUPE_OK : check_type (self, type, &self->error);
  *self->total += size;
  if (code == TROUPE_OK)
    code = check_size (self, self->body.size + size, &self->error);
  if (code == TROUPE_OK && !bytes_add (&self->body, bytes, size))
    code = no_memory (&self->error);
  return code;
}

static size_t
on_body (char *bytes, size_t one, size_t size, void *context)
{
  (void)one;
  download_t *self = context;
  self->failed = take_bytes (self, bytes, size) != TROUPE_OK;
  return self->failed ? CURL_WRITEFUNC_ERROR : size;
}

// -- From beginning to end -------------------------------------------------------------------------------------------

static bool
set_options (download_t *self, const char *url, int64_t now)
{
  CURL *easy = self->easy;
  return curl_easy_setopt (easy, CURLOPT_URL, url) == CURLE_OK &&
         curl_easy_setopt (easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
         curl_easy_setopt (easy, CURLOPT_PROXY, "") == CURLE_OK &&
         curl_easy_setopt (easy, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK &&
         curl_easy_setopt (easy, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK &&
         curl_easy_setopt (easy, CURLOPT_OPENSOCKETFUNCTION, on_open) == CURLE_OK &&
         curl_easy_setopt (easy, CURLOPT_OPENSOCKETDATA, self) == CURLE_OK &&
         curl_easy_setopt (easy, CURLOPT_USERAGENT, "troupe/" TROUPE_VERSION) == CURLE_OK &&
         curl_easy_setopt (easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
         curl_easy_setopt (easy, CURLOPT_WRITEDATA, self) == CURLE_OK &&
         curl_easy_setopt (easy, CURLOPT_ERRORBUFFER, self->detail) == CURLE_OK &&
         curl_easy_setopt (easy, CURLOPT_PRIVATE, self->owner) == CURLE_OK &&
         curl_easy_setopt (easy, CURLOPT_CONNECTTIMEOUT_MS, (long)DOWNLOAD_CONNECT_MS) == CURLE_OK &&
         curl_easy_setopt (easy, CURLOPT_TIMEOUT_MS, (long)(self->until > now ? self->until - now : 1)) == CURLE_OK &&
         curl_easy_setopt (easy, CURLOPT_LOW_SPEED_LIMIT, 100L) == CURLE_OK &&
         curl_easy_setopt (easy, CURLOPT_LOW_SPEED_TIME, (long)DOWNLOAD_SILENT_S) == CURLE_OK &&
         curl_easy_setopt (easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
}

static troupe_err_t
start (download_t *self, CURLM *multi, const char *url, int64_t now, troupe_error_t *error)
{
  self->detail[0] = 0;
  self->easy = curl_easy_init ();
  if (self->easy && set_options (self, url, now) && curl_multi_add_handle (multi, self->easy) == CURLM_OK)
    return TROUPE_OK;
  curl_easy_cleanup (self->easy);
  self->easy = NULL;
  return no_memory (error);
}

static troupe_err_t
read_file (download_t *self, troupe_error_t *error)
{
  troupe_err_t code = file_link_read (self->links->files, self->url, self->most, &self->body, error);
  *self->total += self->body.size;
  if (code == TROUPE_OK)
    code = check_size (self, self->body.size, error);
  if (code == TROUPE_OK)
    code = check_type (self, NULL, error);
  return code == TROUPE_OK ? make_data (self, error) : code;
}

// What came of an attempt before doesn't count.
troupe_err_t
download_start (download_t *self, CURLM *multi, int64_t now, troupe_error_t *error)
{
  if (self->attempts++ == 0)
    self->until = now + DOWNLOAD_WHOLE_MS;
  *self->total -= self->body.size;
  bytes_reset (&self->body);
  self->redirects = 0;
  self->due = 0;
  self->may_pass = false;
  return strncasecmp (self->url, "file:", 5) == 0 ? read_file (self, error)
                                                  : start (self, multi, self->url, now, error);
}

static troupe_err_t
redirect (download_t *self, CURLM *multi, int64_t now, troupe_error_t *error)
{
  char *there = NULL, *url;
  curl_easy_getinfo (self->easy, CURLINFO_REDIRECT_URL, &there);
  if (!there || ++self->redirects > DOWNLOAD_REDIRECTS_MAX)
    return refuse (self, error, TROUPE_BAD_MESSAGE, there ? "it leads on too often" : "it leads nowhere");
  url = strdup (there);
  download_stop (self, multi);
  bytes_reset (&self->body);
  troupe_err_t code = url ? start (self, multi, url, now, error) : no_memory (error);
  free (url);
  return code;
}

static troupe_err_t
of_status (download_t *self, long status, troupe_error_t *error)
{
  char why[48];
  self->may_pass = status >= 500 || status == 408 || status == 425 || status == 429;
  snprintf (why, sizeof why, "it can't be fetched: HTTP %ld", status);
  refuse (self, error, self->may_pass ? TROUPE_LINK_UNREACHABLE : TROUPE_BAD_MESSAGE, why);
  error->retry_after_ms = self->may_pass ? retry_asked (self->easy) : 0;
  return error->code;
}

static troupe_err_t
of_curl (download_t *self, CURLcode result, troupe_error_t *error)
{
  char why[256];
  bool wrong = result == CURLE_URL_MALFORMAT || result == CURLE_UNSUPPORTED_PROTOCOL;
  if (result == CURLE_OUT_OF_MEMORY)
    return no_memory (error);
  self->may_pass = failure_may_pass (result);
  snprintf (why, sizeof why, "it can't be fetched: %.200s",
            self->detail[0] ? self->detail : curl_easy_strerror (result));
  return refuse (self, error, wrong ? TROUPE_BAD_MESSAGE : TROUPE_LINK_UNREACHABLE, why);
}

troupe_err_t
download_over (download_t *self, CURLM *multi, CURLcode result, int64_t now, troupe_error_t *error)
{
  long status = status_of (self);
  if (self->failed) {
    *error = self->error;
    return error->code;
  }
  if (result != CURLE_OK)
    return of_curl (self, result, error);
  if (status / 100 == 3)
    return redirect (self, multi, now, error);
  if (status / 100 != 2)
    return of_status (self, status, error);
  download_stop (self, multi);
  return make_data (self, error);
}

void
download_stop (download_t *self, CURLM *multi)
{
  if (!self->easy)
    return;
  curl_multi_remove_handle (multi, self->easy);
  curl_easy_cleanup (self->easy);
  self->easy = NULL;
}

void
download_clear (download_t *self)
{
  free (self->url);
  free (self->kind);
  bytes_clear (&self->body);
  bytes_clear (&self->data);
}
