// SPDX-License-Identifier: Apache-2.0
//
// What a health endpoint answers, read as its users read it.
#ifndef BLACKBOX_HEALTH_PAGE_H
#define BLACKBOX_HEALTH_PAGE_H

#include "blackbox/harness/process.h"

enum { PAGE_URL_SIZE = 128 };

// The address that a process tells in its log; waits for it.
void page_url_of (process_t *process, char url[PAGE_URL_SIZE]);
// What GET of a path there answers, its headers cut off; a new string. It must answer 200.
char *page_get (const char *url, const char *path);
// The value of a metric's only (or first) sample that begins with `sample`, such as "troupe_broker_calls_running " or
// "troupe_ready{check=\"mesh\"} "; it must be there.
double page_value (const char *url, const char *sample);
// Fails the test with every line of a page of metrics that breaks Prometheus's rules, or ours: each metric has a help
// of whole sentences and a type, and stands in one place; counters end with _total; no sample comes twice. promtool is
// asked as well, where it is installed.
void page_lint (const char *page);

#endif
