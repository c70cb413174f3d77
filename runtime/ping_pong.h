/* ping_pong.h - a line of the cache that two threads send each other: how long it is under way. */
#ifndef OZ_RUNTIME_PING_PONG_H
#define OZ_RUNTIME_PING_PONG_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct oz_ping_pong {
    alignas(64) atomic_size_t hits; /* so far: even ones are the first player's to answer */
    alignas(64) size_t rounds;      /* two hits each; not on the line that is sent */
} oz_ping_pong;

/* Before the players come; rounds < SIZE_MAX / 2. */
void oz_ping_pong_start(oz_ping_pong *p, size_t rounds);
/* Player 0 or 1, each on a thread of his own. Returns when all rounds are played or, with waits that have
 * lasted for 0.1 s, without them; who comes later then returns at once. */
void oz_ping_pong_play(oz_ping_pong *p, size_t player);
/* After both have returned: whether all rounds were played. */
bool oz_ping_pong_done(oz_ping_pong *p);

#endif
