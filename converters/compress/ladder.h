/* ladder.h - filling a budget with a knob that has steps. */
#ifndef OZ_CONVERTERS_LADDER_H
#define OZ_CONVERTERS_LADDER_H

#include "converters/compress/budget.h"

oz_status oz_ladder_fill(oz_run_state *run, oz_codec_kind codec, bool near, oz_trial *out);

#endif
