/* test_codec.c - the packed layouts against a second writing of the tables in codec.h, bit by bit. */
#include "base/half.h"
#include "tests/formats/packed.h"

#include <criterion/criterion.h>
#include <string.h>

static const oz_codec_kind integers[] = {OZ_CODEC_INT8, OZ_CODEC_INT6, OZ_CODEC_INT5,   OZ_CODEC_INT4,
                                         OZ_CODEC_INT3, OZ_CODEC_INT2, OZ_CODEC_TERNARY};
#define INTEGERS (sizeof integers / sizeof integers[0])

Test(codec, names) {
    for (int kind = 0; kind < OZ_CODEC_COUNT; kind++) {
        const char *name = oz_codec_name((oz_codec_kind)kind);
        cr_assert_eq(oz_codec_find(name, strlen(name)), kind);
    }
    cr_assert_eq(oz_codec_find("int", 3), -1);
    cr_assert_eq(oz_codec_find("int44", 5), -1);
    cr_assert_eq(oz_codec_find("", 0), -1);
}

Test(codec, numbers_of_each) {
    static const uint32_t want[][5] = {/* bits, levels, zero, quads and bytes of a unit */
                                       {8, 256, 128, 1, 64}, {6, 64, 32, 4, 192}, {5, 32, 16, 8, 320},
                                       {4, 16, 8, 2, 64},    {3, 8, 4, 8, 192},   {2, 4, 2, 4, 64},
                                       {2, 3, 1, 5, 64}};
    for (size_t i = 0; i < INTEGERS; i++) {
        oz_codec_kind k = integers[i];
        uint32_t got[] = {oz_codec_bits(k), oz_codec_levels(k), oz_codec_zero(k), oz_unit_quads(k),
                          oz_unit_bytes(k)};
        cr_assert(memcmp(got, want[i], sizeof got) == 0, "%s", oz_codec_name(k));
        cr_assert(oz_codec_is_integer(k));
        cr_assert_eq(oz_quads_bytes(k, 0), 0);
        cr_assert_eq(oz_quads_bytes(k, want[i][3]), want[i][4]);
        cr_assert_eq(oz_quads_bytes(k, want[i][3] + 1), 2 * want[i][4]);
    }
    cr_assert_not(oz_codec_is_integer(OZ_CODEC_BF16));
}

/* The code of quad j of a unit, read as the table in codec.h says it for each codec. */
static uint32_t code_by_table(oz_codec_kind kind, const uint8_t *unit, uint32_t j, uint32_t i) {
    uint32_t v = 0;
    switch (kind) {
    case OZ_CODEC_INT8:
        return unit[i];
    case OZ_CODEC_INT4:
        return j == 0 ? unit[i] & 15 : unit[i] >> 4;
    case OZ_CODEC_INT2:
        return unit[i] >> (2 * j) & 3;
    case OZ_CODEC_INT6:
        v = j < 2 ? unit[i] : unit[64 + i];
        return (j % 2 == 0 ? v & 15 : v >> 4) + 16 * (unit[128 + i] >> (2 * j) & 3);
    case OZ_CODEC_INT3:
        v = j < 4 ? unit[i] : unit[64 + i];
        return (v >> (2 * (j % 4)) & 3) + 4 * (unit[128 + i] >> j & 1);
    case OZ_CODEC_INT5:
        v = unit[64 * (j / 2) + i];
        return (j % 2 == 0 ? v & 15 : v >> 4) + 16 * (unit[256 + i] >> j & 1);
    default:
        break;
    }
    while ((v * 256 + 242) / 243 < unit[i]) v++; /* the only v whose byte this is */
    static const uint32_t power[] = {81, 27, 9, 3, 1};
    return v / power[j] % 3;
}

Test(codec, quads_lie_as_the_table_says) {
    chance c = chance_make();
    static uint8_t codes[40 * 64], out[40 * 64];
    for (size_t k = 0; k < INTEGERS; k++) {
        oz_codec_kind kind = integers[k];
        uint32_t per = oz_unit_quads(kind), levels = oz_codec_levels(kind);
        for (uint32_t quads = 1; quads <= 40; quads++) {
            for (size_t i = 0; i < quads * 64; i++) codes[i] = (uint8_t)chance_below(&c, levels);
            memset(out, 0xa5, sizeof out);
            oz_quads_pack(kind, codes, quads, (uint8_t)(levels - 1), out);
            for (uint32_t q = 0; q < (quads + per - 1) / per * per; q++) {
                for (uint32_t i = 0; i < 64; i++) {
                    uint32_t want = q < quads ? codes[q * 64 + i] : levels - 1;
                    const uint8_t *unit = out + q / per * oz_unit_bytes(kind);
                    cr_assert_eq(code_by_table(kind, unit, q % per, i), want, "%s", oz_codec_name(kind));
                    cr_assert_eq(oz_quads_get(kind, out, i / 4, q * 4 + i % 4), want);
                }
            }
            uint64_t bytes = oz_quads_bytes(kind, quads);
            cr_assert(bytes == sizeof out || out[bytes] == 0xa5, "%s writes too much", oz_codec_name(kind));
        }
    }
}

