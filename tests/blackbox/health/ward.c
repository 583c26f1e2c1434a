// SPDX-License-Identifier: Apache-2.0

#include "blackbox/health/ward.h"

#include "troupe/health.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

void
ward_open (stage_t *stage, const char *more)
{
  char yaml[8192], folder[PATH_MAX];
  *stage = (stage_t){0};
  cr_assert_not_null (getcwd (folder, sizeof folder));
  snprintf (yaml, sizeof yaml,
            "store: { url: 'unix://%s/redis.sock' }\n"
            "brokers:\n  - { name: b1, endpoint: 'ipc://b1.ipc', publish: 'ipc://b1-pub.ipc' }\n"
            "health: { listen: '127.0.0.1:0' }\nlog: { format: json }\n%s",
            folder, more);
  place_write ("troupe.yaml", yaml);
}

void
ward_start (patient_t *patient, const char *program, const char *name)
{
  patient->process = process_run (program, "--name", name);
  page_url_of (patient->process, patient->url);
}

void
ward_stop (patient_t *patient)
{
  process_signal (patient->process, SIGTERM);
  process_expect_exit (patient->process, 0);
  process_destroy (&patient->process);
}

void
ward_until (const patient_t *patient, bool ready, const char *why)
{
  char said[TROUPE_HEALTH_WHY_SIZE];
  int64_t end = troupe_loop_now () + WARD_READY_MS;
  for (;;) {
    bool is = troupe_health_probe (patient->url, WARD_READY_MS, said) == TROUPE_OK;
    if (is == ready && text_matches (said, why))
      return;
    process_read_all ();
    if (troupe_loop_now () > end)
      process_print_all ();
    cr_assert_leq (troupe_loop_now (), end, "wanted: %s; it says: %s", why, said);
    poll (NULL, 0, 20); // between two questions
  }
}
