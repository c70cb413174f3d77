/* cpu_count.c - how many threads can run at once.
 *
 * New threads inherit the calling one's affinity, so with `taskset` or in a container with a set of
 * processors the machine's number would be too many. POSIX has no word for either; Linux has. */
#ifdef __linux__
#define _GNU_SOURCE
#include <sched.h>
#endif

#include <unistd.h>

#include "base/cpu.h"

int oz_cpu_count(void) {
#ifdef __linux__
    cpu_set_t allowed; /* too small for machines of over 1024 processors, which the call then says */
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return CPU_COUNT(&allowed);
#endif
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}
