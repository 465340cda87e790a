/* How much a thread may take from those that answer clients. Linux keeps niceness, scheduling class and I/O priority
 * for each thread, not for the process; elsewhere the functions do nothing. The calling thread keeps what it is given
 * for the rest of its life: an unprivileged thread cannot raise itself again. Failures are no errors: the thread works
 * as before.
 *
 * Nothing here starves: at niceness 10 a thread has about a tenth of a processor that is wanted by one other thread, so
 * a lock that it holds is given back soon, and copies go on when producers need every processor. SCHED_IDLE would
 * leave it a three-hundredth. */
#ifndef CHRONIK_CTHREADPRIORITY_H
#define CHRONIK_CTHREADPRIORITY_H

/* For work that somebody waits for, but less urgently than for a fetch: searches. About a quarter of a processor beside
 * one other thread. */
void cthreadpriority_below_clients(void);

/* For work that nobody waits for: copying, indexing, compacting, deleting. It is not let in before others when it
 * wakes, and its reads and writes come last among those of the disk's queue, where the queue knows priorities. */
void cthreadpriority_background(void);

#endif