Test(codec, any_byte_is_five_ternary_digits) {
    uint8_t unit[64];
    for (int byte = 0; byte < 256; byte++) {
        memset(unit, byte, sizeof unit);
        for (uint64_t input = 0; input < 20; input++) {
            cr_assert_lt(oz_quads_get(OZ_CODEC_TERNARY, unit, 3, input), 3);
        }
    }
}

Test(codec, bit_streams) {
    chance c = chance_make();
    for (uint32_t bits = 1; bits <= 8; bits++) {
        uint8_t stream[64] = {0}, code[64];
        for (uint64_t i = 0; i < 64; i++) {
            code[i] = (uint8_t)chance_below(&c, (size_t)1 << bits);
            oz_bits_put(stream, bits, i, code[i]);
        }
        for (uint64_t i = 0; i < 64 * bits; i++) {
            uint32_t want = code[i / bits] >> (i % bits) & 1;
            cr_assert_eq((uint32_t)(stream[i / 8] >> (i % 8) & 1), want, "%u bits", bits);
        }
        for (uint64_t i = 0; i < 64; i++) cr_assert_eq(oz_bits_get(stream, bits, i), code[i]);
    }
}

Test(codec, floats_at_any_alignment) {
    uint8_t buffer[64];
    static const oz_codec_kind kinds[] = {OZ_CODEC_F32, OZ_CODEC_F16, OZ_CODEC_BF16};
    for (size_t k = 0; k < 3; k++) {
        for (size_t i = 0; i < 5; i++) oz_float_put(kinds[k], buffer + 1, i, 1.5f - (float)i);
        for (size_t i = 0; i < 5; i++) cr_assert_eq(oz_float_get(kinds[k], buffer + 1, i), 1.5f - (float)i);
    }
    oz_float_put(OZ_CODEC_BF16, buffer, 0, 1.0f);
    cr_assert(buffer[0] == 0x80 && buffer[1] == 0x3f);
    oz_float_put(OZ_CODEC_F16, buffer, 0, 1.0f);
    cr_assert(buffer[0] == 0x00 && buffer[1] == 0x3c);
}

Test(codec, scales_are_panel_group_row) {
    oz_codec c = {OZ_CODEC_INT4, OZ_SYMMETRIC, 32, true};
    float parts[2 * 3 * 16] = {0};
    cr_assert_eq(oz_codec_groups(&c, 65), 3);
    cr_assert_eq(oz_codec_groups(&c, 64), 2);
    oz_scale_put(&c, parts, 3, 17, 2, 7.0f);
    cr_assert_eq(parts[(1 * 3 + 2) * 16 + 1], 7.0f);
    cr_assert_eq(oz_scale_get(&c, parts, 3, 17, 2), 7.0f);
    c.group = 0;
    cr_assert_eq(oz_codec_groups(&c, 1000), 1);
}

Test(codec, values) {
    uint16_t scales[16] = {0}, minima[16] = {0};
    uint8_t zeros[16] = {0};
    scales[2] = oz_f32_to_f16(-0.5f);
    minima[2] = oz_f32_to_f16(3.0f);
    zeros[2] = 200;
    oz_codec c = {OZ_CODEC_INT4, OZ_SYMMETRIC, 0, false};
    cr_assert_eq(oz_codec_value(&c, scales, NULL, 1, 2, 0, 15), -3.5f);
    c.offset = OZ_ZERO_POINT;
    cr_assert_eq(oz_codec_value(&c, scales, zeros, 1, 2, 0, 15), 92.5f);
    c.offset = OZ_MINIMUM;
    cr_assert_eq(oz_codec_value(&c, scales, minima, 1, 2, 0, 15), -4.5f);
    c = (oz_codec){OZ_CODEC_TERNARY, OZ_SYMMETRIC, 0, false};
    cr_assert_eq(oz_codec_value(&c, scales, NULL, 1, 2, 0, 2), -0.5f);
}
