#include "files.h"

#include "evaluate/inflate.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void put(test_bytes *b, const void *data, size_t n) {
    cr_assert(b->n + n <= sizeof b->data);
    if (n) memcpy(b->data + b->n, data, n);
    b->n += n;
}

void put_text(test_bytes *b, const char *text) {
    put(b, text, strlen(text));
}

static void put_little(test_bytes *b, uint64_t v, int bytes) {
    for (int i = 0; i < bytes; i++) put(b, &(uint8_t){(uint8_t)(v >> 8 * i)}, 1);
}

void put_u16(test_bytes *b, uint32_t v) {
    put_little(b, v, 2);
}

void put_u32(test_bytes *b, uint32_t v) {
    put_little(b, v, 4);
}

void put_u64(test_bytes *b, uint64_t v) {
    put_little(b, v, 8);
}

void put_u32_big(test_bytes *b, uint32_t v) {
    for (int i = 3; i >= 0; i--) put(b, &(uint8_t){(uint8_t)(v >> 8 * i)}, 1);
}

void put_npy(test_bytes *b, const char *dictionary, const void *values, size_t bytes) {
    put(b, "\x93NUMPY\1\0", 8);
    put_u16(b, (uint32_t)strlen(dictionary) + 1);
    put_text(b, dictionary);
    put_text(b, "\n");
    put(b, values, bytes);
}

void put_safetensors(test_bytes *b, const char *header, const void *values, size_t bytes) {
    put_u64(b, strlen(header));
    put_text(b, header);
    put(b, values, bytes);
}

void put_deflate(test_bytes *b, const void *data, size_t n) {
    put(b, "\1", 1);
    put_u16(b, (uint32_t)n);
    put_u16(b, (uint32_t)n ^ 0xffff);
    put(b, data, n);
}

void put_gzip(test_bytes *b, const void *data, size_t n) {
    put(b, "\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
    put_deflate(b, data, n);
    put_u32(b, oz_crc32(data, n));
    put_u32(b, (uint32_t)n);
}

static void put_fields(test_bytes *b, const test_member *m, size_t packed) {
    put_u16(b, 20);
    put_u16(b, 0);
    put_u16(b, m->deflate ? 8 : 0);
    put_u32(b, 0);
    put_u32(b, oz_crc32(m->content->data, m->content->n));
    put_u32(b, (uint32_t)packed);
    put_u32(b, (uint32_t)m->content->n);
    put_u16(b, (uint32_t)strlen(m->name));
    put_u16(b, 0);
}

void put_zip(test_bytes *b, const test_member *members, size_t n) {
    size_t local[8], packed[8];
    for (size_t i = 0; i < n; i++) {
        const test_member *m = &members[i];
        local[i] = b->n;
        packed[i] = m->content->n + (m->deflate ? 5 : 0);
        put(b, "PK\3\4", 4);
        put_fields(b, m, packed[i]);
        put_text(b, m->name);
        if (m->deflate)
            put_deflate(b, m->content->data, m->content->n);
        else
            put(b, m->content->data, m->content->n);
    }
    size_t directory = b->n;
    for (size_t i = 0; i < n; i++) {
        put(b, "PK\1\2", 4);
        put_u16(b, 20);
        put_fields(b, &members[i], packed[i]);
        put(b, "\0\0\0\0\0\0\0\0\0\0", 10); /* comment, disk, attributes */
        put_u32(b, (uint32_t)local[i]);
        put_text(b, members[i].name);
    }
    size_t bytes = b->n - directory;
    put(b, "PK\5\6\0\0\0\0", 8);
    put_u16(b, (uint32_t)n);
    put_u16(b, (uint32_t)n);
    put_u32(b, (uint32_t)bytes);
    put_u32(b, (uint32_t)directory);
    put_u16(b, 0);
}

static const char *path_of(const char *name) {
    static char path[2][128];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "evaluate-%ld-%s", (long)getpid(), name);
    return path[turn];
}

const char *save(const test_bytes *b, const char *name) {
    const char *path = path_of(name);
    FILE *f = fopen(path, "wb");
    cr_assert_not_null(f);
    cr_assert(fwrite(b->data, 1, b->n, f) == b->n);
    cr_assert(fclose(f) == 0);
    return path;
}

void drop(const char *name) {
    remove(path_of(name));
}
