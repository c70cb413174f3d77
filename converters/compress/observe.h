/* observe.h - running models over the calibration data, layer outputs watched.
 *
 * All records go through as one batch, so that a layer's statistics are complete when the next layer runs on
 * its output: a correction then is one forward pass. What does not fit the memory for activations is left
 * out, from the end of the data. */
#ifndef OZ_CONVERTERS_OBSERVE_H
#define OZ_CONVERTERS_OBSERVE_H

#include "converters/compress/draft.h"

/* The dense model's statistics and logits, once per compressor. Errors: ARGUMENT (no calibration data, or a
 * model that cannot take it), and what running returns. */
oz_status oz_observe_base(oz_compressor *c, oz_error *err);

/* Runs the file `image` on the same records. With `changes` (one a layer, zeroed) each layer that is to be
 * corrected gets its change, applied to its output before the next layer sees it; arrays live in the arena.
 * *error: mean squared difference of the logits to the dense model's. */
oz_status oz_observe_draft(oz_run_state *run, const oz_image *image, oz_change *changes, oz_arena *arena,
                           double *error);

#endif
