// SPDX-License-Identifier: Apache-2.0
//
// `troupe probe`, the programs' --probe, and the ports of `troupe up`.

#include "blackbox/health/ward.h"

#include "blackbox/harness/mesh.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>

TestSuite (probe, .init = place_enter, .fini = place_leave, .timeout = 120);

static void
expect (process_t *probe, int status, const char *line)
{
  process_expect_exit (probe, status);
  cr_expect (text_matches (process_output (probe), line), "%s", process_output (probe));
  process_destroy (&probe);
}

// Three ports in a row that nothing listens on.
static int
free_ports (void)
{
  for (;;) {
    int port = place_free_port ();
    if (port < 65000)
      return port;
  }
}

Test (probe, each_process_of_troupe_up_has_a_port_of_its_own)
{
  char yaml[512], listen[32], url[3][64];
  int port = free_ports ();
  snprintf (listen, sizeof listen, "127.0.0.1:%d", port);
  snprintf (yaml, sizeof yaml, "%shealth: { listen: '%s' }\n", mesh_plain, listen);
  for (int i = 0; i < 3; i++)
    snprintf (url[i], sizeof url[i], "http://127.0.0.1:%d/readyz", port + i);
  process_t *up = mesh_up (yaml);
  patient_t broker = {0};
  snprintf (broker.url, sizeof broker.url, "%s", url[0]);
  ward_until (&broker, true, "^ready$"); // its first second is over
  expect (process_run ("troupe", "probe"), 0, "^ready\n$");
  for (int i = 0; i < 3; i++)
    expect (process_run ("troupe", "probe", url[i]), 0, "^ready\n$");
  expect (process_run ("troupe-broker", "--probe"), 0, "^ready\n$");
  snprintf (listen, sizeof listen, "*:%d", port + 2);
  expect (process_run ("troupe-agent", "--name", "alice", "--probe", "--health", listen), 0, "^ready\n$");
  mesh_down (&up);
  expect (process_run ("troupe", "probe", url[0]), 1, "^127.0.0.1:[0-9]+: no connection: Connection refused\n$");
  expect (process_run ("troupe-model", "--name", "talker", "--probe"), 1, "^127.0.0.1:[0-9]+: no connection: Connection refused\n$");
}

Test (probe, says_what_is_wrong)
{
  stage_t stage;
  patient_t broker;
  ward_open (&stage, "");
  ward_start (&broker, "troupe-broker", "b1");
  expect (process_run ("troupe", "probe", broker.url), 1, "^not ready; broker: Redis doesn't answer.*\n$");
  process_signal (broker.process, SIGSTOP); // what hangs is not ready
  expect (process_run ("troupe", "probe", broker.url), 1, "^no answer within 3000 ms\n$");
  process_signal (broker.process, SIGCONT);
  process_t *second = process_run ("troupe-broker", "--health", broker.url + sizeof "http://" - 1);
  process_expect_exit (second, 3);
  cr_expect (text_matches (process_errors (second), "another process listens there"), "%s", process_errors (second));
  process_destroy (&second);
  ward_stop (&broker);
  place_write ("troupe.yaml", "mesh: none\n");
  expect (process_run ("troupe", "probe"), 1, "^no address: give one, or set health.listen");
  place_write ("troupe.yaml", "health: { listen: 9464 }\n");
  process_t *wrong = process_run ("troupe", "probe");
  process_expect_exit (wrong, 3);
  cr_expect (text_matches (process_errors (wrong), "not an address to listen on"), "%s", process_errors (wrong));
  process_destroy (&wrong);
}
