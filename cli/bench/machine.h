/* machine.h - what the system says of the machine. */
#ifndef OZ_CLI_BENCH_MACHINE_H
#define OZ_CLI_BENCH_MACHINE_H

#include <stdint.h>

/* Bytes of a cache that the first processor has, as the system numbers them: 2 = second level, 3 = third; 0
 * if it does not say. */
uint64_t oz_cache_bytes(int index);
/* "model name", "cpu family", ... of the first processor; "" if it does not say. In a static buffer. */
const char *oz_processor_field(const char *name);

#endif
