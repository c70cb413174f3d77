/* hashed.c - the format `hashed`: its parameters and parts, what `open` proves, and its rows.
 *
 * Slots are in range by construction (every map ends in a remainder), so once the parameters are
 * sound no byte of the array can lead a kernel astray. */
#include "formats/hashed/hashed.h"

#include "formats/parts.h"

#include <math.h>
#include <string.h>

static const char *const maps[] = {"pareto", "roast", "hashednet", "robe", NULL};
static const char *const sign_rules[] = {"hash", "none", "mask", NULL};

static const oz_param_def params[OZ_HASHED_PARAMS] = {
    [OZ_HASHED_MAP] = {"map", maps, OZ_HASHED_PARETO, false},
    [OZ_HASHED_SLOTS] = {"slots", NULL, 0, true},
    [OZ_HASHED_START] = {"start", NULL, 0, false},
    [OZ_HASHED_SEED] = {"seed", NULL, 1, false},
    [OZ_HASHED_SIGN] = {"sign", sign_rules, OZ_HASHED_SIGN_HASH, false},
    /* oz_hashed_constants of seed 1 */
    [OZ_HASHED_R0] = {"r0", NULL, 1026061689, false},
    [OZ_HASHED_R1] = {"r1", NULL, 509610793, false},
    [OZ_HASHED_R2] = {"r2", NULL, 831957067, false},
    [OZ_HASHED_P] = {"p", NULL, 2038074743, false},
    [OZ_HASHED_BLOCK_K] = {"block_k", NULL, 16, false},
    [OZ_HASHED_BLOCK_N] = {"block_n", NULL, 32, false},
    [OZ_HASHED_CHUNK] = {"chunk", NULL, 64, false},
    [OZ_HASHED_ALIGN] = {"align", NULL, 1, false},
};

static const oz_part_def parts[] = {
    [OZ_HASHED_ARRAY] = {"array", OZ_PART_VALUES},
    [OZ_HASHED_SCALES] = {"scales", OZ_PART_SCALES},
    [OZ_HASHED_SIGNS] = {"signs", OZ_PART_INDEX},
};

static oz_status bad(const oz_leaf *leaf, oz_error *err, const char *what) {
    return oz_fail(err, OZ_ERR_FORMAT, OZ_NO_OFFSET, oz_leaf_where(leaf), "hashed: %s", what);
}

/* Positions stay below 2^63, so that no position, and no sum of one with rows or cols, wraps. */
static oz_status check_positions(const oz_leaf *leaf, oz_error *err) {
    uint64_t end;
    if (!oz_add(leaf->param[OZ_HASHED_START], leaf->rows * leaf->cols, &end) || end >> 63)
        return bad(leaf, err, "start + rows * cols must stay below 2^63");
    return OZ_OK;
}

static oz_status check_map(const oz_leaf *leaf, oz_error *err) {
    const uint64_t *v = leaf->param;
    uint64_t slots = v[OZ_HASHED_SLOTS], tile;
    if (slots == 0 || slots >> 48) return bad(leaf, err, "slots must be 1 to 2^48 - 1");
    if (v[OZ_HASHED_P] == 0 || v[OZ_HASHED_P] >> 63) return bad(leaf, err, "p must be 1 to 2^63 - 1");
    if (!v[OZ_HASHED_ALIGN] || v[OZ_HASHED_ALIGN] & (v[OZ_HASHED_ALIGN] - 1))
        return bad(leaf, err, "align must be a power of two");
    if (v[OZ_HASHED_MAP] == OZ_HASHED_ROAST) {
        if (!oz_mul(v[OZ_HASHED_BLOCK_K], v[OZ_HASHED_BLOCK_N], &tile) || tile == 0 || tile >= slots)
            return bad(leaf, err,
                       "a tile of block_k * block_n must have fewer numbers than slots: give a larger "
                       "ratio=, slots= or "
                       "budget, or smaller block_k= and block_n=");
    }
    if (v[OZ_HASHED_MAP] == OZ_HASHED_ROBE && (v[OZ_HASHED_CHUNK] == 0 || v[OZ_HASHED_CHUNK] > slots))
        return bad(leaf, err, "chunk must be 1 to slots");
    return OZ_OK;
}

