/* limits.c - what a file may make its reader do.
 *
 * The defaults stand here alone. Memory is bounded by the arena that everything of a model is allocated from;
 * scratch arenas get what is left of it, so that many of them one after the other stay within the same bound.
 */
#include "formats/container/safetensors.h"

#include "base/options.h"

#include "base/arith.h"

#include <inttypes.h>

#define MIB (UINT64_C(1) << 20)

static uint64_t default_alloc_bytes(uint64_t file_bytes) {
    uint64_t most = UINT64_MAX - 64 * MIB;
    return file_bytes > most / 4 ? UINT64_MAX : 4 * file_bytes + 64 * MIB;
}

oz_status oz_limits_resolve(const oz_limits *given, uint64_t file_bytes, oz_limits *out, oz_error *err) {
    oz_limits l = OZ_LIMITS_INIT;
    OZ_TRY(oz_options_take(&l, sizeof l, given, "limits", err));
    if (!l.max_file_bytes) l.max_file_bytes = 65536 * MIB;
    if (!l.max_header_bytes) l.max_header_bytes = 64 * MIB;
    if (!l.max_alloc_bytes) l.max_alloc_bytes = default_alloc_bytes(file_bytes);
    if (!l.max_layers) l.max_layers = 65536;
    if (!l.max_name_bytes) l.max_name_bytes = 255;
    *out = l;
    return OZ_OK;
}

/* A block is a little more than what was asked for. */
static bool is_past_limit(const oz_arena *arena, uint64_t asked) {
    const uint64_t block = 128;
    uint64_t need;
    if (!arena->limit) return false;
    return !oz_add(asked, block, &need) || need > arena->limit - arena->used;
}

oz_status oz_out_of_memory(const oz_arena *arena, uint64_t asked, oz_error *err) {
    if (is_past_limit(arena, asked))
        return oz_fail(err, OZ_ERR_LIMIT, OZ_NO_OFFSET, "max_alloc_bytes",
                       "needs %" PRIu64 " more bytes than the %" PRIu64 " that the limit allows", asked,
                       arena->limit);
    return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, "", "cannot allocate %" PRIu64 " bytes", asked);
}

oz_arena oz_arena_scratch(const oz_arena *arena) {
    oz_arena scratch = {.allocator = arena->allocator};
    if (arena->limit) scratch.limit = arena->limit > arena->used ? arena->limit - arena->used : 1;
    return scratch;
}
