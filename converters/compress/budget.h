/* budget.h - setting the open knob so that the whole file fills a budget.
 *
 * Sparsity and ratio are found by the exact size of the file. Whole numbers (bits, n, rank) are found the
 * same way, and what is then left of the budget lets some layers have the next larger one, those first whose
 * error falls most per byte. */
#ifndef OZ_CONVERTERS_BUDGET_H
#define OZ_CONVERTERS_BUDGET_H

#include "converters/compress/draft.h"

typedef struct oz_trial {
    oz_fitted **fitted; /* [layers] */
    uint64_t bytes;
    uint64_t smallest; /* that this codec allows */
    bool fits;
    char setting[160];
} oz_trial;

/* Knobs that are open in the recipe's lines. Errors: ARGUMENT (two different ones, or one without a budget).
 */
oz_status oz_budget_knobs(oz_run_state *run);
/* Codecs that an open codec may be while another knob fills the budget; returns how many. Those from `needed`
 * on are for budgets that none before them fills. */
size_t oz_budget_codecs(const oz_run_state *run, oz_codec_kind codecs[OZ_CODEC_COUNT], size_t *needed);
/* At most 2 % are unused. */
bool oz_budget_is_filled(uint64_t budget, uint64_t bytes);
/* True if the knob is one of codec, n and rank. */
bool oz_budget_has_steps(const oz_run_state *run);
/* Fills the budget with open codecs set to `codec`, unless codecs are the knob; with `near`, a knob with
 * steps takes two neighbouring ones instead of any. `out->fitted` has room. */
oz_status oz_budget_fill(oz_run_state *run, oz_codec_kind codec, bool near, oz_trial *out);

#endif
