// SPDX-License-Identifier: Apache-2.0
//
// The parts (bench_chaos_parts.h). Redis has the settings that `troupe up` gives it, but nothing is started by that: it
// would kill a broker that has been frozen for long, and what a late broker does is to be seen here. Each writes
// to a log of its own in log/.
#include "cli/bench_chaos_parts.h"

#include "cli/lock.h"
#include "cli/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MESH "chaos"
#define FILE_NAME "chaos.yaml"

static const char *const kinds[] = {"redis", "broker", "worker"};

const char *
chaos_kind_name (chaos_kind_t kind)
{
  return kinds[kind];
}

json_t *
chaos_brokers (unsigned first)
{
  json_t *list = json_array ();
  for (unsigned i = 0; list && i < CHAOS_BROKERS; i++)
    if (json_array_append_new (list, json_sprintf ("ipc://" MESH "/broker-%u.ipc", (first + i) % CHAOS_BROKERS + 1)) !=
        0) {
      json_decref (list);
      return NULL;
    }
  return list;
}

// -- Making them ------------------------------------------------------------------------------------------------------

// A call survives any number of lost instances here: so nothing may fail.
static troupe_err_t
write_configuration (const char *fsync, const char *retention, troupe_error_t *error)
{
  FILE *file = fopen (FILE_NAME, "w");
  if (file) {
    fprintf (file, "mesh: " MESH "\nstate: .\nstore: {fsync: %s}\nlog: {level: info, format: json}\n", fsync);
    fprintf (file, "limits: {retention: %s, attempts: 100}\nbrokers:\n", retention);
    for (unsigned i = 1; i <= CHAOS_BROKERS; i++)
      fprintf (file, "  - {name: broker-%u}\n", i);
  }
  if (!file || fclose (file) != 0)
    return troupe_error_set (error, TROUPE_IO, FILE_NAME, "is the disk full?", "can't be written: %s",
                             strerror (errno));
  return TROUPE_OK;
}

static troupe_err_t
no_memory (troupe_error_t *error)
{
  return troupe_error_set (error, TROUPE_NO_MEMORY, "bench", NULL, "out of memory");
}

static troupe_err_t
make_worker (chaos_part_t *part, unsigned number, bool forgets, troupe_error_t *error)
{
  json_t *parameters = json_pack ("{s:o, s:b}", "brokers", chaos_brokers (number), "forgets", (int)forgets);
  part->own[0] = process_sibling ("troupe");
  part->own[1] = parameters ? json_dumps (parameters, JSON_COMPACT) : NULL;
  json_decref (parameters);
  const char *arguments[] = {part->own[0], "bench-role", "chaos-worker", part->own[1]};
  memcpy (part->arguments, arguments, sizeof arguments);
  return part->own[0] && part->own[1] ? TROUPE_OK : no_memory (error);
}

static troupe_err_t
make_broker (chaos_part_t *part, troupe_error_t *error)
{
  part->own[0] = process_sibling ("troupe-broker");
  const char *arguments[] = {part->own[0], "-f", FILE_NAME, "--name", part->name};
  memcpy (part->arguments, arguments, sizeof arguments);
  return part->own[0] ? TROUPE_OK : no_memory (error);
}

static troupe_err_t
make_parts (chaos_parts_t *self, bool forgets, troupe_error_t *error)
{
  troupe_err_t err = TROUPE_OK;
  for (unsigned i = 0; i < CHAOS_PARTS && err == TROUPE_OK; i++) {
    chaos_part_t *part = &self->at[i];
    part->kind = i == 0 ? CHAOS_REDIS : i <= CHAOS_BROKERS ? CHAOS_BROKER : CHAOS_WORKER;
    if (part->kind == CHAOS_REDIS) {
      snprintf (part->name, sizeof part->name, "redis");
      part->arguments[0] = troupe_config_text (self->config, "store.program");
      part->arguments[1] = "-";
    } else if (part->kind == CHAOS_BROKER) {
      snprintf (part->name, sizeof part->name, "broker-%u", i);
      err = make_broker (part, error);
    } else {
      snprintf (part->name, sizeof part->name, "worker-%u", i - CHAOS_BROKERS);
      err = make_worker (part, i - CHAOS_BROKERS, forgets, error);
    }
  }
  return err;
}

