// SPDX-License-Identifier: Apache-2.0
//
// A server whose certificate nobody vouches for gets neither the key nor the prompt.

#include "blackbox/harness/place.h"
#include "blackbox/harness/process.h"
#include "unit/model/stand.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite (tls, .init = place_enter, .fini = place_leave);

static const char openssl[] = "/usr/bin/openssl"; // ca-certificates brings it

static void
make_certificate (void)
{
  process_t *make = process_run (openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                                 "-nodes", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
                                 "-keyout", "key.pem", "-out", "certificate.pem");
  process_expect_exit (make, 0);
  process_destroy (&make);
}

Test (tls, refuses_a_certificate_that_nobody_vouches_for)
{
  char address[32], config[256];
  stand_t stand;
  ask_t one = {0};
  make_certificate ();
  snprintf (address, sizeof address, "127.0.0.1:%d", place_free_port ());
  process_t *server =
    process_run (openssl, "s_server", "-accept", address, "-cert", "certificate.pem", "-key", "key.pem", "-www");
  process_expect (server, "ACCEPT");
  snprintf (config, sizeof config,
            "{\"type\": \"openai_chat\", \"base_url\": \"https://%s/v1\", \"api_key\": \"sk-stays-here\"}", address);
  stand_start (&stand, config);
  stand_ask (&stand, &one, "a secret prompt", true, TROUPE_LOOP_NEVER);
  stand_run (&stand);
  cr_assert_eq (one.error.code, TROUPE_MODEL_UNREACHABLE);
  cr_assert (strstr (one.error.why, "certificate"), "%s", one.error.why);
  cr_assert (strstr (one.error.next, "certificates of this machine"), "%s", one.error.next);
  stand_stop (&stand);
  process_destroy (&server);
}
