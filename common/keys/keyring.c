// SPDX-License-Identifier: Apache-2.0
//
// A keyring remembers, for each file of its directory, how it looked when it was read; so looking again costs a stat
// for each, and only what has changed is read. What can't be read as a key *now* (somebody is writing it, or has yet to
// give it to this process's user) stays what it was, is told once, and is read again with each look; a file that is gone
// is a key that may not come.
//
// Two files with the same key would make it a matter of chance what that key may do: the second one is an error.
//
// All is looked up from the first to the last: a thousand comparisons cost less than a hundredth of a CURVE handshake.

#include "keys/document.h"
#include "keys/identity.h"
#include "troupe/log.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct {
  ino_t inode;
  off_t size;
  struct timespec changed;
} look_t;

typedef struct {
  char *file; // its name in the directory; NULL: a token
  look_t look;
  troupe_identity_t *identity; // NULL: the file could not be read so far
  char token[TROUPE_TOKEN_SIZE];
  bool there;  // refresh has seen it
  bool unread; // as it looks now it could not be read, which was told
} entry_t;

struct troupe_keyring {
  char *directory;
  entry_t *entries;
  size_t count, capacity;
};

static const char suffix[] = ".pub";

troupe_err_t
troupe_keyring_new (troupe_keyring_t **out)
{
  *out = calloc (1, sizeof **out);
  return *out == NULL ? TROUPE_NO_MEMORY : TROUPE_OK;
}

static void
end_entry (entry_t *entry)
{
  troupe_identity_unref (&entry->identity);
  explicit_bzero (entry->token, sizeof entry->token);
  free (entry->file);
}

void
troupe_keyring_destroy (troupe_keyring_t **self_p)
{
  troupe_keyring_t *self = *self_p;
  if (self == NULL)
    return;
  *self_p = NULL;
  for (size_t i = 0; i < self->count; i++)
    end_entry (&self->entries[i]);
  free (self->entries);
  free (self->directory);
  free (self);
}

static troupe_err_t
no_memory (troupe_error_t *error)
{
  return troupe_error_set (error, TROUPE_NO_MEMORY, "keys", NULL, "out of memory");
}

// A new entry at the end; NULL: `error` says why.
static entry_t *
grow (troupe_keyring_t *self, troupe_error_t *error)
{
  if (self->count >= TROUPE_KEYS_MAX) {
    troupe_error_set (error, TROUPE_TOO_LARGE, "keys", NULL, "more than %d keys", TROUPE_KEYS_MAX);
    return NULL;
  }
  if (self->count == self->capacity) {
    size_t capacity = self->capacity == 0 ? 16 : 2 * self->capacity;
    entry_t *entries = realloc (self->entries, capacity * sizeof *entries);
    if (entries == NULL) {
      no_memory (error);
      return NULL;
    }
    self->entries = entries;
    self->capacity = capacity;
  }
  entry_t *entry = &self->entries[self->count++];
  *entry = (entry_t){0};
  return entry;
}

// -- Files -----------------------------------------------------------------------------------------------------------

static troupe_err_t
read_identity (troupe_identity_t **out, const char *path, troupe_error_t *error)
{
  json_t *document;
  const char *wrong;
  troupe_err_t err = document_read (&document, path, error);
  if (err != TROUPE_OK)
    return err;
  json_t *rights = document_rights (document, &wrong); // types were checked
  *out = rights == NULL ? NULL
                        : identity_new ("key", json_string_value (json_object_get (document, "public")),
                                        json_string_value (json_object_get (document, "name")), rights);
  json_decref (rights);
  json_decref (document);
  return *out == NULL ? no_memory (error) : TROUPE_OK;
}

static entry_t *
entry_of_file (const troupe_keyring_t *self, const char *file)
{
  for (size_t i = 0; i < self->count; i++)
    if (self->entries[i].file != NULL && strcmp (self->entries[i].file, file) == 0)
      return &self->entries[i];
  return NULL;
}

static const entry_t *
entry_of_user (const troupe_keyring_t *self, const char *user)
{
  for (size_t i = 0; i < self->count; i++)
    if (self->entries[i].identity != NULL && strcmp (troupe_identity_user (self->entries[i].identity), user) == 0)
      return &self->entries[i];
  return NULL;
}

