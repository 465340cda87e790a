#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "cthreadpriority.h"

#ifdef __linux__
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/sched.h and linux/ioprio.h, which glibc does not show. */
#define CTHREADPRIORITY_SCHED_BATCH 3
#define CTHREADPRIORITY_IO_WHO_PROCESS 1
#define CTHREADPRIORITY_IO_BEST_EFFORT(level) ((2 << 13) | (level))

void cthreadpriority_below_clients(void) { setpriority(PRIO_PROCESS, 0, 5); }

void cthreadpriority_background(void) {
  struct sched_param none = {0};
  sched_setscheduler(0, CTHREADPRIORITY_SCHED_BATCH, &none);
  setpriority(PRIO_PROCESS, 0, 10);
  syscall(SYS_ioprio_set, CTHREADPRIORITY_IO_WHO_PROCESS, 0, CTHREADPRIORITY_IO_BEST_EFFORT(7));
}
#else
void cthreadpriority_below_clients(void) {}
void cthreadpriority_background(void) {}
#endif
