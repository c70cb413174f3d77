/* run.h - opens bytes that were accepted as contents as a model and, if it has a graph, plans and runs it
 * once. */
#ifndef OZ_TESTS_HOSTILE_RUN_H
#define OZ_TESTS_HOSTILE_RUN_H

#include "tests/hostile/use.h"

/* Counts in u->ran; what would take long or much memory is only planned, and counted in u->too_large. */
void run_model(const void *data, size_t bytes, usage *u);

#endif
