/* shares.h - the tasks of a parallel loop, an equal run of them for every worker, who takes his own first and
 * then what is left of the others': what a layer leaves in the cache of a core is found there by the next
 * one, which is cut the same way, and no worker waits beside work. */
#ifndef OZ_BASE_SHARES_H
#define OZ_BASE_SHARES_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/parallel.h"

enum { OZ_SHARES = 32 }; /* more workers have some in common */

typedef struct oz_share {
    alignas(64) atomic_size_t next; /* a line of the cache each */
    size_t end;
} oz_share;

typedef struct oz_shares {
    size_t n;
    oz_share share[OZ_SHARES];
} oz_shares;

/* Before the loop; not while anybody takes. */
void oz_shares_cut(oz_shares *s, size_t tasks, size_t workers);
/* Cuts so many tasks and calls fn(arg, worker) for as many workers as there are threads and tasks for. */
void oz_share_out(const oz_threads *t, oz_shares *s, size_t tasks, void (*fn)(void *arg, size_t worker),
                  void *arg);
/* The next task of a worker, from 0 on; false if none is left. From any thread. */
bool oz_shares_take(oz_shares *s, size_t worker, size_t *task);

#endif
