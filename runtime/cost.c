/* cost.c - call + bytes + work, with coefficients per instruction set.
 *
 * mv reads every byte of the leaf once, and works on rows x cols x columns products; where a decoder does it,
 * after decoding every weight. mm decodes the leaf once per OZ_GROUP tiles of 64 columns and multiplies all
 * columns of every tile it begins. The coefficients are medians of `ounce bench kernel` on one machine with
 * AVX-512 (Zen 4, 2.6 GHz) and one without (Zen 3); they need only rank a handful of candidates. */
#include "runtime/cost.h"

#include "base/arith.h"
#include "runtime/multiply.h"

typedef struct oz_rates {
    double call;     /* ns per call */
    double byte;     /* ns per byte of the leaf, streamed */
    double product;  /* ns per product of an mv kernel */
    double gemm_f32; /* ns per product of an mm tile */
    double gemm_u8;
    double gemm_nz; /* per stored weight and column */
    double decode;  /* ns per weight decoded in vectors */
    double plain;   /* ns per weight decoded in plain C */
    double single;  /* ns per product that mv does weight by weight */
    double dnnl;    /* ns per product */
} oz_rates;

static const oz_rates rates[OZ_ISA_COUNT] = {
    [OZ_ISA_SCALAR] = {100, 0.05, 0.5, 0.25, 0.5, 0.3, 2.0, 4.0, 0.5, 0.02},
    [OZ_ISA_AVX2] = {100, 0.05, 0.04, 0.014, 0.007, 0.02, 0.10, 4.0, 0.5, 0.014},
    [OZ_ISA_AVX512] = {100, 0.05, 0.03, 0.0105, 0.006, 0.015, 0.08, 4.0, 0.5, 0.012},
    [OZ_ISA_AVX512VNNI] = {100, 0.05, 0.02, 0.0105, 0.003, 0.015, 0.08, 4.0, 0.5, 0.012},
};

static double leaf_bytes(const oz_leaf *leaf) {
    oz_bytes b;
    oz_leaf_bytes(leaf, &b);
    return (double)(b.values + b.index + b.scales);
}

double oz_cost_ns(const oz_leaf *leaf, const oz_choice *choice, oz_isa isa, uint64_t columns) {
    const oz_rates *r = &rates[isa];
    double weights = (double)leaf->rows * (double)leaf->cols, tiles = (double)oz_div_up(columns, OZ_COLUMNS);
    double padded = (double)(columns / OZ_COLUMNS * OZ_COLUMNS);
    if (columns % OZ_COLUMNS) padded += (double)oz_lanes_for(columns % OZ_COLUMNS);
    const oz_decoder *d = choice->decoder;
    double decode = d ? weights * (d->plain ? r->plain : r->decode) : 0;
    switch (choice->way) {
    case OZ_WAY_MV:
        return r->call + r->byte * leaf_bytes(leaf) + r->product * weights * (double)columns;
    case OZ_WAY_BLOCKS:
        return r->call + r->byte * leaf_bytes(leaf) + decode +
               (double)columns * (d->nz ? r->single * (double)oz_leaf_nonzeros(leaf) : r->product * weights);
    case OZ_WAY_DNNL:
        return 10 * r->call + r->dnnl * weights * padded;
    case OZ_WAY_UNPACK:
        return 10 * r->call + r->plain * weights + r->dnnl * weights * padded;
    case OZ_WAY_MM:
        break;
    }
    decode *= (double)oz_div_up((uint64_t)tiles, OZ_GROUP);
    if (d->nz) return r->call + decode + r->gemm_nz * (double)oz_leaf_nonzeros(leaf) * padded;
    return r->call + decode + (d->u8 ? r->gemm_u8 : r->gemm_f32) * weights * padded;
}
