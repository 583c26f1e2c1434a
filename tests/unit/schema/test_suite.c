// SPDX-License-Identifier: Apache-2.0
//
// The official test suite of draft 2020-12, every required case. Exceptions are named in exceptions.json with their
// reason; one that passes has to go from there.

#include "troupe/schema.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#define HERE TROUPE_SOURCE_DIR "/tests/unit/schema/"

static json_t *exceptions;
static unsigned cases, failures;

// What the suite serves at http://localhost:1234/.
static json_t *
remote (void *arg, const char *uri)
{
  static const char host[] = "http://localhost:1234/";
  char path[512];
  ++*(unsigned *)arg;
  if (strncmp (uri, host, strlen (host)) != 0)
    return NULL;
  snprintf (path, sizeof path, HERE "suite/remotes/%s", uri + strlen (host));
  return json_load_file (path, 0, NULL);
}

// The exception's reason; NULL: none.
static const char *
reason (const char *file, const char *group, const char *test)
{
  size_t i;
  json_t *entry;
  json_array_foreach (exceptions, i, entry)
    if (strcmp (json_string_value (json_object_get (entry, "file")), file) == 0 &&
        strcmp (json_string_value (json_object_get (entry, "group")), group) == 0 &&
        strcmp (json_string_value (json_object_get (entry, "test")), test) == 0)
      return json_string_value (json_object_get (entry, "reason"));
  return NULL;
}

static void
count_case (const char *file, const char *group, const char *test, bool passes, const char *why)
{
  const char *excused = reason (file, group, test);
  cases++;
  if (passes == (excused == NULL))
    return;
  failures++;
  fprintf (stderr, "%s: %s: %s: %s\n", file, group, test, passes ? "passes: take it out of exceptions.json" : why);
}

static void
check_errors (json_t *errors, const char *group, const char *test)
{
  size_t i;
  json_t *entry;
  cr_assert (gt (sz, json_array_size (errors), 0), "%s: %s: no error says why", group, test);
  json_array_foreach (errors, i, entry) {
    static const char *const keys[] = {"at", "keyword", "expected", "came", "text"};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
      cr_assert (json_string_value (json_object_get (entry, keys[k])) != NULL, "%s: %s: %s", group, test, keys[k]);
  }
}

static void
run_group (const char *file, json_t *group)
{
  troupe_schema_t *schema;
  troupe_error_t error = {0};
  unsigned fetched = 0;
  troupe_schema_options_t options = {.registry = remote, .arg = &fetched};
  const char *name = json_string_value (json_object_get (group, "description"));
  json_t *tests = json_object_get (group, "tests"), *test;
  size_t i;
  troupe_err_t made = troupe_schema_new (&schema, json_object_get (group, "schema"), &options, &error);
  json_array_foreach (tests, i, test) {
    const char *what = json_string_value (json_object_get (test, "description"));
    json_t *errors = NULL;
    troupe_err_t err =
      made == TROUPE_OK ? troupe_schema_validate (schema, json_object_get (test, "data"), &errors, &error) : made;
    bool valid = json_is_true (json_object_get (test, "valid"));
    count_case (file, name, what, err == (valid ? TROUPE_OK : TROUPE_BAD_MESSAGE),
                err == TROUPE_OK ? "takes what is not valid" : error.why);
    if (err == TROUPE_BAD_MESSAGE)
      check_errors (errors, name, what);
    json_decref (errors);
  }
  troupe_schema_destroy (&schema);
}

Test (suite, every_required_case)
{
  exceptions = json_load_file (HERE "exceptions.json", 0, NULL);
  cr_assert (exceptions != NULL);
  DIR *folder = opendir (HERE "suite/tests");
  cr_assert (folder != NULL);
  for (struct dirent *entry; (entry = readdir (folder)) != NULL;) {
    char path[512];
    if (strstr (entry->d_name, ".json") == NULL)
      continue;
    snprintf (path, sizeof path, HERE "suite/tests/%s", entry->d_name);
    json_error_t failed;
    json_t *groups = json_load_file (path, JSON_ALLOW_NUL, &failed), *group;
    size_t i;
    cr_assert (groups != NULL, "%s: %s", path, failed.text);
    json_array_foreach (groups, i, group)
      run_group (entry->d_name, group);
    json_decref (groups);
  }
  closedir (folder);
  json_decref (exceptions);
  fprintf (stderr, "%u cases, %u failures\n", cases, failures);
  cr_assert (gt (uint, cases, 1200), "%u cases", cases);
  cr_assert (eq (uint, failures, 0));
}
