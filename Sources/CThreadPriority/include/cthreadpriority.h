/* How much a thread may take from those that answer clients. Linux keeps niceness, scheduling class and I/O priority for
 * each thread, not for the process; elsewhere the functions do nothing. The calling thread keeps what it is given for the
 * rest of its life: an unprivileged thread cannot raise itself again. Failures are no errors: the thread works as before.
 *
 * Nothing here starves: at niceness 10 a thread has about a tenth of a processor that is wanted by one other thread, so
 * a lock that it holds is given back soon, and copies go on when producers need every processor. SCHED_IDLE would
 * leave it a three-hundredth. */
#ifndef CHRONIK_CTHREADPRIORITY_H
#define CHRONIK_CTHREADPRIORITY_H

#ifdef __linux__
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/sched.h and linux/ioprio.h, which glibc does not show. */
#define CTHREADPRIORITY_SCHED_BATCH 3
#define CTHREADPRIORITY_IO_WHO_PROCESS 1
#define CTHREADPRIORITY_IO_BEST_EFFORT(level) ((2 << 13) | (level))

/* For work that somebody waits for, but less urgently than for a fetch: searches. About a quarter of a processor beside
 * one other thread. */
static inline void cthreadpriority_below_clients(void) { setpriority(PRIO_PROCESS, 0, 5); }

/* For work that nobody waits for: copying, indexing, compacting, deleting. It is not let in before others when it wakes,
 * and its reads and writes come last among those of the disk's queue, where the queue knows priorities. */
static inline void cthreadpriority_background(void) {
  struct sched_param none = {0};
  sched_setscheduler(0, CTHREADPRIORITY_SCHED_BATCH, &none);
  setpriority(PRIO_PROCESS, 0, 10);
  syscall(SYS_ioprio_set, CTHREADPRIORITY_IO_WHO_PROCESS, 0, CTHREADPRIORITY_IO_BEST_EFFORT(7));
}
#else
static inline void cthreadpriority_below_clients(void) {}
static inline void cthreadpriority_background(void) {}
#endif

#endif
