/* network.h - a network in which every operator has its node, as small as can be. */
#ifndef OZ_TESTS_HOSTILE_NETWORK_H
#define OZ_TESTS_HOSTILE_NETWORK_H

#include "tests/support/models/models.h"

/* Its weights have `text` as format where that fits; `rows` and `cols` are not asked. */
oz_status network_make(model *m, const char *text, uint64_t rows, uint64_t cols);

/* A graph for the weight of model_make_plain with 9 rows and 7 columns. */
extern const char network_of_plain[];

#endif
