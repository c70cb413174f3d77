/* room.h - memory that ends, or begins, exactly at a page that nobody may touch.
 *
 * Rooms are made once and used again for every case. What lies in the room outside of the data is filled
 * with a pattern that is NaN as floats: an input read there shows in the result, an output written there is
 * found by room_intact. */
#ifndef OZ_TESTS_CHECK_ROOM_H
#define OZ_TESTS_CHECK_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum place { AT_END, AT_START, PLACES } place;

typedef struct room {
    uint8_t *begin, *data;
    size_t room, bytes; /* of the whole, of the data */
} room;

enum { ROOM_BYTES = 1 << 20 };

void room_make(room *r);
/* A place for `bytes`; all of it has the pattern. */
void *room_take(room *r, place at, size_t bytes);
/* A copy of `data`. */
void *room_copy(room *r, place at, const void *data, size_t bytes);
bool room_intact(const room *r);

#endif
