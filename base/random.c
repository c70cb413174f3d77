/* random.c - the Mersenne Twister (Matsumoto and Nishimura, 1998) and what PyTorch and NumPy draw from it.
 *
 * What counts is not only the generator but how many words each distribution takes and which bits it uses:
 * a single word more or less changes everything after it. */
#include "base/random.h"

#include "base/hash.h"

enum { N = 624, M = 397 };

void oz_mt19937_seed(oz_mt19937 *g, uint32_t seed) {
    g->state[0] = seed;
    for (uint32_t i = 1; i < N; i++) {
        uint32_t before = g->state[i - 1];
        g->state[i] = 1812433253u * (before ^ (before >> 30)) + i;
    }
    g->next = N;
}

static void refill(oz_mt19937 *g) {
    uint32_t *s = g->state;
    for (uint32_t i = 0; i < N; i++) {
        uint32_t joined = (s[i] & 0x80000000u) | (s[(i + 1) % N] & 0x7fffffffu);
        uint32_t twist = joined & 1 ? 0x9908b0dfu : 0;
        s[i] = s[(i + M) % N] ^ (joined >> 1) ^ twist;
    }
    g->next = 0;
}

uint32_t oz_mt19937_u32(oz_mt19937 *g) {
    if (g->next >= N) refill(g);
    uint32_t y = g->state[g->next++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

static uint64_t high_word_first(oz_mt19937 *g) {
    uint64_t high = oz_mt19937_u32(g);
    return high << 32 | oz_mt19937_u32(g);
}

void oz_torch_uniform(oz_mt19937 *g, float from, float to, float *out, size_t n) {
    const float span = to - from;
    for (size_t i = 0; i < n; i++) {
        float unit = (float)(oz_mt19937_u32(g) & 0xffffff) * 0x1p-24f;
        out[i] = unit * span + from;
    }
}

/* low plus a draw below high - low, in wrapping arithmetic: the range may exceed INT64_MAX. */
static int64_t draw_between(oz_mt19937 *g, int64_t low, int64_t high, uint64_t first_wide_range) {
    uint64_t range = (uint64_t)high - (uint64_t)low;
    uint64_t word = range < first_wide_range ? oz_mt19937_u32(g) : high_word_first(g);
    return (int64_t)((uint64_t)low + (range ? word % range : word));
}

int64_t oz_torch_randint(oz_mt19937 *g, int64_t low, int64_t high) {
    return draw_between(g, low, high, UINT64_C(1) << 28);
}

int64_t oz_torch_randint_old(oz_mt19937 *g, int64_t low, int64_t high) {
    return draw_between(g, low, high, UINT64_C(1) << 32);
}

uint32_t oz_numpy_randint(oz_mt19937 *g, uint32_t high) {
    uint32_t largest = high - 1; /* high 0 is 2^32 */
    if (largest == 0) return 0;  /* takes no word */
    uint32_t mask = UINT32_MAX >> __builtin_clz(largest);
    uint32_t word;
    do word = oz_mt19937_u32(g) & mask;
    while (word > largest);
    return word;
}

uint64_t oz_stream_u64(uint64_t seed, uint64_t index) {
    return oz_hash_u64(index, seed);
}
