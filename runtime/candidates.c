/* candidates.c - see candidates.h. */
#include "runtime/candidates.h"

#include <string.h>

#include "base/arith.h"
#include "kernels/onednn.h"
#include "runtime/fallback.h"

const char *oz_choice_name(const oz_choice *choice) {
    switch (choice->way) {
    case OZ_WAY_MV:
        return choice->mv->name;
    case OZ_WAY_DNNL:
        return "dense_mm_f32__onednn";
    case OZ_WAY_UNPACK:
        return "unpack_mm_f32__onednn";
    case OZ_WAY_BLOCKS:
    case OZ_WAY_MM:
        break;
    }
    return choice->decoder->name;
}

static void add(oz_candidates *c, oz_choice choice, const char *verdict) {
    if (c->n == OZ_MAX_WAYS) return;
    c->option[c->n++] = (oz_option){.choice = choice, .verdict = verdict, .predicted = -1, .measured = -1};
}

/* Whether activations may stay in rows, for kernels of the mv family. */
static bool in_rows(const oz_candidates *c) {
    return c->layer->rows && !c->plan->reproducible;
}

static void add_mv(oz_candidates *c, const oz_kernels *k) {
    const oz_leaf *leaf = c->leaf->leaf;
    for (const oz_mv *mv = k->mv; mv && mv->name; mv++) {
        if (mv->takes && !mv->takes(leaf)) continue;
        const char *no = NULL;
        if (mv->act_i8 != c->leaf->reads_i8)
            no = mv->act_i8 ? "the layer keeps f32 activations" : "the layer quantises activations";
        if (!c->layer->rows) no = "a convolution's activations are columns";
        if (c->plan->reproducible) no = "reproducible plans use one kernel for all batches";
        add(c, (oz_choice){.way = OZ_WAY_MV, .mv = mv}, no);
    }
}

/* Rows from which on it pays to widen the inputs' codes, which costs each tile as much as some rows do. */
enum { OZ_WIDENS_ROWS = 64 };

static bool is_single(const oz_candidates *c) {
    return oz_weight_is_leaf(c->layer->layer->weight);
}

/* Whether one of the format's own can run; plain ones, listed after it, are nowhere the faster. */
static bool has_decoder(const oz_candidates *c) {
    for (size_t i = 0; i < c->n; i++) {
        const oz_option *o = &c->option[i];
        if (!o->verdict && (o->choice.way == OZ_WAY_BLOCKS || o->choice.way == OZ_WAY_MM)) return true;
    }
    return false;
}

static const char *why_not(const oz_candidates *c, const oz_decoder *d) {
    const bool codes = oz_decodes_codes(d);
    if (codes != c->leaf->reads_i8)
        return codes ? "the layer keeps f32 activations" : "the layer quantises activations";
    if (d->nz_codes && c->leaf->leaf->rows < OZ_WIDENS_ROWS)
        return "too few rows for their inputs to become floats";
    if (d->nz_codes && !is_single(c)) return "only a weight of a single leaf has its inputs' codes as floats";
    if (d->plain && has_decoder(c)) return "the format has a decoder of its own";
    return NULL;
}

/* It multiplies rows as they lie, or their columns, which of one row would be a waste. */
static void add_decoder(oz_candidates *c, const oz_decoder *d) {
    if (d->takes && !d->takes(c->leaf->leaf)) return;
    const char *no = why_not(c, d);
    if (in_rows(c) && !d->nz_codes) add(c, (oz_choice){.way = OZ_WAY_BLOCKS, .decoder = d}, no);
    if (!in_rows(c) || c->columns > 1) add(c, (oz_choice){.way = OZ_WAY_MM, .decoder = d}, no);
}

/* oneDNN takes the best instructions that it knows, whatever the plan's. Those for 8 bits do not matter to
 * its floats. */
static bool onednn_obeys(oz_isa isa) {
    return isa >= oz_min(oz_cpu_isa(), OZ_ISA_AVX512);
}

/* Whether a convolution has a vector kernel that multiplies pixels where they lie (ops/planar.c): for oneDNN
 * they must be gathered, which costs more than it can save. */
static bool in_place(const oz_candidates *c) {
    if (c->layer->rows || !is_single(c)) return false;
    for (size_t i = 0; i < c->n; i++) {
        const oz_option *o = &c->option[i];
        if (o->choice.way == OZ_WAY_MM && !o->verdict && !o->choice.decoder->plain) return true;
    }
    return false;
}

static void add_dense(oz_candidates *c) {
    const oz_leaf *leaf = c->leaf->leaf;
    bool dense = strcmp(leaf->format->name, "dense") == 0 && leaf->codec.kind == OZ_CODEC_F32;
    const char *no = oz_dnnl_available() ? NULL : "built without oneDNN";
    if (!no && !onednn_obeys(c->plan->isa)) no = "would use more than the plan's instruction set";
    if (!no && in_rows(c) && c->columns <= OZ_MV_BATCH) no = "made for a batch of 5 and up";
    if (!no && c->leaf->reads_i8) no = "the layer quantises activations";
    if (!no && in_place(c)) no = "a convolution's pixels would have to be gathered";
    if (dense) {
        if (!no && !c->layer->rows) no = "a convolution's pixels are multiplied where they lie";
        if (!no && (uintptr_t)leaf->part[0].data % sizeof(float)) no = "the file's floats are not aligned";
        add(c, (oz_choice){.way = OZ_WAY_DNNL}, no);
        return;
    }
    if (!no && !is_single(c)) no = "only a weight of a single leaf is unpacked";
    add(c, (oz_choice){.way = OZ_WAY_UNPACK}, no);
}

void oz_list_candidates(oz_candidates *c) {
    const oz_kernels *k = oz_kernels_of(c->leaf->leaf->format, c->plan->isa);
    c->n = 0;
    if (k) {
        add_mv(c, k);
        for (const oz_decoder *d = k->decoders; d && d->name; d++) add_decoder(c, d);
    }
    add_decoder(c, &oz_row_decoder);
    if (c->leaf->leaf->format->codes && oz_codec_is_integer(c->leaf->leaf->codec.kind))
        add_decoder(c, &oz_code_decoder);
    add_dense(c);
}
