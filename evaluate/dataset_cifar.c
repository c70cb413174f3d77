/* dataset_cifar.c - CIFAR-10's binary batches: records of a label and three 32 x 32 planes, no header.
 *
 * Nothing but the size and the labels can tell such a file, so all labels are looked at. */
#include "evaluate/dataset.h"

#include <string.h>

enum { PIXELS = 3 * 32 * 32, RECORD = 1 + PIXELS, CLASSES = 10 };

bool oz_cifar_is(const oz_source *s) {
    if (s->bytes == 0 || s->bytes % RECORD) return false;
    for (size_t at = 0; at < s->bytes; at += RECORD) {
        if (s->data[at] >= CLASSES) return false;
    }
    return true;
}

oz_status oz_cifar_read(const oz_source *s, oz_stored *x, oz_stored *y, oz_error *err) {
    uint64_t n = s->bytes / RECORD;
    if (s->limit && s->limit < n) n = s->limit;
    uint8_t *pixels = oz_arena_array(s->arena, (size_t)n, PIXELS);
    uint8_t *labels = oz_arena_array(s->arena, (size_t)n, 1);
    if (!pixels || !labels)
        return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, s->path, "no memory for the data");
    for (size_t i = 0; i < n; i++) {
        labels[i] = s->data[i * RECORD];
        memcpy(pixels + i * PIXELS, s->data + i * RECORD + 1, PIXELS);
    }
    *x = (oz_stored){.name = "x",
                     .type = OZ_STORED_U8,
                     .rank = 4,
                     .dim = {n, 3, 32, 32},
                     .data = pixels,
                     .bytes = n * PIXELS};
    *y = (oz_stored){.name = "y", .type = OZ_STORED_U8, .rank = 1, .dim = {n}, .data = labels, .bytes = n};
    return OZ_OK;
}
