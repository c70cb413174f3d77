/* shared_cache.h - what a core has of the cache that it shares with others. */
#ifndef OZ_CLI_BENCH_SHARED_CACHE_H
#define OZ_CLI_BENCH_SHARED_CACHE_H

#include "cli/verb.h"

/* Bytes: the largest block that one thread reads again and again about as fast as any that the cache of one
 * core does not hold; at most the last cache, of which a virtual machine's neighbours have their parts; 0 if
 * the system names no caches. Exit code. */
int oz_bench_shared_cache(const oz_common *common, double *bytes);

#endif