troupe_err_t
chaos_parts_open (chaos_parts_t *self, const char *fsync, const char *retention, bool forgets, troupe_error_t *error)
{
  *self = (chaos_parts_t){.store_input = -1};
  troupe_err_t err = write_configuration (fsync, retention, error);
  if (err == TROUPE_OK)
    err = troupe_config_load (&self->config, FILE_NAME, NULL, error);
  if (err == TROUPE_OK)
    err = lock_make_directory ("log", error);
  if (err == TROUPE_OK)
    err = plan_store_input (&self->store_input, self->config, MESH, error);
  return err == TROUPE_OK ? make_parts (self, forgets, error) : err;
}

void
chaos_parts_close (chaos_parts_t *self)
{
  for (unsigned i = 0; i < CHAOS_PARTS; i++)
    chaos_parts_kill (&self->at[i], 0);
  for (unsigned i = 0; i < CHAOS_PARTS; i++)
    for (unsigned j = 0; j < 2; j++)
      free (self->at[i].own[j]);
  troupe_config_destroy (&self->config);
  if (self->store_input >= 0)
    close (self->store_input);
}

// -- Starting and harming ---------------------------------------------------------------------------------------------

troupe_err_t
chaos_parts_start (chaos_parts_t *self, chaos_part_t *part, troupe_error_t *error)
{
  char path[32];
  snprintf (path, sizeof path, "log/%s.log", part->name);
  int log = open (path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0)
    return troupe_error_set (error, TROUPE_IO, path, NULL, "%s", strerror (errno));
  bool store = part->kind == CHAOS_REDIS;
  if (store)
    lseek (self->store_input, 0, SEEK_SET);
  process_t process = {
    .arguments = part->arguments, .input = store ? self->store_input : -1, .output = log, .errors = log, .keep = -1};
  troupe_err_t err = process_spawn (&part->pid, &process, error);
  if (err != TROUPE_OK)
    part->pid = 0;
  close (log);
  part->frozen = false;
  part->heal = 0;
  return err;
}

void
chaos_parts_kill (chaos_part_t *part, int64_t heal)
{
  part->heal = heal;
  part->frozen = false;
  if (part->pid == 0)
    return;
  kill (-part->pid, SIGKILL); // its group: Redis may have a child that writes its file anew
  waitpid (part->pid, NULL, 0);
  part->pid = 0;
}

void
chaos_parts_freeze (chaos_part_t *part, int64_t heal)
{
  part->heal = heal;
  part->frozen = true;
  kill (-part->pid, SIGSTOP);
}

static troupe_err_t
notice_crash (chaos_parts_t *self, chaos_part_t *part, troupe_error_t *error)
{
  int status;
  if (part->pid == 0 || waitpid (part->pid, &status, WNOHANG) != part->pid)
    return TROUPE_OK;
  part->pid = 0;
  self->crashed++;
  snprintf (self->last, sizeof self->last, "%s ended by itself with status %d", part->name, process_status (status));
  return chaos_parts_start (self, part, error);
}

troupe_err_t
chaos_parts_heal (chaos_parts_t *self, int64_t now, troupe_error_t *error)
{
  troupe_err_t err = TROUPE_OK;
  for (unsigned i = 0; i < CHAOS_PARTS && err == TROUPE_OK; i++) {
    chaos_part_t *part = &self->at[i];
    if (part->heal == 0)
      err = notice_crash (self, part, error);
    else if (part->heal <= now && !part->frozen)
      err = chaos_parts_start (self, part, error);
    else if (part->heal <= now) {
      kill (-part->pid, SIGCONT);
      part->frozen = false;
      part->heal = 0;
    }
  }
  return err;
}

unsigned
chaos_parts_harmed (const chaos_parts_t *self)
{
  unsigned harmed = 0;
  for (unsigned i = 0; i < CHAOS_PARTS; i++)
    harmed += self->at[i].heal > 0;
  return harmed;
}

double
chaos_memory_of (pid_t pid)
{
  char path[32];
  unsigned long long size, resident = 0, shared = 0;
  snprintf (path, sizeof path, "/proc/%ld/statm", (long)pid);
  FILE *file = fopen (path, "r");
  if (file) {
    if (fscanf (file, "%llu %llu %llu", &size, &resident, &shared) != 3)
      resident = shared = 0;
    fclose (file);
  }
  return (double)(resident - shared) * (double)sysconf (_SC_PAGESIZE) / 1024;
}
