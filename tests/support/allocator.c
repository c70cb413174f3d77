/* allocator.c - each block carries, before the memory handed out, its size and its true start. */
#include "tests/support/allocator.h"

#include <stdlib.h>
#include <string.h>

typedef struct header {
    void *start;
    size_t bytes;
} header;

static void *counted_alloc(void *ctx, size_t bytes, size_t align) {
    test_allocator *state = ctx;
    state->calls++;
    if (state->fail_at && state->calls >= state->fail_at) return NULL;
    char *start = malloc(bytes + align + sizeof(header));
    if (!start) return NULL;
    uintptr_t past_header = (uintptr_t)start + sizeof(header);
    size_t skip = (align - past_header % align) % align;
    char *p = start + sizeof(header) + skip;
    header h = {.start = start, .bytes = bytes};
    memcpy(p - sizeof h, &h, sizeof h);
    memset(p, 0xa5, bytes);
    state->live_blocks++;
    state->live_bytes += bytes;
    if (state->live_bytes > state->peak_bytes) state->peak_bytes = state->live_bytes;
    return p;
}

static void counted_release(void *ctx, void *p, size_t bytes) {
    test_allocator *state = ctx;
    header h;
    memcpy(&h, (char *)p - sizeof h, sizeof h);
    if (h.bytes != bytes) state->wrong_sizes++;
    state->live_blocks--;
    state->live_bytes -= h.bytes;
    free(h.start);
}

oz_allocator test_allocator_of(test_allocator *state) {
    return (oz_allocator){.ctx = state, .alloc = counted_alloc, .release = counted_release};
}
