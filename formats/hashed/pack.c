/* pack.c - fitting one shared array to the dense weights of all the leaves that read it.
 *
 * The squared error  sum over leaves and weights of (lambda * sign * array[slot] - W)^2  falls apart
 * into one parabola per slot, so the best array is known in closed form: with v = W / lambda
 *
 *     array[j] = sum(lambda^2 * sign * v) / sum(lambda^2)    over the weights whose slot is j
 *
 * which is the signed mean of the slot's weights when all lambdas are equal. */
#include "formats/hashed/hashed.h"

#include "formats/parts.h"

#include <math.h>

typedef struct fit_state {
    uint64_t slots;
    double *sum, *norm; /* [slots] */
    double *lambda;     /* [leaves] */
} fit_state;

static oz_status no_memory(const oz_leaf *leaf, oz_error *err) {
    return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, oz_leaf_where(leaf),
                   "no memory to fit the shared array");
}

static bool same_array(const oz_leaf *a, const oz_leaf *b) {
    return a->param[OZ_HASHED_SLOTS] == b->param[OZ_HASHED_SLOTS] && a->codec.kind == b->codec.kind &&
           oz_hashed_group(a) == oz_hashed_group(b) && a->codec.scale_f32 == b->codec.scale_f32;
}

oz_status oz_hashed_pack_begin(oz_packer *p, oz_error *err) {
    uint64_t bytes[OZ_MAX_PARTS];
    for (size_t i = 0; i < p->count; i++) {
        OZ_TRY(p->leaves[i].format->layout(&p->leaves[i], bytes, err));
        if (!same_array(&p->leaves[0], &p->leaves[i]))
            return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, oz_leaf_where(&p->leaves[i]),
                           "leaves that share an array need the same slots and codec");
    }
    const oz_leaf *first = &p->leaves[0];
    fit_state *s = oz_arena_alloc(p->arena, sizeof *s, 16);
    if (!s) return no_memory(first, err);
    s->slots = first->param[OZ_HASHED_SLOTS];
    s->sum = oz_arena_array(p->arena, s->slots, sizeof *s->sum);
    s->norm = oz_arena_array(p->arena, s->slots, sizeof *s->norm);
    s->lambda = oz_arena_array(p->arena, p->count, sizeof *s->lambda);
    if (!s->sum || !s->norm || !s->lambda) return no_memory(first, err);
    for (size_t i = 0; i < p->count; i++) s->lambda[i] = 1;
    p->state = s;
    return OZ_OK;
}

void oz_hashed_pack_lambda(oz_packer *p, size_t i, double lambda) {
    fit_state *s = p->state;
    s->lambda[i] = lambda;
}

/* With stored signs, each weight keeps its own. */
static oz_status store_signs(oz_leaf *leaf, const float *weights, oz_arena *arena, oz_error *err) {
    uint64_t n = leaf->rows * leaf->cols;
    oz_part *part = &leaf->part[OZ_HASHED_SIGNS];
    part->bytes = oz_div_up(n, 8);
    part->offset = OZ_NO_OFFSET;
    uint8_t *bits = oz_arena_alloc(arena, part->bytes, 64);
    if (!bits) return no_memory(leaf, err);
    for (uint64_t i = 0; i < n; i++) bits[i / 8] |= (uint8_t)((weights[i] < 0) << (i % 8));
    part->data = bits;
    return OZ_OK;
}

static void add_run(fit_state *s, oz_hashed_run run, const float *w, uint64_t negative, double weight) {
    for (uint64_t j = 0, slot = run.slot; j < run.n; j++, slot += run.step) {
        double v = negative >> j & 1 ? -(double)w[j] : (double)w[j];
        s->sum[slot] += weight * v;
        s->norm[slot] += weight;
    }
}

