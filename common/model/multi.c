// SPDX-License-Identifier: Apache-2.0
//
// libcurl is made ready when the first request needs it, and stays so until the process ends: its global clean-up
// isn't safe beside other users of TLS in the process.

#include "model/multi.h"

#include <pthread.h>
#include <sys/resource.h>

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_ready = CURLE_FAILED_INIT;

static void
start_curl (void)
{
  curl_ready = curl_global_init (CURL_GLOBAL_DEFAULT);
}

// As many connections as asks need a file each; the usual soft limit of 1024 is for programs that use select.
static void
allow_files (void)
{
  struct rlimit limit;
  if (getrlimit (RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit (RLIMIT_NOFILE, &limit); // if not, connections beyond it fail one by one, and say why
  }
}

CURLM *
multi_new (void)
{
  pthread_once (&curl_once, start_curl);
  if (curl_ready != CURLE_OK)
    return NULL;
  allow_files ();
  return curl_multi_init ();
}
