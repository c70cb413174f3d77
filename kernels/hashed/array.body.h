/* array.body.h - reading the shared array sixteen slots at a time, in any of its codecs.
 *
 * The scales of an int8 array belong to groups of slots, and slots of neighbouring weights may cross
 * from one group into the next, so scales are turned into floats for a stretch of slots first. */
#include "base/arith.h"
#include "formats/hashed/hashed.h"

#define MOST_SCALES 160 /* of a stretch: 4096 slots in groups of 32, and whole vectors */

typedef struct slots_view {
    const uint8_t *array;
    size_t slots, width; /* bytes of a slot */
    unsigned log2_group;
    size_t group0; /* of scale[0] */
    float scale[MOST_SCALES];
} slots_view;

OZ_INLINE void view_begin(oz_codec_kind kind, slots_view *v, const oz_leaf *leaf) {
    v->array = leaf->part[OZ_HASHED_ARRAY].data;
    v->slots = leaf->param[OZ_HASHED_SLOTS];
    v->width = kind == OZ_CODEC_F32 ? 4 : kind == OZ_CODEC_INT8 ? 1 : 2;
    v->log2_group = (unsigned)__builtin_ctzll(oz_hashed_group(leaf));
    v->group0 = 0;
}

/* Prepares slots [slot, slot + n), n <= 4096. */
OZ_INLINE void view_scales(oz_codec_kind kind, slots_view *v, const oz_leaf *leaf, size_t slot, size_t n) {
    if (kind != OZ_CODEC_INT8) return;
    const uint8_t *scales = leaf->part[OZ_HASHED_SCALES].data;
    size_t last = (slot + n - 1) >> v->log2_group, all = ((v->slots - 1) >> v->log2_group) + 1;
    v->group0 = slot >> v->log2_group;
    for (size_t g = v->group0; g <= last; g += 16) {
        vf16 s;
        if (leaf->codec.scale_f32) {
            s = v_load_n(scales + 4 * g, oz_min(16, all - g));
        } else {
            s = g + 16 <= all ? v_load_f16(scales + 2 * g) : v_load_f16_n(scales + 2 * g, all - g);
        }
        v_store(v->scale + (g - v->group0), s);
    }
}

OZ_INLINE vf16 scale_of_slot(const slots_view *v, size_t slot) {
    return v_broadcast(&v->scale[(slot >> v->log2_group) - v->group0]);
}
OZ_INLINE vf16 read_plain(oz_codec_kind kind, const slots_view *v, size_t slot) {
    const uint8_t *p = v->array + slot * v->width;
    if (kind == OZ_CODEC_INT8) return v_sub(v_load_u8(p), v_set1(128));
    return kind == OZ_CODEC_F32 ? v_load(p) : kind == OZ_CODEC_F16 ? v_load_f16(p) : v_load_bf16(p);
}

/* Sixteen slots of which int8 takes all from the group of the first one. */
OZ_INLINE vf16 read_in_group(oz_codec_kind kind, const slots_view *v, size_t slot) {
    vf16 w = read_plain(kind, v, slot);
    return kind == OZ_CODEC_INT8 ? v_mul(w, scale_of_slot(v, slot)) : w;
}

/* The first n < 16 of them, zeros behind; they are in one group. */
OZ_INLINE vf16 read_some(oz_codec_kind kind, const slots_view *v, size_t slot, size_t n) {
    const uint8_t *p = v->array + slot * v->width;
    vf16 w;
    if (slot + 16 <= v->slots) {
        w = read_plain(kind, v, slot);
    } else if (kind == OZ_CODEC_INT8) {
        w = v_sub(v_load_u8_n(p, n), v_set1(128));
    } else {
        w = kind == OZ_CODEC_F32   ? v_load_n(p, n)
            : kind == OZ_CODEC_F16 ? v_load_f16_n(p, n)
                                   : v_load_bf16_n(p, n);
    }
    if (kind == OZ_CODEC_INT8) w = v_mul(w, scale_of_slot(v, slot));
    return v_select(v_mask((uint16_t)((1u << n) - 1)), w, v_zero());
}

/* Sixteen slots that may lie in two groups. */
OZ_INLINE vf16 read_across(oz_codec_kind kind, const slots_view *v, size_t slot) {
    vf16 w = read_plain(kind, v, slot);
    if (kind != OZ_CODEC_INT8) return w;
    size_t group = (size_t)1 << v->log2_group, left = group - (slot & (group - 1));
    vm16 first = v_mask((uint16_t)((1u << oz_min(left, 16)) - 1));
    return v_mul(w, v_select(first, scale_of_slot(v, slot), scale_of_slot(v, slot + 15)));
}