oz_status oz_hashed_pack_add(oz_packer *p, size_t i, const float *weights, oz_error *err) {
    fit_state *s = p->state;
    oz_leaf *leaf = &p->leaves[i];
    if (leaf->param[OZ_HASHED_SIGN] == OZ_HASHED_SIGN_MASK) OZ_TRY(store_signs(leaf, weights, p->arena, err));
    double weight = s->lambda[i] * s->lambda[i];
    for (uint64_t r = 0; r < leaf->rows; r++) {
        for (uint64_t c = 0; c < leaf->cols;) {
            oz_hashed_run run = oz_hashed_run_at(leaf, r, c, oz_min(leaf->cols - c, 64));
            uint64_t at = r * leaf->cols + c;
            add_run(s, run, weights + at, oz_hashed_signs(leaf, at, (uint32_t)run.n), weight);
            c += run.n;
        }
    }
    return OZ_OK;
}

/* An int8 array: each group of slots gets the scale that minimises its squared error. */
static void encode_groups(const oz_leaf *leaf, const float *mean, uint64_t slots, uint8_t *array,
                          uint8_t *scales) {
    oz_codec_kind kind = leaf->codec.scale_f32 ? OZ_CODEC_F32 : OZ_CODEC_F16;
    uint64_t group = oz_hashed_group(leaf);
    for (uint64_t j = 0; j < slots; j += group) {
        size_t n = oz_min(slots - j, group);
        oz_group_fit fit = oz_codec_fit(&leaf->codec, mean + j, n);
        oz_float_put(kind, scales, j / group, fit.scale);
        for (size_t i = 0; i < n; i++) array[j + i] = oz_codec_encode(&leaf->codec, fit, mean[j + i]);
    }
}

static oz_status encode_floats(const oz_leaf *leaf, const float *mean, uint64_t slots, uint8_t *array,
                               oz_error *err) {
    oz_codec_kind kind = leaf->codec.kind;
    for (uint64_t j = 0; j < slots; j++) {
        oz_float_put(kind, array, j, mean[j]);
        if (isfinite(oz_float_get(kind, array, j))) continue;
        return oz_fail(err, OZ_ERR_NUMBER, OZ_NO_OFFSET, oz_leaf_where(leaf),
                       "a shared number of %g is too large for %s: use bf16 or f32", (double)mean[j],
                       oz_codec_name(kind));
    }
    return OZ_OK;
}

oz_status oz_hashed_pack_finish(oz_packer *p, oz_error *err) {
    const fit_state *s = p->state;
    const oz_leaf *first = &p->leaves[0];
    uint64_t bytes[OZ_MAX_PARTS];
    OZ_TRY(first->format->layout(first, bytes, err));
    float *mean = oz_arena_array(p->arena, s->slots, sizeof *mean);
    uint8_t *array = oz_arena_alloc(p->arena, bytes[OZ_HASHED_ARRAY], 64);
    uint8_t *scales = oz_arena_alloc(p->arena, bytes[OZ_HASHED_SCALES], 64);
    if (!mean || !array || !scales) return no_memory(first, err);
    for (uint64_t j = 0; j < s->slots; j++) mean[j] = s->norm[j] > 0 ? (float)(s->sum[j] / s->norm[j]) : 0.0f;
    if (first->codec.kind == OZ_CODEC_INT8) {
        encode_groups(first, mean, s->slots, array, scales);
    } else {
        OZ_TRY(encode_floats(first, mean, s->slots, array, err));
    }
    for (size_t i = 0; i < p->count; i++) {
        oz_leaf *leaf = &p->leaves[i];
        leaf->part[OZ_HASHED_ARRAY] = (oz_part){array, bytes[OZ_HASHED_ARRAY], OZ_NO_OFFSET};
        if (bytes[OZ_HASHED_SCALES])
            leaf->part[OZ_HASHED_SCALES] = (oz_part){scales, bytes[OZ_HASHED_SCALES], OZ_NO_OFFSET};
    }
    return OZ_OK;
}
