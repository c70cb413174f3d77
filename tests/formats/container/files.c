/* files.c - see files.h. */
#include "tests/formats/container/files.h"

#include <stdlib.h>
#include <string.h>

static file allocate(size_t bytes) {
    void *p;
    if (posix_memalign(&p, 64, bytes ? bytes : 1) != 0) abort();
    return (file){.data = p, .bytes = bytes};
}

file file_make(const char *header, size_t data_bytes) {
    size_t bytes = strlen(header), padded = (8 + bytes + 63) / 64 * 64;
    file f = allocate(padded + data_bytes);
    uint64_t length = padded - 8;
    for (int i = 0; i < 8; i++) f.data[i] = (uint8_t)(length >> 8 * i);
    memset(f.data + 8, ' ', padded - 8);
    memcpy(f.data + 8, header, bytes);
    for (size_t i = 0; i < data_bytes; i++) f.data[padded + i] = (uint8_t)i;
    return f;
}

file file_of_image(const oz_image *image) {
    file f = allocate(image->bytes);
    memcpy(f.data, image->data, image->bytes);
    return f;
}

void file_free(file *f) {
    free(f->data);
    *f = (file){0};
}

oz_status opened_read(opened *o, const file *f, const oz_limits *limits) {
    const oz_allocator *allocator = o->arena.allocator;
    *o = (opened){.arena = {.allocator = allocator}};
    OZ_TRY(oz_safetensors_read(&o->file, f->data, f->bytes, limits, &o->arena, &o->err));
    return oz_contents_read(&o->contents, &o->file, limits, &o->arena, &o->err);
}

void opened_free(opened *o) {
    oz_arena_free(&o->arena);
}
