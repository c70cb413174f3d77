/* scales.body.h - the scales and offsets of a leaf's integer codes, 16 rows at a time.
 *
 * Every format keeps them in parts named "scales" and "offsets" laid out [panel][group][16]. */
#ifndef OZ_KERNELS_SCALES_BODY_H
#define OZ_KERNELS_SCALES_BODY_H

#include "base/arith.h"
#include "formats/format.h"

typedef struct oz_scales {
    const uint8_t *scales, *offsets; /* of the panel */
    size_t groups, inputs;           /* groups of a row, inputs of a group */
    oz_offset offset;
    bool f32;
    int32_t zero; /* the symmetric zero; 0 with minima */
} oz_scales;

OZ_INLINE oz_scales scales_of(const oz_leaf *leaf, size_t panel) {
    const oz_codec *c = &leaf->codec;
    oz_scales s = {.offset = c->offset, .f32 = c->scale_f32};
    s.inputs = c->group ? c->group : leaf->cols;
    s.groups = c->group ? oz_div_up(leaf->cols, c->group) : 1;
    s.zero = c->offset == OZ_MINIMUM ? 0 : (int32_t)oz_codec_zero(c->kind);
    size_t first = panel * s.groups * OZ_PANEL, width = c->scale_f32 ? 4 : 2;
    for (size_t i = 0; i < leaf->format->n_parts; i++) {
        const oz_part_def *part = &leaf->format->parts[i];
        if (part->kind != OZ_PART_SCALES || leaf->part[i].data == NULL) continue;
        if (part->name[0] == 's')
            s.scales = leaf->part[i].data + first * width;
        else
            s.offsets = leaf->part[i].data + first * (c->offset == OZ_ZERO_POINT ? 1 : width);
    }
    return s;
}

OZ_INLINE const uint8_t *number_of(const oz_scales *s, const uint8_t *numbers, size_t group) {
    return numbers + group * OZ_PANEL * (s->f32 ? 4 : 2);
}
OZ_INLINE vf16 numbers_at(const oz_scales *s, const uint8_t *numbers, size_t group) {
    const uint8_t *p = number_of(s, numbers, group);
    return s->f32 ? v_load(p) : v_load_f16(p);
}
OZ_INLINE vf16 scale_at(const oz_scales *s, size_t group) {
    return numbers_at(s, s->scales, group);
}
OZ_INLINE vf16 minimum_at(const oz_scales *s, size_t group) {
    return numbers_at(s, s->offsets, group);
}
/* Scales are a short stream beside the codes, which hardware is late for, too: bytes that they are asked
 * ahead. */
#define OZ_SCALES_AHEAD 256
OZ_INLINE void ask_for_scales(const oz_scales *s, size_t group) {
    __builtin_prefetch(number_of(s, s->scales, group) + OZ_SCALES_AHEAD);
}
/* The code that means 0, per row: the group's zero point, or the codec's. */
OZ_INLINE vi16 zero_at(const oz_scales *s, size_t group) {
    return s->offset == OZ_ZERO_POINT ? vi_load_u8(s->offsets + group * OZ_PANEL) : vi_set1(s->zero);
}

#endif
