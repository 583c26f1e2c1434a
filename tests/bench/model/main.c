// SPDX-License-Identifier: Apache-2.0
//
// How long a streamed piece is on its way: bench-model HOW WHERE STREAMS PIECES PAUSE_MS, where HOW is
//
//   curl     libcurl alone, reading the server at WHERE, which looks for the time in each piece and no more
//   library  troupe/model.h in this process, reading that server
//   mesh     calls of model/bench through the broker at WHERE
//
// All streams run at once. server.mjs writes into each piece when it was sent. Prints a JSON object: how many pieces
// came, how long they were on their way (p50, p99, most, in microseconds), and what this process used. run.py compares.

#include "troupe/model.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

typedef struct {
  const char *how, *where;
  unsigned streams, pieces, pause_ms;
  int64_t *waits; // nanoseconds
  size_t count, capacity;
  unsigned ended, failed;
  troupe_loop_t *loop;
} bench_t;

static bench_t bench;

static int64_t
now_ns (void)
{
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

// Pieces that came together hold a time each.
static void
take (const char *text, size_t size)
{
  int64_t now = now_ns ();
  for (size_t at = 0; at < size && bench.count < bench.capacity;) {
    int64_t sent = 0;
    size_t digits = 0;
    for (; at < size && text[at] >= '0' && text[at] <= '9'; at++, digits++)
      sent = sent * 10 + (text[at] - '0');
    if (digits > 8) // else no time
      bench.waits[bench.count++] = now - sent;
    at++;
  }
}

// -- curl ------------------------------------------------------------------------------------------------------------

static size_t
on_bytes (char *bytes, size_t one, size_t size, void *context)
{
  static const char mark[] = "\"content\":\"";
  (void)one, (void)context;
  for (const char *at = bytes; (at = memmem (at, size - (size_t)(at - bytes), mark, sizeof mark - 1));) {
    at += sizeof mark - 1;
    const char *end = memchr (at, '"', size - (size_t)(at - bytes));
    take (at, end ? (size_t)(end - at) : 0);
  }
  return size;
}

static CURL *
new_easy (const char *url, const char *body, struct curl_slist *headers)
{
  CURL *easy = curl_easy_init ();
  curl_easy_setopt (easy, CURLOPT_URL, url);
  curl_easy_setopt (easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt (easy, CURLOPT_POSTFIELDS, body);
  curl_easy_setopt (easy, CURLOPT_WRITEFUNCTION, on_bytes);
  curl_easy_setopt (easy, CURLOPT_NOSIGNAL, 1L);
  return easy;
}

static void
run_curl (void)
{
  char url[256], body[256];
  int running = 1, left;
  curl_global_init (CURL_GLOBAL_DEFAULT);
  CURLM *multi = curl_multi_init ();
  struct curl_slist *headers = curl_slist_append (NULL, "Content-Type: application/json");
  snprintf (url, sizeof url, "%s/v1/chat/completions", bench.where);
  snprintf (body, sizeof body,
            "{\"model\": \"bench\", \"messages\": [], \"stream\": true, \"pieces\": %u, \"pause\": %u}", bench.pieces,
            bench.pause_ms);
  for (unsigned i = 0; i < bench.streams; i++)
    curl_multi_add_handle (multi, new_easy (url, body, headers));
  while (running) {
    curl_multi_perform (multi, &running);
    for (CURLMsg *message; (message = curl_multi_info_read (multi, &left));) {
      bench.failed += message->data.result != CURLE_OK;
      curl_multi_remove_handle (multi, message->easy_handle);
      curl_easy_cleanup (message->easy_handle);
    }
    if (running)
      curl_multi_poll (multi, NULL, 0, 1000, NULL);
  }
  curl_multi_cleanup (multi);
  curl_slist_free_all (headers);
}

// -- The library -----------------------------------------------------------------------------------------------------

static void
end_one (bool failed)
{
  bench.failed += failed;
  if (++bench.ended == bench.streams)
    troupe_loop_stop (bench.loop);
}

static void
on_text (void *context, const char *text, size_t size)
{
  (void)context;
  take (text, size);
}

static void
on_done (void *context, json_t *message, const troupe_error_t *error)
{
  (void)context;
  if (!message && !bench.failed)
    fprintf (stderr, "%s\n", error->why);
  end_one (!message);
  json_decref (message);
}

static json_t *
input (void)
{
  return json_pack ("{s:[{s:s,s:s}],s:{s:i,s:i}}", "messages", "name", "bench", "content", "Go on.", "options",
                    "pieces", (int)bench.pieces, "pause", (int)bench.pause_ms);
}

static troupe_err_t
run_library (troupe_error_t *error)
{
  troupe_engine_t *engine;
  troupe_model_t *model = NULL;
  troupe_answer_t *answer;
  json_t *ask = input (),
         *config = json_pack ("{s:s,s:o}", "type", "openai_chat", "base_url", json_sprintf ("%s/v1", bench.where));
  troupe_err_t code = troupe_engine_new (&engine, bench.loop, error);
  if (code == TROUPE_OK)
    code = troupe_model_new (&model, engine, &(troupe_model_options_t){.name = "bench", .config = config}, NULL, error);
  for (unsigned i = 0; code == TROUPE_OK && i < bench.streams; i++)
    code = troupe_model_ask (
      model, &answer,
      &(troupe_model_ask_t){.input = ask, .deadline = TROUPE_LOOP_NEVER, .part = on_text, .done = on_done}, error);
  if (code == TROUPE_OK)
    code = troupe_loop_run (bench.loop);
  troupe_model_destroy (&model);
  troupe_engine_destroy (&engine);
  json_decref (config);
  json_decref (ask);
  return code;
}

// -- The mesh --------------------------------------------------------------------------------------------------------

static void
on_part (void *context, troupe_placeholder_t *placeholder, unsigned attempt, const json_t *part)
{
  const json_t *text = json_object_get (part, "text");
  (void)context, (void)placeholder, (void)attempt;
  if (text)
    take (json_string_value (text), json_string_length (text));
}

static void
on_settled (void *context, troupe_placeholder_t *placeholder)
{
  (void)context;
  bool failed = !troupe_placeholder_value (placeholder);
  if (failed && !bench.failed)
    fprintf (stderr, "%s\n", troupe_placeholder_error (placeholder)->why);
  troupe_placeholder_destroy (&placeholder);
  end_one (failed);
}

static troupe_err_t
run_mesh (troupe_error_t *error)
{
  troupe_node_t *node;
  json_t *ask = input ();
  const char *brokers[] = {bench.where, NULL};
  troupe_err_t code =
    troupe_node_new (&node, bench.loop, &(troupe_node_options_t){.name = "bench", .brokers = brokers}, error);
  for (unsigned i = 0; code == TROUPE_OK && i < bench.streams; i++) {
    troupe_placeholder_t *placeholder;
    code = troupe_node_call (node, &placeholder,
                             &(troupe_call_t){.service = "model/bench",
                                              .input = ask,
                                              .wait = true,
                                              .part = on_part,
                                              .deadline_ms = 600 * 1000,
                                              .settled = on_settled},
                             error);
  }
  if (code == TROUPE_OK)
    code = troupe_loop_run (bench.loop);
  troupe_node_destroy (&node);
  json_decref (ask);
  return code;
}

// -- What came of it -------------------------------------------------------------------------------------------------

static int
ascending (const void *one, const void *other)
{
  int64_t a = *(const int64_t *)one, b = *(const int64_t *)other;
  return (a > b) - (a < b);
}

static double
at (double share)
{
  return bench.count ? (double)bench.waits[(size_t)(share * (double)(bench.count - 1))] / 1000 : 0;
}

// KiB at the most. Not what getrusage says: that counts in what this process was before its exec.
static long
peak_memory (void)
{
  char line[256];
  long peak = 0;
  FILE *file = fopen ("/proc/self/status", "r");
  while (file && fgets (line, sizeof line, file))
    if (strncmp (line, "VmHWM:", 6) == 0)
      peak = atol (line + 6);
  if (file)
    fclose (file);
  return peak;
}

static void
report (void)
{
  struct rusage used;
  getrusage (RUSAGE_SELF, &used);
  qsort (bench.waits, bench.count, sizeof *bench.waits, ascending);
  double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
               (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  printf ("{\"pieces\": %zu, \"failed\": %u, \"p50_us\": %.1f, \"p99_us\": %.1f, \"most_us\": %.1f, \"cpu_s\": %.2f, "
          "\"rss_kib\": %ld}\n",
          bench.count, bench.failed, at (0.5), at (0.99), at (1), cpu, peak_memory ());
}

int
main (int argc, char **argv)
{
  if (argc != 6) {
    fprintf (stderr, "usage: bench-model curl|library|mesh WHERE STREAMS PIECES PAUSE_MS\n");
    return 2;
  }
  bench.how = argv[1];
  bench.where = argv[2];
  bench.streams = (unsigned)atoi (argv[3]);
  bench.pieces = (unsigned)atoi (argv[4]);
  bench.pause_ms = (unsigned)atoi (argv[5]);
  bench.capacity = (size_t)bench.streams * bench.pieces;
  bench.waits = calloc (bench.capacity, sizeof *bench.waits);
  struct rlimit files;
  getrlimit (RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit (RLIMIT_NOFILE, &files);
  troupe_error_t error = {0};
  troupe_err_t code = troupe_loop_new (&bench.loop);
  if (strcmp (bench.how, "curl") == 0)
    run_curl ();
  else if (code == TROUPE_OK)
    code = strcmp (bench.how, "mesh") == 0 ? run_mesh (&error) : run_library (&error);
  if (code != TROUPE_OK)
    fprintf (stderr, "%s\n", error.why);
  else
    report ();
  troupe_loop_destroy (&bench.loop);
  free (bench.waits);
  return code != TROUPE_OK || bench.failed > 0;
}
