// SPDX-License-Identifier: Apache-2.0
//
// Read when somebody asks: a handful of small files of /proc, some tens of microseconds.

#include "health/process.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

const troupe_metric_t health_metrics[] = {
#define HEALTH_METRIC(constant, name, kind, unit, label, sentence)                                                     \
  [HEALTH_##constant] = {name, TROUPE_METRIC_##kind, sentence, {label}},
#include "health/process.def"
#undef HEALTH_METRIC
};

// The clock ticks after the machine's start at which this process began, the 22nd value of its stat file; the second is
// a name in brackets, which may hold anything.
static bool
started_ticks (unsigned long long *out)
{
  char text[1024];
  FILE *file = fopen ("/proc/self/stat", "re");
  size_t size = file != NULL ? fread (text, 1, sizeof text - 1, file) : 0;
  if (file != NULL)
    fclose (file);
  text[size] = '\0';
  const char *at = strrchr (text, ')');
  return at != NULL &&
         sscanf (at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", out) == 1;
}

static void
write_start (troupe_metrics_t *metrics)
{
  struct timespec wall, up;
  unsigned long long ticks;
  if (!started_ticks (&ticks) || clock_gettime (CLOCK_REALTIME, &wall) != 0 || clock_gettime (CLOCK_BOOTTIME, &up) != 0)
    return;
  double boot = (double)wall.tv_sec + (double)wall.tv_nsec / 1e9 - ((double)up.tv_sec + (double)up.tv_nsec / 1e9);
  troupe_metrics_add_real (metrics, &health_metrics[HEALTH_STARTED],
                           boot + (double)ticks / (double)sysconf (_SC_CLK_TCK));
}

static void
write_memory (troupe_metrics_t *metrics)
{
  unsigned long long resident;
  FILE *file = fopen ("/proc/self/statm", "re");
  if (file == NULL)
    return;
  if (fscanf (file, "%*u %llu", &resident) == 1)
    troupe_metrics_add (metrics, &health_metrics[HEALTH_RESIDENT],
                        resident * (unsigned long long)sysconf (_SC_PAGESIZE));
  fclose (file);
}

static void
write_files (troupe_metrics_t *metrics)
{
  uint64_t count = 0;
  struct rlimit limit;
  DIR *directory = opendir ("/proc/self/fd");
  if (directory != NULL) {
    for (const struct dirent *entry; (entry = readdir (directory)) != NULL;)
      count += entry->d_name[0] != '.';
    closedir (directory);
    troupe_metrics_add (metrics, &health_metrics[HEALTH_FILES], count - 1); // not the directory itself
  }
  if (getrlimit (RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    troupe_metrics_add (metrics, &health_metrics[HEALTH_FILES_MAX], limit.rlim_cur);
}

void
health_process_write (troupe_metrics_t *metrics)
{
  struct timespec cpu;
  write_start (metrics);
  if (clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &cpu) == 0)
    troupe_metrics_add_real (metrics, &health_metrics[HEALTH_CPU], (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9);
  write_memory (metrics);
  write_files (metrics);
}
