// SPDX-License-Identifier: Apache-2.0
//
// The endpoint: what is answered at each path, and clients that it must bear.

#include "health/server.h"
#include "unit/health/client.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: here\r\n\r\n"

static const char not_found[] = "there are /healthz, /readyz and /metrics\n";

Test (health, lives_and_is_ready_or_says_why_not)
{
  stand_t stand;
  stand_open (&stand);
  client_expect (&stand, GET ("/healthz"), "200", "ok\n");
  client_expect (&stand, GET ("/readyz"), "200", "ready\n");
  stand.ready = false;
  client_expect (&stand, GET ("/healthz"), "200", "ok\n");
  client_expect (&stand, GET ("/readyz"), "503", "not ready\nwork: the test says that it is not (wait)\n");
  stand.ready = true;
  client_expect (&stand, GET ("/readyz?verbose"), "200", "ready\n");
  stand_close (&stand);
}

Test (health, tells_its_metrics)
{
  stand_t stand;
  stand_open (&stand);
  char *page = client_ask (&stand, GET ("/metrics"));
  cr_expect_not_null (strstr (page, "Content-Type: text/plain; version=0.0.4"));
  cr_expect_not_null (strstr (page, "\ntroupe_test_total 7\n"));
  cr_expect_not_null (strstr (page, "\ntroupe_ready{check=\"work\"} 1\n"));
  cr_expect_not_null (strstr (page, "\ntroupe_health_requests_total 1\n"));
  cr_expect_not_null (strstr (page, "\nprocess_resident_memory_bytes "));
  cr_expect_not_null (strstr (page, "\nprocess_start_time_seconds "));
  free (page);
  stand_close (&stand);
}

Test (health, takes_GET_and_HEAD_only)
{
  stand_t stand;
  stand_open (&stand);
  char *head = client_ask (&stand, "HEAD /healthz HTTP/1.1\r\nHost: here\r\n\r\n");
  cr_expect_not_null (strstr (head, "Content-Length: 3\r\n"), "%s", head);
  cr_expect_str_eq (strstr (head, "\r\n\r\n"), "\r\n\r\n");
  free (head);
  char *post = client_ask (&stand, "POST /readyz HTTP/1.1\r\nHost: here\r\nContent-Length: 1000000\r\n\r\nbegin");
  cr_expect_not_null (strstr (post, "405"), "%s", post);
  cr_expect_not_null (strstr (post, "Allow: GET, HEAD\r\n"), "%s", post);
  free (post);
  client_expect (&stand, "DELETE /metrics HTTP/1.1\r\nHost: here\r\n\r\n", "405",
                 "only GET and HEAD are answered here\n");
  client_expect (&stand, GET ("/"), "404", not_found);
  client_expect (&stand, GET ("/readyz/"), "404", not_found);
  client_expect (&stand, GET ("/../etc/passwd"), "404", not_found);
  stand_close (&stand);
}

Test (health, answers_what_is_not_HTTP_by_an_error_or_an_end)
{
  static const char *const requests[] = {"\x16\x03\x01\x02\x05\x01\x01\r\n\r\n", "GET\r\n\r\n",
                                         "\r\n\r\n\r\n\r\nGET\r\n\r\n", "GET /healthz HTTP/9.9\r\n\r\n",
                                         "\n\n\n\n \n\n\n"};
  stand_t stand;
  stand_open (&stand);
  for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
    int fd = client_connect (&stand);
    troupe_loop_turn (stand.loop, 10);
    client_send (fd, requests[i]);
    close (fd);
    client_expect (&stand, GET ("/healthz"), "200", "ok\n");
  }
  char large[12 * 1024];
  memset (large, 'x', sizeof large);
  memcpy (large, "GET /", 5);
  large[sizeof large - 1] = '\0';
  char *answer = client_ask (&stand, large);
  cr_expect (strstr (answer, " 414 ") || strstr (answer, " 431 "), "%s", answer);
  free (answer);
  stand_close (&stand);
}

Test (health, half_a_request_is_no_hindrance_and_ends)
{
  stand_t stand;
  stand_open (&stand);
  int half = client_connect (&stand);
  troupe_loop_turn (stand.loop, 10);
  client_send (half, "GET /readyz HTT");
  client_expect (&stand, GET ("/readyz"), "200", "ready\n");
  char *answer = client_read (&stand, half); // its silence ends it
  free (answer);
  close (half);
  client_expect (&stand, GET ("/readyz"), "200", "ready\n");
  stand_close (&stand);
}

