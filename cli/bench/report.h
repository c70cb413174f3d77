/* report.h - the rows of a race, for people and for programs. */
#ifndef OZ_CLI_BENCH_REPORT_H
#define OZ_CLI_BENCH_REPORT_H

#include "cli/bench/output.h"
#include "cli/bench/race.h"

/* Ratios are to the fastest dense f32 layer, or to the first entry where none takes part. */
void oz_race_report(const oz_race *r, oz_output *o);
/* "137 GB/s", "812 GOP/s" in a rotating buffer: what an entry moves or computes in a second, whichever its
 * limit is about. */
const char *oz_entry_rate(const oz_entry *e);
/* "F 541 GFLOP/s, D 2119 GOP/s, R 85 ns" in a static buffer; R only where it is known. */
const char *oz_race_limits(const oz_race *r);
/* "212 us, 158 GOP/s, 31 % of F", for a chart. */
void oz_entry_note(const oz_entry *e, char *out, size_t room);

#endif
