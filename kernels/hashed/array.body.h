/* array.body.h - reading the shared array sixteen slots at a time, in any of its codecs.
 *
 * The scales of an int8 array belong to groups of slots. What is read as it lies goes from group to group; of
 * tiles any sixteen slots may be of two groups, so their scales are prepared as floats, each sixteen times,
 * and those of sixteen slots are one load. */
#include "base/arith.h"
#include "formats/hashed/hashed.h"

#define STRETCH 2048                   /* slots that are read at once, at most */
#define MOST_GROUPS (STRETCH / 32 + 2) /* the smallest have 32 slots */

typedef struct array_reader {
    const uint8_t *array;
    size_t slots, width; /* bytes of a slot */
    unsigned log2_group;
    bool scale_f32;
    const uint8_t *numbers; /* the scales as they are stored */
    size_t first;           /* slot: where the group of scales[0] begins */
    float scales[16 * MOST_GROUPS];
} array_reader;

OZ_INLINE size_t slot_bytes(oz_codec_kind kind) {
    return kind == OZ_CODEC_F32 ? 4 : kind == OZ_CODEC_INT8 ? 1 : 2;
}

OZ_INLINE void array_begin(oz_codec_kind kind, array_reader *a, const oz_leaf *leaf) {
    a->array = leaf->part[OZ_HASHED_ARRAY].data;
    a->slots = leaf->param[OZ_HASHED_SLOTS];
    a->width = slot_bytes(kind);
    a->scale_f32 = leaf->codec.scale_f32;
    a->numbers = leaf->part[OZ_HASHED_SCALES].data;
    a->log2_group = (unsigned)__builtin_ctzll(oz_hashed_group(leaf));
}

/* Makes ready to read slots [slot, slot + n), n <= STRETCH. */
OZ_INLINE void array_reach(oz_codec_kind kind, array_reader *a, size_t slot, size_t n) {
    if (kind != OZ_CODEC_INT8) return;
    const size_t first = slot >> a->log2_group, last = (slot + n - 1) >> a->log2_group;
    a->first = first << a->log2_group;
    for (size_t g = first; g <= last; g += 16) {
        const size_t some = oz_min(16, last - g + 1);
        float each[16];
        v_store(each,
                a->scale_f32 ? v_load_n(a->numbers + 4 * g, some) : v_load_f16_n(a->numbers + 2 * g, some));
        for (size_t k = 0; k < some; k++) v_store(a->scales + 16 * (g - first + k), v_set1(each[k]));
    }
}

/* Without scales. */
OZ_INLINE vf16 read_plain(oz_codec_kind kind, const uint8_t *p) {
    if (kind == OZ_CODEC_INT8) return v_from_i32(vi_sub(vi_load_u8(p), vi_set1(128)));
    return kind == OZ_CODEC_F32 ? v_load(p) : kind == OZ_CODEC_F16 ? v_load_f16(p) : v_load_bf16(p);
}
OZ_INLINE vf16 read_plain_n(oz_codec_kind kind, const uint8_t *p, size_t n) {
    if (kind == OZ_CODEC_INT8) return v_sub(v_load_u8_n(p, n), v_set1(128));
    return kind == OZ_CODEC_F32   ? v_load_n(p, n)
           : kind == OZ_CODEC_F16 ? v_load_f16_n(p, n)
                                  : v_load_bf16_n(p, n);
}

/* Of the 16 slots from `slot` on. The scale of the n-th last slot of a group and those behind it are n times
 * that group's and then the next one's. */
OZ_INLINE vf16 scales_of(const array_reader *a, size_t slot) {
    const size_t inside = slot - a->first, group = (size_t)1 << a->log2_group, within = inside & (group - 1);
    const size_t of_next = within > group - 16 ? within - (group - 16) : 0;
    return v_load(a->scales + 16 * (inside >> a->log2_group) + of_next);
}

/* Sixteen slots. */
OZ_INLINE vf16 read_slots(oz_codec_kind kind, const array_reader *a, size_t slot) {
    vf16 w = read_plain(kind, a->array + slot * a->width);
    return kind == OZ_CODEC_INT8 ? v_mul(w, scales_of(a, slot)) : w;
}

/* The first n < 16 of them, without scales, and zeros. */
OZ_INLINE vf16 read_some(oz_codec_kind kind, const array_reader *a, size_t slot, size_t n) {
    const uint8_t *p = a->array + slot * a->width;
    vf16 w = slot + 16 <= a->slots ? read_plain(kind, p) : read_plain_n(kind, p, n);
    return v_select(v_mask((uint16_t)((1u << n) - 1)), w, v_zero());
}

/* The scale of a slot's group, in all lanes. */
OZ_INLINE vf16 scale_at_slot(const array_reader *a, size_t slot) {
    const size_t group = slot >> a->log2_group;
    return a->scale_f32 ? v_broadcast(a->numbers + 4 * group) : v_broadcast_f16(a->numbers + 2 * group);
}
