/* fork.h - what it costs a loop to be shared with one more thread. */
#ifndef OZ_CLI_BENCH_FORK_H
#define OZ_CLI_BENCH_FORK_H

/* Nanoseconds beyond the half of the work while the other thread looks for some, and beyond all of it when it
 * sleeps, so that the caller ends alone; medians. Exit code. */
int oz_bench_fork(double *awake, double *asleep);

#endif
