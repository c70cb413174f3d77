/* words.body.h - codes of 8 bits x a panel of quantised activations where dot products go through 16 bits:
 * two products need 17, but those of words are summed in 32.
 *
 * Codes become signed words once a segment. Activations become words where they are multiplied, as upper
 * bytes, for which one instruction does; so sums are 2^WORDS_SHIFT times what they are, below
 * 128 * 128 * 127 * 2^8 < 2^29 in a segment, and as exact. */
#ifdef OZ_WORDS
#define WORDS_SHIFT 8
#else
#define WORDS_SHIFT 0
#endif
#define WORDS_QUAD (OZ_PANEL * 8) /* bytes of one quad of inputs: words 0 and 2 of each row, then 1 and 3 */

#ifdef OZ_WORDS
OZ_INLINE const uint8_t *codes_to_words(const uint8_t *tile, size_t quads, uint8_t *words) {
    const vb64 bias = vb_set1(OZ_DOT4_BIAS);
    for (size_t q = 0; q < quads; q++) {
        const vb64 codes = vb_xor(vb_load(tile + q * TILE_QUAD), bias);
        vb_store(words + q * WORDS_QUAD, vb_low_words(codes));
        vb_store(words + q * WORDS_QUAD + WORDS_QUAD / 2, vb_high_words(codes));
    }
    return words;
}

/* sums[row][vector] of `quads` quads, each product 2^WORDS_SHIFT times. */
OZ_INLINE void sum_words(const uint8_t *words, const int8_t *x, size_t quads, sums_shape in_use,
                         vi16 sums[U8_ROWS][U8_VECTORS]) {
    for (size_t q = 0; q < quads; q++, words += WORDS_QUAD, x += 4 * in_use.lanes) {
        vb64 low[U8_VECTORS], high[U8_VECTORS];
        OZ_UNROLL
        for (int v = 0; v < in_use.vectors; v++) {
            const vb64 in = vb_load(x + 64 * v);
            low[v] = vb_low_words_up(in);
            high[v] = vb_high_words_up(in);
        }
        OZ_UNROLL
        for (int r = 0; r < in_use.rows; r++) {
            const vb64 w0 = vb_quad(words + 4 * r), w1 = vb_quad(words + WORDS_QUAD / 2 + 4 * r);
            OZ_UNROLL
            for (int v = 0; v < in_use.vectors; v++)
                sums[r][v] = v_dot2(v_dot2(sums[r][v], w0, low[v]), w1, high[v]);
        }
    }
}
#endif
