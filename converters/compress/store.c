/* store.c - fitted layers that were made before.
 *
 * Budgets try few settings of few kinds, so a list per compressor is enough; it forgets settings of
 * continuous knobs after each run, and everything once it holds too much. */
#include "converters/compress/draft.h"

#include <string.h>

#define MOST_BYTES (UINT64_C(1) << 29)

oz_fitted *oz_store_find(oz_compressor *c, const oz_fitted *like) {
    for (size_t i = 0; i < c->n_stored; i++)
        if (!c->stored[i]->transient && oz_fitted_equal(c->stored[i], like)) return c->stored[i];
    return NULL;
}

oz_status oz_store_add(oz_compressor *c, oz_fitted *f, oz_error *err) {
    if (c->n_stored == c->stored_room) {
        size_t room = c->stored_room ? 2 * c->stored_room : 64;
        oz_fitted **larger = oz_alloc(NULL, room * sizeof *larger, 16);
        if (!larger) {
            oz_fitted_free(f);
            return oz_no_memory("", err);
        }
        if (c->n_stored) memcpy(larger, c->stored, c->n_stored * sizeof *larger);
        oz_release(NULL, c->stored, 0);
        c->stored = larger;
        c->stored_room = room;
    }
    c->stored[c->n_stored++] = f;
    return OZ_OK;
}

static uint64_t bytes_of(const oz_fitted *f) {
    uint64_t bytes = sizeof *f;
    for (size_t t = 0; t < OZ_MAX_TERMS; t++) bytes += f->arena[t].used;
    return bytes;
}

static bool is_lasting(const oz_fitted *f) {
    for (size_t t = 0; t < f->n_terms; t++)
        if (f->keep[t]) return false;
    return !f->transient;
}

void oz_store_clean(oz_compressor *c, bool all) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < c->n_stored; i++) bytes += bytes_of(c->stored[i]);
    all = all || bytes > MOST_BYTES;
    size_t left = 0;
    for (size_t i = 0; i < c->n_stored; i++) {
        if (!all && is_lasting(c->stored[i]))
            c->stored[left++] = c->stored[i];
        else
            oz_fitted_free(c->stored[i]);
    }
    c->n_stored = left;
    if (!all) return;
    oz_release(NULL, c->stored, 0);
    c->stored = NULL;
    c->stored_room = 0;
}
