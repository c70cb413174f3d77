/* memory.c - the host's allocator or malloc, and arenas on top.
 *
 * Every arena allocation is a block of its own: whoever builds a model makes few and large ones, and memory
 * checkers see each object's ends. */
#include "base/memory.h"

#include "base/arith.h"

#include <stdlib.h>
#include <string.h>

enum { MIN_ALIGN = 16, ARRAY_ALIGN = 64 };

/* What is really asked for: zero bytes still need an address of their own. */
static size_t asked_bytes(size_t bytes) {
    return bytes ? bytes : 1;
}

void *oz_alloc(const oz_allocator *a, size_t bytes, size_t align) {
    if (bytes > PTRDIFF_MAX) return NULL;
    align = oz_max(align, MIN_ALIGN);
    if (a) return a->alloc(a->ctx, asked_bytes(bytes), align);
    void *p;
    return posix_memalign(&p, align, asked_bytes(bytes)) == 0 ? p : NULL;
}

void oz_release(const oz_allocator *a, void *p, size_t bytes) {
    if (!p) return;
    if (a)
        a->release(a->ctx, p, asked_bytes(bytes));
    else
        free(p);
}

typedef struct oz_block {
    struct oz_block *next;
    size_t bytes; /* this header and what lies between it and the memory included */
} oz_block;

void *oz_arena_alloc(oz_arena *a, size_t bytes, size_t align) {
    align = oz_max(align, MIN_ALIGN);
    size_t start = oz_round_up(sizeof(oz_block), align);
    uint64_t total, used;
    if (!oz_add(start, bytes, &total) || !oz_add(a->used, total, &used) || total > PTRDIFF_MAX) return NULL;
    if (a->limit && used > a->limit) return NULL;
    oz_block *block = oz_alloc(a->allocator, (size_t)total, align);
    if (!block) return NULL;
    memset(block, 0, (size_t)total);
    *block = (oz_block){.next = a->blocks, .bytes = (size_t)total};
    a->blocks = block;
    a->used = used;
    return (char *)block + start;
}

void *oz_arena_array(oz_arena *a, size_t count, size_t size) {
    uint64_t bytes;
    if (!oz_mul(count, size, &bytes) || bytes > PTRDIFF_MAX) return NULL;
    return oz_arena_alloc(a, (size_t)bytes, ARRAY_ALIGN);
}

char *oz_arena_text(oz_arena *a, const char *text, size_t bytes) {
    if (bytes >= PTRDIFF_MAX) return NULL;
    char *copy = oz_arena_alloc(a, bytes + 1, 1);
    if (copy && bytes) memcpy(copy, text, bytes);
    return copy;
}

void oz_arena_free(oz_arena *a) {
    oz_block *block = a->blocks;
    while (block) {
        oz_block *next = block->next;
        oz_release(a->allocator, block, block->bytes);
        block = next;
    }
    a->blocks = NULL;
    a->used = 0;
}
