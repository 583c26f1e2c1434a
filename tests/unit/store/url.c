// SPDX-License-Identifier: Apache-2.0
#include "store/url.h"

#include <criterion/criterion.h>
#include <string.h>

static bool
same (const char *a, const char *b)
{
  return a == NULL || b == NULL ? a == b : strcmp (a, b) == 0;
}

Test (url, what_each_form_means)
{
  static const struct {
    const char *text, *path, *user, *host, *port, *db;
  } cases[] = {
    {"unix:///run/redis.sock", "/run/redis.sock", NULL, NULL, NULL, NULL},
    {"unix://.troupe/x/redis.sock", ".troupe/x/redis.sock", NULL, NULL, NULL, NULL},
    {"redis://localhost", NULL, NULL, "localhost", "6379", NULL},
    {"redis://localhost:7000", NULL, NULL, "localhost", "7000", NULL},
    {"redis://localhost:7000/", NULL, NULL, "localhost", "7000", NULL},
    {"redis://redis/3", NULL, NULL, "redis", "6379", "3"},
    {"redis://troupe@10.0.0.1:1/2", NULL, "troupe", "10.0.0.1", "1", "2"},
    {"redis://[::1]", NULL, NULL, "::1", "6379", NULL},
    {"redis://a@[fe80::1]:7000", NULL, "a", "fe80::1", "7000", NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    store_url_t url;
    cr_assert_eq (store_url_parse (&url, cases[i].text, NULL), TROUPE_OK, "%s", cases[i].text);
    cr_expect (same (url.path, cases[i].path) && same (url.user, cases[i].user) && same (url.place.host, cases[i].host) &&
                 same (url.place.port, cases[i].port) && same (url.db, cases[i].db),
               "%s", cases[i].text);
    store_url_clear (&url);
  }
}

Test (url, sentinels_and_the_name_of_their_master)
{
  static const struct {
    const char *text, *user, *master, *db;
    unsigned count;
    const char *host, *port; // of the last one
  } cases[] = {
    {"redis+sentinel://s/troupe", NULL, "troupe", NULL, 1, "s", "26379"},
    {"redis+sentinel://s1,s2:7000/troupe", NULL, "troupe", NULL, 2, "s2", "7000"},
    {"redis+sentinel://me@s1:1,[::1]:2,10.0.0.1/a-b.c/3", "me", "a-b.c", "3", 3, "10.0.0.1", "26379"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    store_url_t url;
    cr_assert_eq (store_url_parse (&url, cases[i].text, NULL), TROUPE_OK, "%s", cases[i].text);
    cr_assert_eq (url.sentinels_count, cases[i].count, "%s", cases[i].text);
    const store_place_t *last = &url.sentinels[url.sentinels_count - 1];
    cr_expect (same (url.user, cases[i].user) && same (url.master, cases[i].master) && same (url.db, cases[i].db) &&
                 same (last->host, cases[i].host) && same (last->port, cases[i].port) && url.place.host == NULL,
               "%s", cases[i].text);
    store_url_clear (&url);
  }
}

Test (url, what_is_refused_and_why)
{
  static const struct {
    const char *text, *why;
  } cases[] = {
    {"", "neither"},
    {"http://localhost", "neither"},
    {"rediss://localhost", "neither"},
    {"redis://", "no host"},
    {"redis://:6379", "no host"},
    {"redis://[]:6379", "no host"},
    {"redis://@host", "user"},
    {"redis://user:secret@host", "password"},
    {"redis://host:port", "port"},
    {"redis://host:", "port"},
    {"redis://host:65536", "port"},
    {"redis://host/x", "database"},
    {"redis://host/-1", "database"},
    {"redis://::1:6379", "brackets"},
    {"redis://[::1:6379", "not closed"},
    {"redis+sentinel://s", "no /name"},
    {"redis+sentinel://s/", "no /name"},
    {"redis+sentinel://s//3", "no /name"},
    {"redis+sentinel:///troupe", "no host"},
    {"redis+sentinel://s1,,s2/troupe", "no host"},
    {"redis+sentinel://s:x/troupe", "port"},
    {"redis+sentinel://s/troupe/x", "database"},
    {"redis+sentinel://u:secret@s/troupe", "password"},
    {"redis+sentinel://a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q/troupe", "more than 16"},
    {"unix://", "no path"},
    {"unix:///"
     "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789abcdefg",
     "107"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    store_url_t url;
    troupe_error_t error;
    cr_assert_eq (store_url_parse (&url, cases[i].text, &error), TROUPE_BAD_ARGUMENT, "%s", cases[i].text);
    cr_expect_not_null (strstr (error.why, cases[i].why), "%s: %s", cases[i].text, error.why);
    cr_expect_null (strstr (error.object, "secret"), "%s", error.object);
  }
}