static bool
same_look (const look_t *a, const look_t *b)
{
  return a->inode == b->inode && a->size == b->size && a->changed.tv_sec == b->changed.tv_sec &&
         a->changed.tv_nsec == b->changed.tv_nsec;
}

// Whether a key's file exists; one that was moved only seems to be there twice.
static bool
is_there (const troupe_keyring_t *self, const entry_t *entry)
{
  char path[PATH_MAX];
  struct stat info;
  snprintf (path, sizeof path, "%s/%s", self->directory, entry->file != NULL ? entry->file : "");
  return entry->file == NULL || stat (path, &info) == 0;
}

// Takes what a file says now; `lost` may be NULL.
static troupe_err_t
read_entry (troupe_keyring_t *self, size_t index, const char *path, troupe_key_lost_fn *lost, void *context,
            troupe_error_t *error)
{
  troupe_identity_t *identity = NULL;
  entry_t *entry = &self->entries[index];
  troupe_err_t err = read_identity (&identity, path, error);
  if (err != TROUPE_OK)
    return err;
  const entry_t *other = entry_of_user (self, troupe_identity_user (identity));
  if (other != NULL && other != entry && is_there (self, other)) {
    err =
      troupe_error_set (error, TROUPE_CONFLICT, path, "remove one of them", "it has the same key as %s", other->file);
    troupe_identity_unref (&identity);
    return err;
  }
  troupe_identity_t *former = entry->identity;
  bool changed = former != NULL && !identity_equal (former, identity);
  entry->identity = identity;
  if (changed && lost != NULL)
    lost (context, troupe_identity_user (former));
  troupe_identity_unref (&former);
  return TROUPE_OK;
}

static troupe_err_t
take_file (troupe_keyring_t *self, const char *file, troupe_key_lost_fn *lost, void *context, troupe_error_t *error)
{
  char path[PATH_MAX];
  struct stat info;
  if (snprintf (path, sizeof path, "%s/%s", self->directory, file) >= (int)sizeof path)
    return troupe_error_set (error, TROUPE_BAD_CONFIG, file, NULL, "the path is too long");
  if (stat (path, &info) != 0)
    return TROUPE_OK; // gone since the directory was read
  look_t look = {info.st_ino, info.st_size, info.st_mtim};
  entry_t *entry = entry_of_file (self, file);
  if (entry == NULL) {
    entry = grow (self, error);
    if (entry == NULL)
      return error->code;
    if ((entry->file = strdup (file)) == NULL) {
      self->count--;
      return no_memory (error);
    }
  }
  bool same = same_look (&entry->look, &look), told = same && entry->unread;
  entry->there = true;
  if (same && !entry->unread)
    return TROUPE_OK;
  entry->look = look;
  troupe_err_t err = read_entry (self, (size_t)(entry - self->entries), path, lost, context, error);
  entry->unread = err != TROUPE_OK;
  return told ? TROUPE_OK : err;
}

// Entries whose files have gone.
static void
sweep (troupe_keyring_t *self, troupe_key_lost_fn *lost, void *context)
{
  size_t kept = 0;
  for (size_t i = 0; i < self->count; i++) {
    entry_t *entry = &self->entries[i];
    if (entry->file == NULL || entry->there) {
      self->entries[kept++] = *entry;
      continue;
    }
    if (entry->identity != NULL && lost != NULL)
      lost (context, troupe_identity_user (entry->identity));
    end_entry (entry);
  }
  self->count = kept;
}

// `strict`: the first error ends it; else errors are logged.
static troupe_err_t
look (troupe_keyring_t *self, bool strict, troupe_key_lost_fn *lost, void *context, troupe_error_t *error)
{
  DIR *directory = opendir (self->directory);
  if (directory == NULL)
    return troupe_error_set (error, errno == ENOENT ? TROUPE_NOT_FOUND : TROUPE_IO, self->directory,
                             "make the keys by `troupe keygen --mesh`", "the directory of keys can't be read: %s",
                             strerror (errno));
  for (size_t i = 0; i < self->count; i++)
    self->entries[i].there = false;
  troupe_err_t err = TROUPE_OK;
  for (const struct dirent *item; (err == TROUPE_OK || !strict) && (item = readdir (directory)) != NULL;) {
    size_t size = strlen (item->d_name);
    if (item->d_name[0] == '.' || size <= strlen (suffix) ||
        strcmp (item->d_name + size - strlen (suffix), suffix) != 0)
      continue;
    err = take_file (self, item->d_name, lost, context, error);
    if (err != TROUPE_OK && !strict)
      troupe_log_error (TROUPE_LOG_ERROR, "a key file is left as it was", error);
  }
  closedir (directory);
  if (!strict)
    sweep (self, lost, context);
  return strict ? err : TROUPE_OK;
}

