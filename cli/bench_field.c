// SPDX-License-Identifier: Apache-2.0
//
// The field (bench_field.h). The directory becomes the current one, so that all paths of sockets are short and relative
// wherever it lies (a unix socket's path has at most 107 bytes).
#include "cli/bench_field.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { OPEN_FILES_MAX = 16 };

static const char *const names[] = {"always", "everysec"};
static const char *const stores[] = {"unix://always/redis.sock", "unix://everysec/redis.sock"};

const char *
bench_fsync_name (bench_fsync_t fsync)
{
  return names[fsync];
}

const char *
bench_field_store (bench_fsync_t fsync)
{
  return stores[fsync];
}

json_t *
bench_field_brokers (bench_fsync_t fsync, unsigned count, unsigned first)
{
  json_t *list = json_array ();
  for (unsigned i = 0; list && i < count; i++)
    if (json_array_append_new (list, json_sprintf ("ipc://%s/broker-%u.ipc", names[fsync], (first + i) % count + 1)) !=
        0) {
      json_decref (list);
      return NULL;
    }
  return list;
}

const char *
bench_field_unsafe (void)
{
  struct statfs info;
  return statfs (".", &info) == 0 && info.f_type == TMPFS_MAGIC ? "tmpfs" : NULL;
}

// -- The directory -----------------------------------------------------------------------------------------------------

troupe_err_t
bench_field_open (bench_field_t *self, const char *parent, troupe_error_t *error)
{
  *self = (bench_field_t){.origin = -1};
  troupe_err_t err = bench_crew_open (&self->crew, error);
  if (err != TROUPE_OK)
    return err;
  char path[sizeof self->directory];
  if ((size_t)snprintf (path, sizeof path, "%s/troupe-bench-XXXXXX", parent) >= sizeof path)
    return troupe_error_set (error, TROUPE_BAD_ARGUMENT, parent, NULL, "the path is too long");
  self->origin = open (".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (self->origin < 0 || !mkdtemp (path))
    return troupe_error_set (error, TROUPE_IO, parent, "choose another with --directory",
                             "no directory can be made there: %s", strerror (errno));
  if (chdir (path) != 0) {
    rmdir (path);
    return troupe_error_set (error, TROUPE_IO, path, NULL, "%s", strerror (errno));
  }
  strcpy (self->directory, path);
  return TROUPE_OK;
}

static int
remove_entry (const char *path, const struct stat *info, int type, struct FTW *place)
{
  (void)info;
  (void)type;
  return place->level > 0 ? remove (path) : 0;
}

static void
remove_directory (bench_field_t *self)
{
  if (*self->directory && nftw (".", remove_entry, OPEN_FILES_MAX, FTW_DEPTH | FTW_PHYS) != 0)
    fprintf (stderr, "troupe: %s: can't be emptied: %s\n", self->directory, strerror (errno));
  if (self->origin >= 0) {
    if (fchdir (self->origin) == 0 && *self->directory)
      rmdir (self->directory);
    close (self->origin);
  }
}

void
bench_field_close (bench_field_t *self)
{
  for (bench_fsync_t fsync = 0; fsync < BENCH_FSYNCS; fsync++)
    bench_field_end_mesh (self, fsync);
  bench_crew_end (&self->crew, &self->raw_worker, 1);
  bench_crew_end (&self->crew, &self->proxy, 1);
  remove_directory (self);
  bench_crew_close (&self->crew);
}

// -- libzmq alone ------------------------------------------------------------------------------------------------------

troupe_err_t
bench_field_raw (bench_field_t *self, troupe_error_t *error)
{
  bench_crew_t *crew = &self->crew;
  troupe_err_t err = bench_crew_start (
    crew, &self->proxy, "raw-proxy", json_pack ("{s:s, s:s}", "front", BENCH_RAW_FRONT, "back", BENCH_RAW_BACK), error);
  if (err == TROUPE_OK)
    err = bench_crew_hear (crew, &self->proxy, 1, BENCH_READY_MS, error);
  if (err == TROUPE_OK)
    err = bench_crew_start (crew, &self->raw_worker, "raw-worker", json_pack ("{s:s}", "back", BENCH_RAW_BACK), error);
  return err == TROUPE_OK ? bench_crew_hear (crew, &self->raw_worker, 1, BENCH_READY_MS, error) : err;
}

// -- Meshes ------------------------------------------------------------------------------------------------------------

static troupe_err_t
write_configuration (const char *path, const char *name, unsigned brokers, troupe_error_t *error)
{
  FILE *file = fopen (path, "w");
  if (file) {
    fprintf (file,
             "mesh: %s\nstate: .\nstore: {fsync: %s}\nlog: {level: warning}\nlimits: {retention: %dms}\nbrokers:\n",
             name, name, BENCH_RETENTION_MS);
    for (unsigned i = 1; i <= brokers; i++)
      fprintf (file, "  - {name: broker-%u}\n", i);
  }
  if (!file || fclose (file) != 0)
    return troupe_error_set (error, TROUPE_IO, path, "is the disk full?", "can't be written: %s", strerror (errno));
  return TROUPE_OK;
}

troupe_err_t
bench_field_mesh (bench_field_t *self, bench_fsync_t fsync, unsigned brokers, troupe_error_t *error)
{
  bench_mesh_t *at = &self->meshes[fsync];
  char path[32];
  int status;
  snprintf (path, sizeof path, "%s.yaml", names[fsync]);
  troupe_err_t err = write_configuration (path, names[fsync], brokers, error);
  if (err != TROUPE_OK)
    return err;
  at->mesh = (mesh_t){.file = strdup (path), .name = strdup (names[fsync]), .directory = strdup (names[fsync])};
  if (!at->mesh.file || !at->mesh.name || !at->mesh.directory)
    return troupe_error_set (error, TROUPE_NO_MEMORY, path, NULL, "out of memory");
  error->code = TROUPE_OK;
  err = companion_start (&at->companion, &at->mesh, &status, error);
  if (err != TROUPE_OK && error->code == TROUPE_OK) // it has said why on standard error
    troupe_error_set (error, err, "mesh", NULL, "`troupe up` ended with status %d", status);
  at->brokers = brokers;
  return err == TROUPE_OK ? bench_crew_check (&self->crew, error) : err;
}

static void
end_workers (bench_field_t *self, bench_mesh_t *at)
{
  bench_crew_end (&self->crew, at->workers, at->workers_count);
  at->workers_count = 0;
}

void
bench_field_end_mesh (bench_field_t *self, bench_fsync_t fsync)
{
  bench_mesh_t *at = &self->meshes[fsync];
  end_workers (self, at);
  companion_stop (&at->companion);
  mesh_close (&at->mesh);
  at->brokers = 0;
}

troupe_err_t
bench_field_workers (bench_field_t *self, bench_fsync_t fsync, unsigned workers, unsigned brokers,
                     troupe_error_t *error)
{
  bench_mesh_t *at = &self->meshes[fsync];
  if (at->workers_count == workers && at->workers_brokers == brokers)
    return TROUPE_OK;
  end_workers (self, at);
  at->workers_brokers = brokers;
  troupe_err_t err = TROUPE_OK;
  while (err == TROUPE_OK && at->workers_count < workers)
    err = bench_crew_start (&self->crew, &at->workers[at->workers_count++], "worker",
                            json_pack ("{s:o}", "brokers", bench_field_brokers (fsync, brokers, 0)), error);
  return err == TROUPE_OK ? bench_crew_hear (&self->crew, at->workers, workers, BENCH_READY_MS, error) : err;
}
