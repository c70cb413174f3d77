/* files.h - small files that a test writes byte by byte, in its working folder. */
#ifndef TESTS_EVALUATE_FILES_H
#define TESTS_EVALUATE_FILES_H

#include <stddef.h>
#include <stdint.h>

typedef struct test_bytes {
    uint8_t data[1 << 16];
    size_t n;
} test_bytes;

void put(test_bytes *b, const void *data, size_t n);
void put_text(test_bytes *b, const char *text);
void put_u16(test_bytes *b, uint32_t v);
void put_u32(test_bytes *b, uint32_t v);
void put_u32_big(test_bytes *b, uint32_t v);
void put_u64(test_bytes *b, uint64_t v);

/* An .npy of version 1 with this dictionary. */
void put_npy(test_bytes *b, const char *dictionary, const void *values, size_t bytes);
/* A safetensors file with this header. */
void put_safetensors(test_bytes *b, const char *header, const void *values, size_t bytes);
/* One uncompressed deflate block; gzip around it. */
void put_deflate(test_bytes *b, const void *data, size_t n);
void put_gzip(test_bytes *b, const void *data, size_t n);

typedef struct test_member {
    const char *name;
    const test_bytes *content;
    int deflate;
} test_member;
void put_zip(test_bytes *b, const test_member *members, size_t n);

/* Writes b as `name` (prefixed by this process) and returns its path; removed by drop. */
const char *save(const test_bytes *b, const char *name);
void drop(const char *name);

#endif