// A byte a second: never silent, and yet it ends.
Test (health, a_client_that_drips_has_its_time)
{
  stand_t stand;
  stand_open (&stand);
  int slow = client_connect (&stand);
  int64_t began = troupe_loop_now (), dripped = 0;
  client_send (slow, "GET /readyz HTTP/1.1\r\nX-Long: ");
  while (!client_is_closed (slow)) {
    int64_t now = troupe_loop_now ();
    cr_assert_lt (now - began, 2 * HEALTH_CONNECTION_MS);
    troupe_loop_turn (stand.loop, 50);
    if (now - dripped > 500 && !client_is_closed (slow)) {
      client_send (slow, "x");
      dripped = now;
    }
  }
  cr_expect_geq (troupe_loop_now () - began, HEALTH_CONNECTION_MS - 100);
  close (slow);
  char *page = client_ask (&stand, GET ("/metrics"));
  cr_expect_not_null (strstr (page, "\ntroupe_health_connections_late_total 1\n"), "%s", page);
  free (page);
  stand_close (&stand);
}

// Somebody who opens connections without end does not keep a probe out.
Test (health, a_thousand_connections_do_not_keep_a_probe_out)
{
  enum { CROWD = 1000 };
  static int crowd[CROWD];
  struct rlimit limit;
  stand_t stand;
  getrlimit (RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  cr_assert_eq (setrlimit (RLIMIT_NOFILE, &limit), 0);
  if (limit.rlim_cur < CROWD + 200)
    cr_skip_test ("this system allows too few open files");
  stand_open (&stand);
  for (size_t i = 0; i < CROWD; i++) {
    crowd[i] = client_connect (&stand);
    if (i % 10 == 0)
      troupe_loop_turn (stand.loop, 0);
  }
  int64_t began = troupe_loop_now ();
  client_expect (&stand, GET ("/readyz"), "200", "ready\n");
  cr_expect_lt (troupe_loop_now () - began, HEALTH_CONNECTION_MS / 2);
  char *page = client_ask (&stand, GET ("/metrics"));
  const char *evicted = strstr (page, "\ntroupe_health_connections_evicted_total ");
  cr_assert_not_null (evicted);
  cr_expect_gt (atoi (strchr (evicted, ' ')), CROWD / 2, "%s", evicted);
  const char *open = strstr (page, "\ntroupe_health_connections ");
  cr_expect_leq (atoi (strchr (open, ' ')), HEALTH_CONNECTIONS_MAX);
  free (page);
  for (size_t i = 0; i < CROWD; i++)
    close (crowd[i]);
  client_expect (&stand, GET ("/readyz"), "200", "ready\n");
  stand_close (&stand);
}

// Ends while connections are open, in the middle of requests.
Test (health, ends_with_clients)
{
  stand_t stand;
  stand_open (&stand);
  int idle = client_connect (&stand), half = client_connect (&stand);
  troupe_loop_turn (stand.loop, 10);
  client_send (half, "GET /met");
  troupe_loop_turn (stand.loop, 10);
  stand_close (&stand);
  cr_expect (client_is_closed (idle));
  cr_expect (client_is_closed (half));
  close (idle);
  close (half);
}

Test (health, refuses_a_wrong_address_and_one_in_use)
{
  static const char *const wrong[] = {
    "", "9464", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1"};
  troupe_loop_t *loop;
  troupe_health_t *one, *two;
  troupe_error_t error;
  cr_assert_eq (troupe_loop_new (&loop), TROUPE_OK);
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    cr_expect_eq (troupe_health_new (&one, loop, wrong[i], &error), TROUPE_BAD_ARGUMENT, "%s", wrong[i]);
  cr_expect_eq (troupe_health_new (&one, loop, "no.such.host.invalid:1", &error), TROUPE_IO);
  cr_assert_eq (troupe_health_new (&one, loop, "*:0", &error), TROUPE_OK, "%s", error.why);
  cr_expect_eq (troupe_health_new (&two, loop, troupe_health_url (one) + strlen ("http://"), &error),
                TROUPE_ADDRESS_IN_USE);
  troupe_health_destroy (&one);
  troupe_loop_destroy (&loop);
}
