/* stream.c - the random numbers of a basis.
 *
 * Two generators: PyTorch's Mersenne Twister, to which published NOLA checkpoints are bound and which can
 * only be read in order; and our counter-based stream, in which every number can be had at once. */
#include "formats/basis/basis.h"

#include <math.h>

/* The bound of torch.nn.init.kaiming_uniform_(a=sqrt(5)) for a fan, 1 / sqrt(fan) but for its rounding:
 * the steps are Python's. */
static float bound_of(uint64_t fan) {
    double slope = sqrt(5.0);
    double gain = sqrt(2.0 / (1.0 + slope * slope));
    return (float)(sqrt(3.0) * (gain / sqrt((double)fan)));
}

void oz_basis_start(oz_basis_stream *s, const oz_leaf *leaf) {
    s->leaf = leaf;
    s->bound = bound_of(leaf->param[OZ_BASIS_FAN]);
    s->next = 0;
    if (leaf->param[OZ_BASIS_GENERATOR] != OZ_BASIS_TORCH) return;
    oz_mt19937_seed(&s->torch, (uint32_t)leaf->param[OZ_BASIS_SEED]);
    for (uint64_t i = 0; i < leaf->param[OZ_BASIS_SKIP]; i++) oz_mt19937_u32(&s->torch);
}

void oz_basis_seek(oz_basis_stream *s, uint64_t index) {
    if (s->leaf->param[OZ_BASIS_GENERATOR] == OZ_BASIS_TORCH) {
        for (uint64_t i = s->next; i < index; i++) oz_mt19937_u32(&s->torch);
    }
    s->next = index;
}

/* Half a word: 24 bits t give (2 t + 1 - 2^24) / 2^24, symmetric about 0 and never 0. */
static float unit_of(uint32_t half) {
    int32_t odd = (int32_t)(2 * (half >> 8) + 1) - (1 << 24);
    return (float)odd * 0x1p-24f;
}

void oz_basis_draw(oz_basis_stream *s, float *out, size_t n) {
    if (s->leaf->param[OZ_BASIS_GENERATOR] == OZ_BASIS_TORCH) {
        oz_torch_uniform(&s->torch, -s->bound, s->bound, out, n);
        s->next += n;
        return;
    }
    uint64_t seed = s->leaf->param[OZ_BASIS_SEED];
    uint64_t first = s->leaf->param[OZ_BASIS_SKIP] + s->next, word = 0;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t at = first + i;
        if (i == 0 || at % 2 == 0) word = oz_stream_u64(seed, at / 2);
        out[i] = unit_of((uint32_t)(at % 2 ? word >> 32 : word)) * s->bound;
    }
    s->next += n;
}

oz_basis_order oz_basis_order_of(const oz_leaf *leaf) {
    if (leaf->param[OZ_BASIS_ORDER] == OZ_BASIS_BY_COLS)
        return (oz_basis_order){leaf->cols, leaf->rows, 1, leaf->cols};
    return (oz_basis_order){leaf->rows, leaf->cols, leaf->cols, 1};
}
