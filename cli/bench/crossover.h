/* crossover.h - from which share of zeros on `sparse`, and with which patterns `nm`, is faster than a dense
 * layer.
 *
 * One layer at growing shares of zeros beside the fastest dense layers of the machine, other engines'
 * included, in f32 and in int8; all in one race for each batch. */
#ifndef OZ_CLI_BENCH_CROSSOVER_H
#define OZ_CLI_BENCH_CROSSOVER_H

#include "cli/bench/output.h"
#include "cli/bench/race.h"
#include "cli/bench/stock.h"

enum { OZ_CROSSOVER_FORMS = 4, OZ_CROSSOVER_POINTS = 9, OZ_CROSSOVER_BATCHES = 16 };

/* A way to store zeros, at several shares of them. */
typedef struct oz_form {
    const char *label; /* "sparse f32" */
    bool pattern;      /* single patterns: nothing lies between two */
    size_t n;
    char point[OZ_CROSSOVER_POINTS][48]; /* "2:4", or empty */
    char method[OZ_CROSSOVER_POINTS][48];
    double zeros[OZ_CROSSOVER_POINTS]; /* ascending */
} oz_form;

/* What came out for one batch. */
typedef struct oz_crossing {
    uint32_t batch;
    double f32_ns, ours_ns, int8_ns; /* the fastest dense layers, and our dense f32; int8_ns 0 = none */
    char f32_name[48], int8_name[48];
    double round_trip_ns;                                  /* R; 0 = not known */
    double int8_speed;                                     /* times as fast as f32_ns */
    double speed[OZ_CROSSOVER_FORMS][OZ_CROSSOVER_POINTS]; /* likewise */
    /* The share of zeros from which on it is faster than dense f32 and dense int8: 0 = from the first, 1 =
     * never. */
    double from_f32[OZ_CROSSOVER_FORMS], from_int8[OZ_CROSSOVER_FORMS];
} oz_crossing;

typedef struct oz_crossover {
    const oz_common *common;
    const char *rivals; /* what starts them; NULL = the usual */
    uint64_t rows, cols, threads, seed;
    size_t runs;
    const uint32_t *batches;
    size_t n;
    oz_form forms[OZ_CROSSOVER_FORMS];
    oz_crossing crossings[OZ_CROSSOVER_BATCHES];
} oz_crossover;

int oz_bench_crossover(oz_crossover *c, oz_output *out);
/* Where a speed that grows with zeros[n] last passes `level`. */
double oz_crossing_from(const double *zeros, const double *speed, size_t n, double level);
/* Everything measured, in every form that is asked for. */
int oz_crossover_report(const oz_crossover *c, oz_output *out);

#endif