troupe_err_t
troupe_keyring_load (troupe_keyring_t *self, const char *directory, troupe_error_t *error)
{
  free (self->directory);
  self->directory = strdup (directory);
  return self->directory == NULL ? no_memory (error) : look (self, true, NULL, NULL, error);
}

void
troupe_keyring_refresh (troupe_keyring_t *self, troupe_key_lost_fn *lost, void *context)
{
  troupe_error_t error;
  if (self->directory != NULL && look (self, false, lost, context, &error) != TROUPE_OK)
    troupe_log_error (TROUPE_LOG_ERROR, "keys can't be looked at", &error);
}

// -- Tokens ----------------------------------------------------------------------------------------------------------

static troupe_err_t
add_token (troupe_keyring_t *self, const json_t *item, troupe_error_t *error)
{
  const char *name = json_string_value (json_object_get (item, "name")), *wrong;
  const char *token = json_string_value (json_object_get (item, "token"));
  if (name == NULL || *name == '\0' || token == NULL || strlen (token) != TROUPE_TOKEN_SIZE - 1)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "tokens", NULL,
                             "an item has no name, or no token of %d digits", TROUPE_TOKEN_SIZE - 1);
  json_t *rights = document_rights (item, &wrong);
  if (wrong != NULL)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, wrong, NULL, "not what that right of %s can be", name);
  troupe_identity_t *identity = rights != NULL ? identity_new ("token", name, name, rights) : NULL;
  json_decref (rights);
  if (identity == NULL)
    return no_memory (error);
  entry_t *entry = NULL;
  if (entry_of_user (self, troupe_identity_user (identity)) != NULL)
    troupe_error_set (error, TROUPE_CONFLICT, name, NULL, "two tokens have that name");
  else
    entry = grow (self, error);
  if (entry == NULL) {
    troupe_identity_unref (&identity);
    return error->code;
  }
  entry->identity = identity;
  strcpy (entry->token, token);
  return TROUPE_OK;
}

troupe_err_t
troupe_keyring_add_tokens (troupe_keyring_t *self, const json_t *tokens, troupe_error_t *error)
{
  if (!json_is_array (tokens))
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, "tokens", NULL, "not a list");
  troupe_err_t err = TROUPE_OK;
  for (size_t i = 0; err == TROUPE_OK && i < json_array_size (tokens); i++)
    err = add_token (self, json_array_get (tokens, i), error);
  return err;
}

// -- Who that is -----------------------------------------------------------------------------------------------------

size_t
troupe_keyring_count (const troupe_keyring_t *self)
{
  return self->count;
}

// A broker's key lets nobody in.
static const troupe_identity_t *
admit (const entry_t *entry)
{
  return entry != NULL && !identity_is_broker (entry->identity) ? entry->identity : NULL;
}

const troupe_identity_t *
troupe_keyring_of_user (const troupe_keyring_t *self, const char *user)
{
  return admit (entry_of_user (self, user));
}

const troupe_identity_t *
troupe_keyring_of_key (const troupe_keyring_t *self, const char *key)
{
  char user[sizeof "key:" + TROUPE_KEY_SIZE];
  snprintf (user, sizeof user, "key:%s", key);
  return troupe_keyring_of_user (self, user);
}

// Takes the same time wherever they differ.
static bool
equal_tokens (const char *a, const char *b)
{
  unsigned char difference = 0;
  for (size_t i = 0; i < TROUPE_TOKEN_SIZE - 1; i++)
    difference |= (unsigned char)(a[i] ^ b[i]);
  return difference == 0;
}

const troupe_identity_t *
troupe_keyring_of_token (const troupe_keyring_t *self, const char *name, const char *token)
{
  for (size_t i = 0; i < self->count && strlen (token) == TROUPE_TOKEN_SIZE - 1; i++) {
    const entry_t *entry = &self->entries[i];
    if (entry->file == NULL && strcmp (troupe_identity_name (entry->identity), name) == 0)
      return equal_tokens (entry->token, token) ? entry->identity : NULL;
  }
  return NULL;
}
