/* ahead.body.h - asking memory for a block while another is multiplied. */
#ifndef OZ_KERNELS_GEMM_AHEAD_BODY_H
#define OZ_KERNELS_GEMM_AHEAD_BODY_H

#include "formats/format.h"
#include "kernels/kernel.h"

/* The lines of shares [share, share + shares) that begin at byte `from` of them. */
OZ_INLINE void ask_for_lines(const oz_extents *ahead, size_t share, size_t shares, size_t from) {
    if (ahead == NULL) return;
    OZ_UNROLL
    for (size_t i = 0; i < 2; i++) {
        const oz_extent *e = &ahead->part[i];
        if (from >= e->bytes) continue;
        OZ_UNROLL
        for (size_t s = 0; s < shares; s++) __builtin_prefetch(e->p + (share + s) * e->stride + from, 0, 2);
    }
}

/* All lines of shares [share, share + shares). */
OZ_INLINE void ask_for_shares(const oz_extents *ahead, size_t share, size_t shares) {
    if (ahead == NULL) return;
    const uint64_t first = ahead->part[0].bytes, second = ahead->part[1].bytes;
    const uint64_t most = first > second ? first : second;
    for (size_t from = 0; from < most; from += 64) ask_for_lines(ahead, share, shares, from);
}

/* Of each share what belongs to inputs [k, k + some) of n. */
OZ_INLINE oz_extents extents_within(const oz_extents *ahead, size_t k, size_t some, size_t n) {
    oz_extents e = {{{NULL, 0, 0}, {NULL, 0, 0}}};
    for (size_t i = 0; ahead && i < 2; i++) {
        const oz_extent *all = &ahead->part[i];
        if (all->bytes == 0) continue;
        const uint64_t from = all->bytes * k / n;
        e.part[i] = (oz_extent){all->p + from, all->stride, all->bytes * (k + some) / n - from};
    }
    return e;
}

#endif
