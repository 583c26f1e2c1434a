// SPDX-License-Identifier: Apache-2.0
//
// The meters (bench_meter.h). A mesh's processes are the children of its `troupe up`; which is which tells the name of
// each, as the kernel has it.
#include "cli/bench_meter.h"

#include <hiredis.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double
bench_meter_process (pid_t pid)
{
  clockid_t clock;
  struct timespec time;
  if (pid == 0 || clock_getcpuclockid (pid, &clock) != 0 || clock_gettime (clock, &time) != 0)
    return 0;
  return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static void
add_process (bench_meters_t *out, pid_t pid)
{
  char path[64], name[32] = "";
  snprintf (path, sizeof path, "/proc/%ld/comm", (long)pid);
  FILE *file = fopen (path, "r");
  if (file && fgets (name, sizeof name, file)) {
    if (strncmp (name, "troupe-broker", strlen ("troupe-broker")) == 0)
      out->cpu_us[BENCH_CPU_BROKER] += bench_meter_process (pid);
    else if (strncmp (name, "redis-server", strlen ("redis-server")) == 0)
      out->cpu_us[BENCH_CPU_REDIS] += bench_meter_process (pid);
  }
  if (file)
    fclose (file);
}

void
bench_meters_mesh (bench_meters_t *out, const bench_mesh_t *mesh)
{
  long parent = (long)mesh->companion.pid;
  char path[64];
  long pid;
  snprintf (path, sizeof path, "/proc/%ld/task/%ld/children", parent, parent);
  FILE *file = fopen (path, "r");
  while (file && fscanf (file, "%ld", &pid) == 1)
    add_process (out, (pid_t)pid);
  if (file)
    fclose (file);
}

static double
functions_called (bench_fsync_t fsync)
{
  static const char scheme[] = "unix://", key[] = "cmdstat_fcall:calls=";
  redisContext *redis = redisConnectUnix (bench_field_store (fsync) + strlen (scheme));
  redisReply *reply = redis && !redis->err ? redisCommand (redis, "INFO commandstats") : NULL;
  const char *found = reply && reply->type == REDIS_REPLY_STRING ? strstr (reply->str, key) : NULL;
  double calls = found ? strtod (found + strlen (key), NULL) : 0;
  freeReplyObject (reply);
  if (redis)
    redisFree (redis);
  return calls;
}

void
bench_meters_read (bench_meters_t *out, const bench_field_t *field, const bench_cell_t *cell)
{
  *out = (bench_meters_t){0};
  if (cell->kind == BENCH_RAW) {
    out->cpu_us[BENCH_CPU_BROKER] = bench_meter_process (field->proxy.pid);
    out->cpu_us[BENCH_CPU_WORKER] = bench_meter_process (field->raw_worker.pid);
    return;
  }
  const bench_mesh_t *mesh = &field->meshes[cell->fsync];
  bench_meters_mesh (out, mesh);
  for (unsigned i = 0; i < mesh->workers_count; i++)
    out->cpu_us[BENCH_CPU_WORKER] += bench_meter_process (mesh->workers[i].pid);
  out->functions = functions_called (cell->fsync);
}
