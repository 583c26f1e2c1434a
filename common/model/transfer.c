// SPDX-License-Identifier: Apache-2.0
//
// One attempt over HTTP. Whether a reply is a stream of events or one JSON text is told by what the server sends, not
// by what we asked for: some ignore `stream`, and an error comes as JSON in any case. What arrives is bounded
// (TRANSFER_REPLY_MAX, and SSE_LINE_MAX for an event), so a server can't fill our memory.
//
// A stream is whole once the provider saw its end or a finish reason. If the connection breaks before, the reply is
// cut, whether curl calls it an error or (a reply without a length that is just closed) a success. After it, the
// reply counts, whatever becomes of the connection.
//
// Redirects aren't followed: they would carry the key to another host. Certificates are verified, as is curl's
// default; proxies come from the environment, as with curl's program.

#include "model/transfer.h"
#include "model/failure.h"
#include "model/retry.h"
#include "model/stream.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef enum { BODY_UNKNOWN, BODY_WHOLE, BODY_STREAM, BODY_ERROR } body_t;

struct transfer {
  troupe_answer_t *answer;
  CURL *easy;
  transfer_news_fn *news;
  body_t kind;
  stream_t stream;
  bytes_t body;
  size_t received;
  curl_off_t sent;
  int64_t heard; // when a byte last moved
  bool failed;
  troupe_error_t error; // why we broke off, when failed
  char detail[CURL_ERROR_SIZE];
};

