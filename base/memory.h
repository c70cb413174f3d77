/* memory.h - the only way to memory: the host's allocator, or malloc.
 *
 * An arena is a list of blocks that are released together; an object that is built in many
 * small steps (a model, a plan) owns one and cannot leak a step.  An arena has a limit, so that
 * a hostile file cannot make us take more than its reader allowed. */
#ifndef OZ_BASE_MEMORY_H
#define OZ_BASE_MEMORY_H

#include "base/error.h"

/* Memory of `bytes` at `align` (a power of two, at least 16 is given); NULL on failure.
 * `a` NULL = malloc.  bytes 0 gives a unique pointer. */
void *oz_alloc(const oz_allocator *a, size_t bytes, size_t align);
void oz_release(const oz_allocator *a, void *p, size_t bytes);

typedef struct oz_arena {
    const oz_allocator *allocator;
    uint64_t limit; /* of all blocks together; 0 = none */
    uint64_t used;
    struct oz_block *blocks;
} oz_arena;

/* Zeroed memory that lives as long as the arena; NULL on failure or past the limit. */
void *oz_arena_alloc(oz_arena *a, size_t bytes, size_t align);
/* count x size, checked. */
void *oz_arena_array(oz_arena *a, size_t count, size_t size);
char *oz_arena_text(oz_arena *a, const char *text, size_t bytes); /* copies, adds the NUL */
void oz_arena_free(oz_arena *a);

#endif
