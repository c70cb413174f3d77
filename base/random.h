/* random.h - the generators whose numbers belong to files, frozen for ever.
 *
 * oz_mt19937 reproduces PyTorch's CPU generator (and NumPy's RandomState) bit for bit: NOLA bases and
 * hash constants of other people's checkpoints are regenerated from their seeds with it. */
#ifndef OZ_BASE_RANDOM_H
#define OZ_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

typedef struct oz_mt19937 {
    uint32_t state[624];
    uint32_t next;
} oz_mt19937;

void oz_mt19937_seed(oz_mt19937 *g, uint32_t seed); /* init_genrand; torch seeds with seed & 0xffffffff */
uint32_t oz_mt19937_u32(oz_mt19937 *g);

/* torch.Tensor.uniform_(from, to) on a float32 CPU tensor. */
void oz_torch_uniform(oz_mt19937 *g, float from, float to, float *out, size_t n);
/* torch.randint(low, high), low < high: 32-bit draws below a range of 2^28, else 64-bit ones. */
int64_t oz_torch_randint(oz_mt19937 *g, int64_t low, int64_t high);
/* The same in torch versions whose threshold was 2^32. */
int64_t oz_torch_randint_old(oz_mt19937 *g, int64_t low, int64_t high);
/* numpy.random.RandomState.randint(0, high); high 0 stands for 2^32. */
uint32_t oz_numpy_randint(oz_mt19937 *g, uint32_t high);

/* Ounce's own counter-based stream: the i-th 64-bit word of a seed is XXH3(le64(i), seed). */
uint64_t oz_stream_u64(uint64_t seed, uint64_t index);

#endif