static long
status_of (const transfer_t *self)
{
  long status = 0;
  curl_easy_getinfo (self->easy, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

static body_t
kind_of (const transfer_t *self, const char *bytes, size_t size)
{
  const char *type = NULL;
  curl_easy_getinfo (self->easy, CURLINFO_CONTENT_TYPE, &type);
  if (status_of (self) / 100 != 2)
    return BODY_ERROR;
  if (!self->answer->model->provider->event)
    return BODY_WHOLE;
  if (self->answer->model->provider->lines)
    return self->answer->streamed ? BODY_STREAM : BODY_WHOLE;
  if (type && strncasecmp (type, "text/event-stream", 17) == 0)
    return BODY_STREAM;
  if (type && strncasecmp (type, "text/plain", 10) != 0)
    return BODY_WHOLE;
  size_t i = 0;
  while (i < size && strchr (" \t\r\n", bytes[i]) && bytes[i])
    i++;
  return i < size && bytes[i] == '{' ? BODY_WHOLE : BODY_STREAM;
}

static troupe_err_t
no_memory (const transfer_t *self, troupe_error_t *error)
{
  return troupe_error_set (error, TROUPE_NO_MEMORY, self->answer->model->object, NULL, "no memory for a reply");
}

static troupe_err_t
take_bytes (transfer_t *self, const char *bytes, size_t size)
{
  self->received += size;
  if (self->received > TRANSFER_REPLY_MAX)
    return troupe_error_set (&self->error, TROUPE_TOO_LARGE, self->answer->model->object, NULL,
                             "%s sends a reply of more than %d MiB", self->answer->model->shown_url,
                             TRANSFER_REPLY_MAX >> 20);
  if (self->kind == BODY_UNKNOWN)
    self->kind = kind_of (self, bytes, size);
  if (self->kind == BODY_STREAM)
    return stream_feed (&self->stream, bytes, size, &self->error);
  if (self->kind == BODY_ERROR && self->body.size + size > FAILURE_BODY_MAX)
    size = FAILURE_BODY_MAX - self->body.size;
  return bytes_add (&self->body, bytes, size) ? TROUPE_OK : no_memory (self, &self->error);
}

static size_t
on_body (char *bytes, size_t one, size_t size, void *context)
{
  (void)one;
  transfer_t *self = context;
  self->heard = troupe_loop_now ();
  self->failed = take_bytes (self, bytes, size) != TROUPE_OK;
  self->news (self->answer);
  return self->failed ? CURL_WRITEFUNC_ERROR : size;
}

static const char *
url_of (const troupe_answer_t *answer)
{
  return answer->streamed && answer->model->stream_url ? answer->model->stream_url : answer->model->url;
}

// A request that asks about a task, instead of one that begins it.
static bool
set_task (const transfer_t *self)
{
  static const char mark[] = "TASK_ID";
  const troupe_answer_t *answer = self->answer;
  if (!answer->task[0])
    return true;
  bytes_t url = {0};
  const char *at = strstr (answer->model->task_url, mark);
  bool set = at && bytes_add (&url, answer->model->task_url, (size_t)(at - answer->model->task_url)) &&
             bytes_add_text (&url, answer->task) && bytes_add_text (&url, at + sizeof mark - 1) &&
             curl_easy_setopt (self->easy, CURLOPT_URL, url.data) == CURLE_OK &&
             curl_easy_setopt (self->easy, CURLOPT_HTTPGET, 1L) == CURLE_OK;
  bytes_clear (&url);
  return set;
}

static bool
set_options (transfer_t *self)
{
  const troupe_answer_t *answer = self->answer;
  CURL *easy = self->easy;
  return curl_easy_setopt (easy, CURLOPT_URL, url_of (answer)) == CURLE_OK &&
         curl_easy_setopt (easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
         curl_easy_setopt (easy, CURLOPT_HTTPHEADER, answer->model->headers) == CURLE_OK &&
         curl_easy_setopt (easy, CURLOPT_USERAGENT, "troupe/" TROUPE_VERSION) == CURLE_OK &&
         curl_easy_setopt (easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)answer->body.size) == CURLE_OK &&
         curl_easy_setopt (easy, CURLOPT_POSTFIELDS, bytes_text (&answer->body)) == CURLE_OK &&
         curl_easy_setopt (easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
         curl_easy_setopt (easy, CURLOPT_WRITEDATA, self) == CURLE_OK &&
         curl_easy_setopt (easy, CURLOPT_ERRORBUFFER, self->detail) == CURLE_OK &&
         curl_easy_setopt (easy, CURLOPT_PRIVATE, answer) == CURLE_OK &&
         curl_easy_setopt (easy, CURLOPT_CONNECTTIMEOUT_MS, (long)TRANSFER_CONNECT_MS) == CURLE_OK &&
         curl_easy_setopt (easy, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK &&
         curl_easy_setopt (easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK && set_task (self);
}

static void
transfer_free (transfer_t *self)
{
  curl_easy_cleanup (self->easy);
  stream_clear (&self->stream);
  bytes_clear (&self->body);
  free (self);
}

troupe_err_t
transfer_start (troupe_answer_t *answer, CURLM *multi, int64_t now, transfer_news_fn *news, troupe_error_t *error)
{
  transfer_t *self = calloc (1, sizeof *self);
  if (!self)
    return troupe_error_set (error, TROUPE_NO_MEMORY, answer->model->object, NULL, "no memory for a request");
  self->answer = answer;
  self->stream = (stream_t){.model = answer->model, .reply = &answer->reply};
  self->news = news;
  self->heard = now;
  self->easy = curl_easy_init ();
  if (!self->easy || !set_options (self) || curl_multi_add_handle (multi, self->easy) != CURLM_OK) {
    transfer_free (self);
    return troupe_error_set (error, TROUPE_NO_MEMORY, answer->model->object, NULL, "no memory for a request");
  }
  answer->transfer = self;
  return TROUPE_OK;
}

void
transfer_stop (troupe_answer_t *answer, CURLM *multi)
{
  if (!answer->transfer)
    return;
  curl_multi_remove_handle (multi, answer->transfer->easy);
  transfer_free (answer->transfer);
  answer->transfer = NULL;
}

static const char *
header (const transfer_t *self, const char *name)
{
  struct curl_header *found;
  return curl_easy_header (self->easy, name, 0, CURLH_HEADER, -1, &found) == CURLHE_OK ? found->value : NULL;
}

static const char *
any_header (const void *self, const char *name)
{
  return header (self, name);
}

// What is left, as the server says it, and in the reply what is known now.
static void
take_quota (const transfer_t *self)
{
  quota_t *quota = &self->answer->model->quota;
  quota_read (quota, any_header, self, troupe_loop_now (), time (NULL));
  self->answer->reply.requests_left = quota->requests.left;
  self->answer->reply.tokens_left = quota->tokens.left;
}

static troupe_err_t
cut (const transfer_t *self, CURLcode result, troupe_error_t *error)
{
  const char *detail = self->detail[0] || result != CURLE_OK ? self->detail : "the stream ends before the reply does";
  return failure_of_curl (self->answer->model, result, detail, self->received > 0, error);
}

static troupe_err_t
end_of_events (transfer_t *self, CURLcode result, troupe_error_t *error)
{
  if (result == CURLE_OK && !reply_whole (&self->answer->reply)) {
    troupe_error_t cause; // what is left may be half an event: then the stream was cut
    if (stream_end (&self->stream, &cause) == TROUPE_NO_MEMORY)
      return no_memory (self, error);
  }
  return reply_whole (&self->answer->reply) ? TROUPE_OK : cut (self, result, error);
}

troupe_err_t
transfer_outcome (troupe_answer_t *answer, CURLcode result, bool *may_pass, troupe_error_t *error)
{
  transfer_t *self = answer->transfer;
  const troupe_model_t *model = answer->model;
  long status = status_of (self);
  *may_pass = failure_may_pass (result);
  take_quota (self);
  if (self->failed) {
    *error = self->error;
    return self->error.code;
  }
  if (status >= 300)
    return failure_of_status (model, status, bytes_text (&self->body), self->body.size, retry_asked (self->easy), error);
  if (self->kind == BODY_STREAM)
    return end_of_events (self, result, error);
  if (result != CURLE_OK)
    return failure_of_curl (model, result, self->detail, self->received > 0, error);
  return model->provider->read (model, bytes_text (&self->body), self->body.size, &answer->reply, error);
}

int64_t
transfer_patience (troupe_answer_t *answer, int64_t now)
{
  transfer_t *self = answer->transfer;
  curl_off_t sent = 0;
  curl_easy_getinfo (self->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
  if (sent != self->sent)
    self->heard = now;
  self->sent = sent;
  int64_t patience = answer->model->timeout_ms;
  if (answer->reply.ended && patience > TRANSFER_LINGER_MS)
    patience = TRANSFER_LINGER_MS;
  return self->heard + patience;
}

troupe_err_t
transfer_silent (troupe_answer_t *answer, troupe_error_t *error)
{
  if (answer->transfer->kind == BODY_STREAM && reply_whole (&answer->reply))
    return TROUPE_OK;
  return troupe_error_set (error, TROUPE_MODEL_UNREACHABLE, answer->model->object,
                           "if it is only slow, raise timeout of the model", "%s says nothing for %.3g s",
                           answer->model->shown_url, (double)answer->model->timeout_ms / 1000);
}
