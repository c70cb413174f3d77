/* report.h - the rows of a race, for people and for programs. */
#ifndef OZ_CLI_BENCH_REPORT_H
#define OZ_CLI_BENCH_REPORT_H

#include "cli/bench/race.h"
#include "cli/json.h"

/* A table on stdout; ratios are to the first entry. */
void oz_race_print(const oz_race *r);
/* Objects are added to `list`. */
void oz_race_json(const oz_race *r, json_t *list);
/* "4.25 us", "137 GB/s of 152" ... in a rotating buffer: what an entry moves or computes in a second. */
const char *oz_entry_rate(const oz_entry *e);

#endif
