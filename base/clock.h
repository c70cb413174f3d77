/* clock.h - monotonic time, for tools and tests; the library itself is handed a clock. */
#ifndef OZ_BASE_CLOCK_H
#define OZ_BASE_CLOCK_H

#include <stdint.h>

uint64_t oz_clock_ns(void);

#endif
