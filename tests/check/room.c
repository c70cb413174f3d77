/* room.c - see room.h. Around the data only a margin is filled and looked at: a kernel that goes astray
 * does so by a vector or a row, or it meets the forbidden page. */
#include "tests/check/room.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MARGIN = 1024, PATTERN = 0xff };

void room_make(room *r) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    int zero = open("/dev/zero", O_RDWR);
    uint8_t *map = mmap(NULL, ROOM_BYTES + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 0);
    if (zero < 0 || map == MAP_FAILED || mprotect(map, page, PROT_NONE) != 0 ||
        mprotect(map + page + ROOM_BYTES, page, PROT_NONE) != 0) {
        perror("guarded memory");
        exit(2);
    }
    close(zero);
    *r = (room){.begin = map + page, .room = ROOM_BYTES};
}

/* The margins before and behind the data. */
static size_t before(const room *r) {
    size_t free_bytes = (size_t)(r->data - r->begin);
    return free_bytes < MARGIN ? free_bytes : MARGIN;
}

static size_t behind(const room *r) {
    size_t free_bytes = (size_t)(r->begin + r->room - (r->data + r->bytes));
    return free_bytes < MARGIN ? free_bytes : MARGIN;
}

void *room_take(room *r, place at, size_t bytes) {
    if (bytes > r->room) {
        fprintf(stderr, "a room has %zu bytes, a case needs %zu\n", r->room, bytes);
        exit(2);
    }
    r->bytes = bytes;
    r->data = at == AT_END ? r->begin + r->room - bytes : r->begin;
    memset(r->data - before(r), PATTERN, before(r) + bytes + behind(r));
    return r->data;
}

void *room_copy(room *r, place at, const void *data, size_t bytes) {
    void *p = room_take(r, at, bytes);
    if (bytes) memcpy(p, data, bytes);
    return p;
}

bool room_intact(const room *r) {
    const uint8_t *p = r->data - before(r), *q = r->data + r->bytes;
    for (size_t i = 0; i < before(r); i++)
        if (p[i] != PATTERN) return false;
    for (size_t i = 0; i < behind(r); i++)
        if (q[i] != PATTERN) return false;
    return true;
}
