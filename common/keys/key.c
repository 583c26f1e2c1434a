// SPDX-License-Identifier: Apache-2.0
//
// Pairs of keys and their files. A file is written beside its place and moved there, so that nobody ever reads half of
// one, and by link (), which replaces nothing: a key that exists is never lost. The secret one goes first; when the
// public one then can't be written, it is taken away again.

#include "keys/document.h"
#include "troupe/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

troupe_err_t
troupe_key_make (troupe_key_t *out, const char *name, troupe_error_t *error)
{
  *out = (troupe_key_t){0};
  if (!document_name_valid (name))
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, name, "for example agent-alice",
                             "a key's name is 1 to 64 of A-Z a-z 0-9 . _ -, beginning with a letter or digit");
  if (zmq_curve_keypair (out->public_key, out->secret_key) != 0)
    return troupe_error_set (error, TROUPE_IO, name, "install a libzmq that has CURVE", "no key can be made: %s",
                             zmq_strerror (errno));
  strcpy (out->name, name);
  return TROUPE_OK;
}

void
troupe_key_forget (troupe_key_t *self)
{
  explicit_bzero (self, sizeof *self);
}

troupe_err_t
troupe_token_make (char out[TROUPE_TOKEN_SIZE], troupe_error_t *error)
{
  uint8_t bytes[(TROUPE_TOKEN_SIZE - 1) / 2];
  if (getrandom (bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
    return troupe_error_set (error, TROUPE_IO, "token", NULL, "no random numbers: %s", strerror (errno));
  for (size_t i = 0; i < sizeof bytes; i++)
    snprintf (out + 2 * i, 3, "%02x", bytes[i]);
  explicit_bzero (bytes, sizeof bytes);
  return TROUPE_OK;
}

// -- Files -----------------------------------------------------------------------------------------------------------

static troupe_err_t
failed (const char *path, const char *what, troupe_error_t *error)
{
  if (errno == EEXIST)
    return troupe_error_set (error, TROUPE_CONFLICT, path, "move it away first, if it is of no use any more",
                             "the key exists, and is not overwritten");
  return troupe_error_set (error, errno == EACCES || errno == EPERM ? TROUPE_PERMISSION : TROUPE_IO, path,
                           "choose another directory", "%s: %s", what, strerror (errno));
}

static troupe_err_t
make_directory (const char *path, troupe_error_t *error)
{
  if (mkdir (path, 0700) == 0 || errno == EEXIST)
    return TROUPE_OK;
  return failed (path, "the directory can't be made", error);
}

static troupe_err_t
write_file (const char *path, mode_t mode, const char *comment, const json_t *members, troupe_error_t *error)
{
  char draft[PATH_MAX];
  if (snprintf (draft, sizeof draft, "%s.%ld", path, (long)getpid ()) >= (int)sizeof draft)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, path, NULL, "the path is too long");
  unlink (draft);
  int fd = open (draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
  if (fd < 0)
    return failed (draft, "can't be written", error);
  troupe_err_t err = TROUPE_OK;
  if (!document_write (fd, comment, members))
    err = failed (path, "can't be written", error);
  else if (link (draft, path) != 0)
    err = failed (path, "can't be written", error);
  close (fd);
  unlink (draft);
  return err;
}

static troupe_err_t
save_secret (const troupe_key_t *self, const char *path, troupe_error_t *error)
{
  char comment[128];
  snprintf (comment, sizeof comment, "The secret key of %s. Whoever can read this file is %s.", self->name, self->name);
  json_t *members =
    json_pack ("{s:s, s:s, s:s}", "name", self->name, "public", self->public_key, "secret", self->secret_key);
  troupe_err_t err = members == NULL ? troupe_error_set (error, TROUPE_NO_MEMORY, path, NULL, "out of memory")
                                     : write_file (path, 0600, comment, members, error);
  json_decref (members);
  return err;
}

static troupe_err_t
save_public (const troupe_key_t *self, const char *path, const json_t *rights, troupe_error_t *error)
{
  char comment[192];
  const char *wrong;
  json_t *members = document_rights (rights, &wrong);
  if (wrong != NULL)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, wrong, NULL, "not what that right can be");
  bool broker = json_is_true (json_object_get (members, "broker"));
  snprintf (comment, sizeof comment,
            broker ? "By this the broker %s is known." : "What %s may do. Without this file, it may not come.",
            self->name);
  json_t *key = json_pack ("{s:s, s:s}", "name", self->name, "public", self->public_key);
  troupe_err_t err = members == NULL || key == NULL || json_object_update (members, key) != 0
                       ? troupe_error_set (error, TROUPE_NO_MEMORY, path, NULL, "out of memory")
                       : write_file (path, 0644, comment, members, error);
  json_decref (key);
  json_decref (members);
  return err;
}

troupe_err_t
troupe_key_save (const troupe_key_t *self, const char *directory, const json_t *rights, troupe_error_t *error)
{
  char secret[PATH_MAX], public[PATH_MAX];
  if (snprintf (secret, sizeof secret, "%s/%s.key", directory, self->name) >= (int)sizeof secret ||
      snprintf (public, sizeof public, "%s/%s.pub", directory, self->name) >= (int)sizeof public)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, directory, NULL, "the path is too long");
  if (access (public, F_OK) == 0) {
    errno = EEXIST;
    return failed (public, "", error);
  }
  troupe_err_t err = make_directory (directory, error);
  if (err == TROUPE_OK)
    err = save_secret (self, secret, error);
  if (err != TROUPE_OK)
    return err;
  err = save_public (self, public, rights, error);
  if (err != TROUPE_OK)
    unlink (secret);
  return err;
}

troupe_err_t
troupe_key_read (troupe_key_t *out, const char *path, troupe_error_t *error)
{
  json_t *document;
  *out = (troupe_key_t){0};
  troupe_err_t err = document_read (&document, path, error);
  if (err != TROUPE_OK)
    return err;
  const char *secret = json_string_value (json_object_get (document, "secret"));
  strcpy (out->name, json_string_value (json_object_get (document, "name")));
  strcpy (out->public_key, json_string_value (json_object_get (document, "public")));
  if (secret != NULL)
    strcpy (out->secret_key, secret);
  char derived[TROUPE_KEY_SIZE];
  if (secret != NULL && (zmq_curve_public (derived, secret) != 0 || strcmp (derived, out->public_key) != 0))
    err = troupe_error_set (error, TROUPE_BAD_CONFIG, path, "make a new one by `troupe keygen`",
                            "the secret key isn't that of the public one");
  json_decref (document);
  if (err != TROUPE_OK)
    troupe_key_forget (out);
  return err;
}
