/* positions.body.h - the positions of a quad of entries as bytes [16 rows][4 entries], the shape in which
 * codes lie too.
 *
 * The four records of a list hold 16 rows one after the other; a byte shuffle brings each row the bytes its
 * positions lie in, a shift by row brings them down. */

/* m = 4: bytes j of 4 * L + row: of entry j the byte with rows 4L to 4L + 3, for each of these. */
#define ROWS_OF_2_BITS(lane) (lane), 4 + (lane), 8 + (lane), 12 + (lane)
#define FOUR_TIMES(a) a, a, a, a
static const uint8_t pick_2_bits[64] = {FOUR_TIMES(ROWS_OF_2_BITS(0)), FOUR_TIMES(ROWS_OF_2_BITS(1)),
                                        FOUR_TIMES(ROWS_OF_2_BITS(2)), FOUR_TIMES(ROWS_OF_2_BITS(3))};
static const int32_t shift_2_bits[16] = {0, 2, 4, 6, 0, 2, 4, 6, 0, 2, 4, 6, 0, 2, 4, 6};

OZ_INLINE vb64 list_positions_2_bits(const uint8_t *p) {
    vb64 bytes = vb_shuffle16(vb_load_repeat16(p), vb_load(pick_2_bits));
    return vb_and(vb_shift_right_each(bytes, vi_load(shift_2_bits)), vb_set1(3));
}

/* m = 16: 8 bytes a record, so two of them to a table; the words of a row come from either. */
#define ROW_OF_4_BITS(row) (row) / 2, 8 + (row) / 2, (row) / 2, 8 + (row) / 2
#define ROWS_OF_4_BITS(row)                                                                                  \
    ROW_OF_4_BITS(row), ROW_OF_4_BITS((row) + 1), ROW_OF_4_BITS((row) + 2), ROW_OF_4_BITS((row) + 3)
static const uint8_t pick_4_bits[64] = {ROWS_OF_4_BITS(0), ROWS_OF_4_BITS(4), ROWS_OF_4_BITS(8),
                                        ROWS_OF_4_BITS(12)};
static const int32_t shift_4_bits[16] = {0, 4, 0, 4, 0, 4, 0, 4, 0, 4, 0, 4, 0, 4, 0, 4};

OZ_INLINE vb64 list_positions_4_bits(const uint8_t *p) {
    vb64 pick = vb_load(pick_4_bits);
    vb64 low = vb_shuffle16(vb_load_repeat16(p), pick), high = vb_shuffle16(vb_load_repeat16(p + 16), pick);
    return vb_and(vb_shift_right_each(vb_words(low, high), vi_load(shift_4_bits)), vb_set1(15));
}

/* m = 8: 6 bytes a record, two to a table; three bits may lie in two bytes, so a position is a word first,
 * which a product shifts until its bits are the highest. */
#define BYTES_OF_3_BITS(row, at) ((at) + 3 * (row) / 8), (((at) + 3 * (row) / 8 + 1) & 15)
#define ROW_OF_3_BITS(row, at) BYTES_OF_3_BITS(row, at), BYTES_OF_3_BITS(row, (at) + 6)
#define ROWS_OF_3_BITS(row, at)                                                                              \
    ROW_OF_3_BITS(row, at), ROW_OF_3_BITS((row) + 1, at), ROW_OF_3_BITS((row) + 2, at),                      \
        ROW_OF_3_BITS((row) + 3, at)
#define PICK_3_BITS(at)                                                                                      \
    { ROWS_OF_3_BITS(0, at), ROWS_OF_3_BITS(4, at), ROWS_OF_3_BITS(8, at), ROWS_OF_3_BITS(12, at) }
static const uint8_t pick_3_bits[2][64] = {PICK_3_BITS(0), PICK_3_BITS(4)};
#define UP_3_BITS(row) (uint16_t)(1 << (13 - 3 * (row) % 8)), (uint16_t)(1 << (13 - 3 * (row) % 8))
static const uint16_t up_3_bits[32] = {UP_3_BITS(0),  UP_3_BITS(1),  UP_3_BITS(2),  UP_3_BITS(3),
                                       UP_3_BITS(4),  UP_3_BITS(5),  UP_3_BITS(6),  UP_3_BITS(7),
                                       UP_3_BITS(8),  UP_3_BITS(9),  UP_3_BITS(10), UP_3_BITS(11),
                                       UP_3_BITS(12), UP_3_BITS(13), UP_3_BITS(14), UP_3_BITS(15)};
static const uint8_t swap_middle[16] = {0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15};

OZ_INLINE vb64 list_positions_3_bits(const uint8_t *p) {
    static const uint8_t low_byte[4] = {7, 0, 7, 0}, high_byte[4] = {0, 7, 0, 7};
    vb64 up = vb_load(up_3_bits);
    vb64 low = vb_mul16(vb_shuffle16(vb_load_repeat16(p), vb_load(pick_3_bits[0])), up);
    vb64 high = vb_mul16(vb_shuffle16(vb_load_repeat16(p + 8), vb_load(pick_3_bits[1])), up);
    vb64 entries0213 = vb_or(vb_and(vb_right16(low, 13), vb_quad(low_byte)),
                             vb_and(vb_right16(high, 5), vb_quad(high_byte)));
    return vb_shuffle16(entries0213, vb_load_repeat16(swap_middle));
}

/* m = 8, n = 4: the four bits of each mask. Exponents of powers of two are 127 and up; 128 is 0 modulo 8. */
OZ_INLINE vb64 mask_positions(const uint8_t *p) {
    vi16 masks = vi_load_u8(p), exponents = vi_zero();
    OZ_UNROLL
    for (unsigned j = 0; j < 4; j++)
        exponents = vi_or(exponents, vi_shift_left(next_in_masks(&masks), 8 * j));
    return vb_and(vb_add(vb_from_i32(exponents), vb_set1(1)), vb_set1(7));
}

/* The quad whose records begin at p. */
OZ_INLINE vb64 quad_positions(size_t m, bool masks, const uint8_t *p) {
    if (masks) return mask_positions(p);
    return m == 4 ? list_positions_2_bits(p) : m == 8 ? list_positions_3_bits(p) : list_positions_4_bits(p);
}
