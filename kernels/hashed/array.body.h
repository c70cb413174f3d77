/* array.body.h - reading the shared array sixteen slots at a time, in any of its codecs.
 *
 * The scales of an int8 array belong to groups of slots; they are turned into floats for a stretch of slots
 * before it is read. */
#include "base/arith.h"
#include "formats/hashed/hashed.h"

#define STRETCH 2048                    /* slots that are read at once, at most */
#define MOST_SCALES (STRETCH / 32 + 32) /* in groups of 32, and whole vectors */

typedef struct slots_view {
    const uint8_t *array;
    size_t slots, width; /* bytes of a slot */
    unsigned log2_group;
} slots_view;

/* value[0] is the scale of the group that begins at slot `first`. */
typedef struct slot_scales {
    size_t first;
    float value[MOST_SCALES];
} slot_scales;

OZ_INLINE slots_view slots_of(oz_codec_kind kind, const oz_leaf *leaf) {
    return (slots_view){
        .array = leaf->part[OZ_HASHED_ARRAY].data,
        .slots = leaf->param[OZ_HASHED_SLOTS],
        .width = kind == OZ_CODEC_F32    ? 4
                 : kind == OZ_CODEC_INT8 ? 1
                                         : 2,
        .log2_group = (unsigned)__builtin_ctzll(oz_hashed_group(leaf)),
    };
}

/* The scales of slots [slot, slot + n). */
OZ_INLINE void scales_prepare(slot_scales *s, const slots_view *v, const oz_leaf *leaf, size_t slot,
                              size_t n) {
    const uint8_t *scales = leaf->part[OZ_HASHED_SCALES].data;
    size_t first = slot >> v->log2_group, last = (slot + n - 1) >> v->log2_group;
    size_t all = ((v->slots - 1) >> v->log2_group) + 1;
    s->first = first << v->log2_group;
    size_t g = first;
    do {
        vf16 values;
        if (leaf->codec.scale_f32) {
            values = v_load_n(scales + 4 * g, oz_min(16, all - g));
        } else {
            values = g + 16 <= all ? v_load_f16(scales + 2 * g) : v_load_f16_n(scales + 2 * g, all - g);
        }
        v_store(s->value + (g - first), values);
        g += 16;
    } while (g <= last);
}

OZ_INLINE vf16 scale_of_slot(const slots_view *v, const slot_scales *s, size_t slot) {
    return v_broadcast(&s->value[(slot - s->first) >> v->log2_group]);
}
OZ_INLINE vf16 read_plain(oz_codec_kind kind, const uint8_t *p) {
    if (kind == OZ_CODEC_INT8) return v_sub(v_load_u8(p), v_set1(128));
    return kind == OZ_CODEC_F32 ? v_load(p) : kind == OZ_CODEC_F16 ? v_load_f16(p) : v_load_bf16(p);
}
OZ_INLINE vf16 read_plain_n(oz_codec_kind kind, const uint8_t *p, size_t n) {
    if (kind == OZ_CODEC_INT8) return v_sub(v_load_u8_n(p, n), v_set1(128));
    return kind == OZ_CODEC_F32   ? v_load_n(p, n)
           : kind == OZ_CODEC_F16 ? v_load_f16_n(p, n)
                                  : v_load_bf16_n(p, n);
}

/* Sixteen slots; those of int8 have the scale `inside` slots behind the first one of s. */
OZ_INLINE vf16 read_slots(oz_codec_kind kind, const slots_view *v, const slot_scales *s, size_t slot,
                          size_t inside) {
    vf16 w = read_plain(kind, v->array + slot * v->width);
    return kind == OZ_CODEC_INT8 ? v_mul(w, v_broadcast(&s->value[inside >> v->log2_group])) : w;
}

/* The first n of them; what lies behind is any number. */
OZ_INLINE vf16 read_open(oz_codec_kind kind, const slots_view *v, size_t slot, size_t n) {
    const uint8_t *p = v->array + slot * v->width;
    return slot + 16 <= v->slots ? read_plain(kind, p) : read_plain_n(kind, p, n);
}

/* The first n < 16 of them, zeros behind. */
OZ_INLINE vf16 read_some(oz_codec_kind kind, const slots_view *v, const slot_scales *s, size_t slot,
                         size_t n) {
    vf16 w = read_open(kind, v, slot, n);
    if (kind == OZ_CODEC_INT8) w = v_mul(w, scale_of_slot(v, s, slot));
    return v_select(v_mask((uint16_t)((1u << n) - 1)), w, v_zero());
}

/* Every scale 16 times, so that 16 floats from the n-th last of one on are n times that one and then the
 * next. */
typedef struct wide_scales {
    size_t first; /* as slot_scales */
    float value[16 * MOST_SCALES];
} wide_scales;

OZ_INLINE void scales_widen(wide_scales *wide, const slot_scales *s, const slots_view *v, size_t slot,
                            size_t n) {
    wide->first = s->first;
    for (size_t g = 0; g <= (slot + n - 1 - s->first) >> v->log2_group; g++)
        v_store(wide->value + 16 * g, v_broadcast(&s->value[g]));
}

/* Sixteen slots of an int8 array, in one group or two. */
OZ_INLINE vf16 read_across(const slots_view *v, const wide_scales *wide, size_t slot) {
    size_t inside = slot - wide->first, group = (size_t)1 << v->log2_group, last = inside & (group - 1);
    size_t of_next = last > group - 16 ? last - (group - 16) : 0;
    vf16 scale = v_load(wide->value + 16 * (inside >> v->log2_group) + of_next);
    return v_mul(read_plain(OZ_CODEC_INT8, v->array + slot), scale);
}