static oz_status layout(const oz_leaf *leaf, uint64_t bytes[OZ_MAX_PARTS], oz_error *err) {
    OZ_TRY(oz_leaf_check_shape(leaf, err));
    OZ_TRY(oz_leaf_check_symmetric(leaf, err));
    OZ_TRY(check_positions(leaf, err));
    OZ_TRY(check_map(leaf, err));
    bool integer = leaf->codec.kind == OZ_CODEC_INT8;
    uint64_t weights = leaf->rows * leaf->cols;
    uint64_t slots = leaf->param[OZ_HASHED_SLOTS];
    memset(bytes, 0, OZ_MAX_PARTS * sizeof bytes[0]);
    bytes[OZ_HASHED_ARRAY] = slots * (integer ? 1 : oz_float_bytes(leaf->codec.kind));
    if (integer)
        bytes[OZ_HASHED_SCALES] = oz_div_up(slots, oz_hashed_group(leaf)) * oz_scale_bytes(&leaf->codec);
    if (leaf->param[OZ_HASHED_SIGN] == OZ_HASHED_SIGN_MASK) bytes[OZ_HASHED_SIGNS] = oz_div_up(weights, 8);
    return OZ_OK;
}

static oz_status open_leaf(const oz_leaf *leaf, oz_error *err) {
    uint64_t bytes[OZ_MAX_PARTS];
    OZ_TRY(layout(leaf, bytes, err));
    const oz_part *scales = &leaf->part[OZ_HASHED_SCALES];
    uint32_t size = oz_scale_bytes(&leaf->codec);
    oz_codec_kind kind = leaf->codec.scale_f32 ? OZ_CODEC_F32 : OZ_CODEC_F16;
    for (uint64_t i = 0; i < bytes[OZ_HASHED_SCALES] / size; i++) {
        if (isfinite(oz_float_get(kind, scales->data, i))) continue;
        uint64_t at = scales->offset == OZ_NO_OFFSET ? OZ_NO_OFFSET : scales->offset + i * size;
        return oz_fail(err, OZ_ERR_FORMAT, at, oz_leaf_where(leaf), "hashed: scale %llu is not finite",
                       (unsigned long long)i);
    }
    return OZ_OK;
}

static void negate(float *w, uint64_t bits) {
    for (; bits; bits &= bits - 1) {
        float *f = w + __builtin_ctzll(bits);
        *f = -*f;
    }
}

static void row(const oz_leaf *leaf, uint64_t r, uint64_t c0, uint64_t n, float *out) {
    for (uint64_t done = 0; done < n;) {
        oz_hashed_run run = oz_hashed_run_at(leaf, r, c0 + done, n - done);
        oz_hashed_read(leaf, run, out + done);
        done += run.n;
    }
    for (uint64_t done = 0; done < n; done += 64) {
        uint32_t some = (uint32_t)oz_min(n - done, 64);
        negate(out + done, oz_hashed_signs(leaf, r * leaf->cols + c0 + done, some));
    }
}

/* One hash per weight is too slow to do it again at every run. */
static bool materialises(const oz_leaf *leaf) {
    return leaf->param[OZ_HASHED_MAP] == OZ_HASHED_HASHEDNET;
}

static void materialise(const oz_leaf *leaf, float *out) {
    for (uint64_t r = 0; r < leaf->rows; r++) row(leaf, r, 0, leaf->cols, out + r * leaf->cols);
}

static const char *variant(const oz_leaf *leaf) {
    static const char *const names[] = {[OZ_HASHED_PARETO] = "hashed:pareto",
                                        [OZ_HASHED_ROAST] = "hashed:roast",
                                        [OZ_HASHED_HASHEDNET] = "hashed:hashednet",
                                        [OZ_HASHED_ROBE] = "hashed:robe"};
    return names[leaf->param[OZ_HASHED_MAP]];
}

static uint64_t slots_of(const oz_leaf *leaf) {
    return leaf->param[OZ_HASHED_SLOTS];
}

const oz_format oz_format_hashed = {
    .name = "hashed",
    .params = params,
    .n_params = OZ_HASHED_PARAMS,
    .parts = parts,
    .n_parts = sizeof parts / sizeof parts[0],
    .codecs = OZ_CODECS_FLOAT | OZ_CODEC_BIT(OZ_CODEC_INT8),
    .layout = layout,
    .open = open_leaf,
    .row = row,
    .shared = slots_of,
    .variant = variant,
    .materialises = materialises,
    .materialise = materialise,
    .pack_begin = oz_hashed_pack_begin,
    .pack_add = oz_hashed_pack_add,
    .pack_finish = oz_hashed_pack_finish,
};
