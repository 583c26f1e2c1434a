// SPDX-License-Identifier: Apache-2.0

#include "model/links.h"
#include "model/base64.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>

static links_t
links_of (const char *config)
{
  links_t links = {0};
  troupe_error_t error = {0};
  json_t *json = json_loads (config, 0, NULL);
  cr_assert_eq (links_read (&links, json, &error), TROUPE_OK, "%s", error.why);
  json_decref (json);
  return links;
}

static bool
allowed (const links_t *links, const char *text)
{
  struct sockaddr_in v4 = {.sin_family = AF_INET};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
  if (inet_pton (AF_INET, text, &v4.sin_addr) == 1)
    return links_allow (links, (const struct sockaddr *)&v4);
  cr_assert_eq (inet_pton (AF_INET6, text, &v6.sin6_addr), 1, "%s", text);
  return links_allow (links, (const struct sockaddr *)&v6);
}

Test (links, lead_to_public_addresses_only)
{
  static const char *const public[] = {"1.1.1.1",         "93.184.216.34",  "172.32.0.1",       "11.0.0.0",
                                       "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::1"};
  static const char *const others[] = {
    "0.0.0.0",    "10.1.2.3",       "100.64.0.1",    "127.0.0.1",  "127.255.255.255",  "169.254.169.254",
    "172.16.0.1", "172.31.255.255", "192.168.1.1",   "224.0.0.1",  "255.255.255.255",  "::",
    "::1",        "fe80::1",        "fd00::1",       "ff02::1",    "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "::7f00:1",   "64:ff9b::a00:1", "2002:7f00:1::", "2001:db8::1"};
  links_t links = links_of ("{}");
  cr_expect_eq (links.mode, LINKS_AUTO);
  for (size_t i = 0; i < sizeof public / sizeof *public; i++)
    cr_expect (allowed (&links, public[i]), "%s", public[i]);
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    cr_expect_not (allowed (&links, others[i]), "%s", others[i]);
  cr_expect_not (links_allow (&links, &(struct sockaddr){.sa_family = AF_UNIX}));
  links_clear (&links);
}

Test (links, lead_to_networks_that_are_allowed)
{
  links_t links = links_of ("{\"private_networks\": [\"10.1.0.0/20\", \"::1\", \"127.0.0.2\", \"fd00::/9\"]}");
  cr_expect (allowed (&links, "10.1.15.255"));
  cr_expect_not (allowed (&links, "10.1.16.0"));
  cr_expect (allowed (&links, "::ffff:10.1.2.3"));
  cr_expect (allowed (&links, "::1"));
  cr_expect (allowed (&links, "127.0.0.2"));
  cr_expect_not (allowed (&links, "127.0.0.1"));
  cr_expect (allowed (&links, "fd7f::1"));
  cr_expect_not (allowed (&links, "fd80::1"));
  links_clear (&links);
}

Test (links, are_configured_with_networks_and_a_folder_that_is_there)
{
  static const char *const wrong[] = {
    "{\"private_networks\": [\"10.1.0.0/33\"]}", "{\"private_networks\": [\"10.1\"]}",
    "{\"private_networks\": [\"localhost\"]}",   "{\"private_networks\": [\"10.0.0.0/\"]}",
    "{\"private_networks\": [\"::1/129\"]}",     "{\"private_networks\": [\"10.0.0.0/8x\"]}",
    "{\"files\": \"/nowhere/at/all\"}"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    links_t links = {0};
    troupe_error_t error = {0};
    json_t *json = json_loads (wrong[i], 0, NULL);
    cr_expect_eq (links_read (&links, json, &error), TROUPE_BAD_CONFIG, "%s", wrong[i]);
    cr_expect (strstr (error.why, i == 6 ? "files: " : "private_networks[0]: it is no network"), "%s", error.why);
    links_clear (&links);
    json_decref (json);
  }
}

// The examples of RFC 4648, section 10; and one that is longer than a block.
Test (base64, goes_both_ways)
{
  static const char *const pairs[][2] = {{"", ""},
                                         {"f", "Zg=="},
                                         {"fo", "Zm8="},
                                         {"foo", "Zm9v"},
                                         {"foob", "Zm9vYg=="},
                                         {"fooba", "Zm9vYmE="},
                                         {"foobar", "Zm9vYmFy"}};
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    bytes_t text = {0}, back = {0};
    cr_assert (base64_encode (&text, pairs[i][0], strlen (pairs[i][0])));
    cr_assert (base64_decode (&back, pairs[i][1]));
    cr_expect_str_eq (bytes_text (&text), pairs[i][1]);
    cr_expect_str_eq (bytes_text (&back), pairs[i][0]);
    bytes_clear (&text);
    bytes_clear (&back);
  }
  for (size_t size = 3070; size < 3075; size++) {
    unsigned char data[3075];
    bytes_t text = {0}, back = {0};
    for (size_t i = 0; i < size; i++)
      data[i] = (unsigned char)(i * 7);
    cr_assert (base64_encode (&text, data, size) && base64_decode (&back, text.data));
    cr_expect_eq (back.size, size);
    cr_expect_eq (memcmp (back.data, data, size), 0);
    bytes_clear (&text);
    bytes_clear (&back);
  }
}
