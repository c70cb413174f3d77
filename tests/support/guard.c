/* guard.c - guarded memory from mmap and mprotect. */
#include "tests/support/guard.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

guard guard_new(size_t bytes, size_t align) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t room = (bytes + align - 1) / align * align, inner = (room + page - 1) / page * page;
    if (inner == 0) inner = page;
    guard g = {.bytes = bytes, .mapped = inner + 2 * page};
    int zero = open("/dev/zero", O_RDWR);
    g.map = mmap(NULL, g.mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 0);
    close(zero);
    if (g.map == MAP_FAILED) abort();
    uint8_t *base = g.map;
    mprotect(base, page, PROT_NONE);
    mprotect(base + page + inner, page, PROT_NONE);
    g.data = base + page + inner - room;
    return g;
}

guard guard_new_unaligned(size_t bytes) {
    guard g = guard_new(bytes + 1, 1);
    g.bytes = bytes;
    return g;
}

void guard_free(guard *g) {
    if (g->map) munmap(g->map, g->mapped);
    *g = (guard){0};
}
