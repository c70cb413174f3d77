/* leaves.h - packed leaves of every format, every codec and every option, and what they say in plain C.
 *
 * Formats, codecs and their options are asked of the tables; only a format that has parameters of its own
 * is named in leaves.c, and one that is forgotten there fails the checks. */
#ifndef OZ_TESTS_CHECK_LEAVES_H
#define OZ_TESTS_CHECK_LEAVES_H

#include "formats/format.h"
#include "tests/support/chance.h"

enum { LEAF_TEXT = 160 };

typedef struct sample {
    oz_arena arena;
    oz_leaf leaf;
    char text[LEAF_TEXT];
    unsigned zeros; /* percent of the weights that were zero before packing */
    bool scrambled; /* the values are random bits: codes that packing would not choose */
    float *weights; /* [rows][cols], by the format's `row` */
    uint8_t *codes; /* [rows][cols], by `codes`; NULL if the leaf has none */
} sample;

/* Different options of a format with a codec: 0 if the format does not take the codec. */
size_t sample_variants(const oz_format *format, oz_codec_kind codec);
/* The leaf of variant `v` as its text says, without weights; enough to ask kernels whether they take it. */
bool sample_describe(sample *s, const oz_format *format, oz_codec_kind codec, size_t v, uint64_t rows,
                     uint64_t cols);
/* Variant `v` packed from random weights. False, and a failure is reported, if it cannot be packed. */
bool sample_make(sample *s, const oz_format *format, oz_codec_kind codec, size_t v, uint64_t rows,
                 uint64_t cols, unsigned zeros, chance *c);
void sample_free(sample *s);

float random_number(chance *c); /* in [-1, 1) */

#endif
