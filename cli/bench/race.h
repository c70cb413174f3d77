/* race.h - models and rivals timed side by side, and what the machine could do at best.
 *
 * All take turns, run after run, so that a slow moment of the machine hits all of them; times are medians,
 * and ratios are medians of the ratios of each turn. Beside it stands the time that the machine's own limits
 * allow, measured in the same run:
 *
 *     the larger of   bytes of the leaves / B     read bandwidth at the level of memory they lie in
 *                     operations / P              multiply-adds in registers: F of floats, D of bytes
 *
 * What a second thread can gain depends on R, the round trip of a line of the cache between two: on virtual
 * machines it is several times as long when the host has put them on cores that share no cache. Turns can
 * wait for that to pass (calm.h). */
#ifndef OZ_CLI_BENCH_RACE_H
#define OZ_CLI_BENCH_RACE_H

#include "cli/bench/rival.h"
#include "cli/bench/subject.h"

enum { OZ_RACE_ENTRIES = 64, OZ_RACE_RUNS = 1000 };

/* How long a turn is put off at a time, and how often turns are in a race of a table. */
enum { OZ_RACE_WAIT_MS = 250, OZ_RACE_WAITS = 60 };

typedef struct oz_entry {
    const char *name;
    oz_subject subject;         /* ours */
    oz_rival rival;             /* or somebody else's */
    bool is_rival, chosen;      /* chosen: of kernels, a plan's own choice */
    double predicted_ns;        /* of a kernel, by the plan's costs; 0 = of others */
    double bytes, operations;   /* of one run: read of the weights, done; 0 = not known */
    bool integer;               /* its products are of bytes */
    double times[OZ_RACE_RUNS]; /* turn by turn */
    double median_ns, fastest_ns;
    double reading,
        computing; /* shares of the machine's limits that it reaches, 0 to about 1; 0 = not known */
    char limit;    /* which is the nearer: 'B', or 'F' or 'D'; 0 = not known */
} oz_entry;

typedef struct oz_race {
    const char *title;
    const oz_common *common;
    uint32_t batch;
    size_t runs;
    size_t waits; /* times that turns may still be put off */
    uint64_t threads;
    bool cold, trial;
    oz_entry *entries; /* [OZ_RACE_ENTRIES] */
    size_t n;
    double multiply_adds, dots; /* F and D, operations per ns */
    double round_trip_ns;       /* R, the median; 0 = not known, as with one thread */
    double round_trip[OZ_RACE_RUNS],
        read[OZ_RACE_RUNS]; /* turn by turn; B of memory, bytes per ns: if cold */
} oz_race;

/* Room for entries, zeroed; exits 5 in words if there is none. */
int oz_race_open(oz_race *r);
/* Enters a model; file as for oz_subject_make. */
int oz_race_add(oz_race *r, const char *name, oz_buffer file, oz_model *model);
/* Enters a rival, called by its spec; `*able` says whether it runs. */
int oz_race_add_rival(oz_race *r, const char *spec, const char *command, const oz_rival_task *task,
                      bool *able);
/* Takes turns, then judges. */
int oz_race_run(oz_race *r);
/* Medians and shares of the limits, of times that are there. */
int oz_race_judge(oz_race *r);
void oz_race_close(oz_race *r); /* and frees the entries */

/* The fastest dense f32 layer, ours or another engine's; without one, the first entry. */
const oz_entry *oz_race_dense(const oz_race *r);
/* The fastest of those that are dense layers with this codec; NULL if there is none. */
const oz_entry *oz_race_dense_in(const oz_race *r, const char *codec);
/* How many times as long as `b` the entry `a` takes. */
double oz_race_ratio(const oz_race *r, const oz_entry *a, const oz_entry *b);
/* The share of the limit that an entry is nearer to. */
double oz_entry_share(const oz_entry *e);
/* The entry of that name; NULL if there is none, or it has no times. */
const oz_entry *oz_race_find(const oz_race *r, const char *name);

#endif
