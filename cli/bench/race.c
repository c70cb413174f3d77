/* race.c - see race.h. */
#include "cli/bench/race.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/bench/calm.h"
#include "cli/bench/median.h"
#include "cli/model.h"
#include "cli/terminal.h"

int oz_race_open(oz_race *r) {
    r->entries = calloc(OZ_RACE_ENTRIES, sizeof *r->entries);
    r->n = 0;
    return r->entries ? EXIT_DONE : oz_memory_error();
}

static oz_plan_options options_of(const oz_race *r) {
    oz_plan_options opt = oz_plan_from(r->common, r->batch);
    opt.effort = r->trial ? OZ_EFFORT_TRIAL : OZ_EFFORT_CHOSEN;
    if (r->threads) opt.threads = (int)r->threads;
    return opt;
}

static oz_entry *next_entry(oz_race *r, const char *name) {
    if (r->n == OZ_RACE_ENTRIES) return NULL;
    oz_entry *e = &r->entries[r->n++];
    e->name = name;
    return e;
}

int oz_race_add(oz_race *r, const char *name, oz_buffer file, oz_model *model) {
    oz_entry *e = next_entry(r, name);
    if (!e) return oz_usage_error("at most %d subjects", OZ_RACE_ENTRIES);
    oz_plan_options opt = options_of(r);
    int code = oz_subject_make(&e->subject, name, file, model, r->cold, &opt);
    e->bytes = e->subject.leaf_bytes;
    e->operations = e->subject.operations;
    e->integer = e->subject.integer;
    return code;
}

/* Of "NAME[:CODEC[:SPARSITY]]". */
static void read_spec(const char *spec, char codec[32], double *sparsity) {
    strcpy(codec, "f32");
    *sparsity = 0;
    sscanf(spec, "%*[^:]:%31[^:]:%lf", codec, sparsity);
}

static bool is_of_bytes(const char *spec) {
    char codec[32];
    double sparsity;
    read_spec(spec, codec, &sparsity);
    return strcmp(codec, "f32") != 0 && strcmp(codec, "f16") != 0 && strcmp(codec, "bf16") != 0;
}

int oz_race_add_rival(oz_race *r, const char *spec, const char *command, const oz_rival_task *task,
                      bool *able) {
    oz_entry *e = next_entry(r, spec);
    if (!e) return oz_usage_error("at most %d subjects", OZ_RACE_ENTRIES);
    e->is_rival = true;
    *able = oz_rival_start(&e->rival, command, spec, task);
    e->integer = is_of_bytes(spec);
    if (*able && !oz_rival_work(&e->rival, &e->bytes, &e->operations)) e->bytes = e->operations = 0;
    return oz_terminal_interrupted() ? EXIT_INTERRUPTED : EXIT_DONE;
}

static int time_once(oz_entry *e, double *ns) {
    if (!e->is_rival) return oz_subject_time(&e->subject, ns);
    if (!oz_rival_time(&e->rival, ns)) {
        oz_rival_stop(&e->rival);
        *ns = NAN;
    }
    return EXIT_DONE;
}

static int limit(const oz_race *r, oz_limit what, uint64_t bytes, double *per_ns) {
    oz_plan_options opt = options_of(r);
    oz_error err = {0};
    return oz_machine_limit(what, bytes, &opt, per_ns, &err) == OZ_OK ? EXIT_DONE
                                                                      : oz_report_error(NULL, &err);
}

/* Threads that do not run at the same time have none. */
static int measure_round_trip(const oz_race *r, double *ns) {
    oz_plan_options opt = options_of(r);
    oz_error err = {0};
    double per_ns = 0;
    oz_status status = oz_machine_limit(OZ_LIMIT_ROUND_TRIP, 0, &opt, &per_ns, &err);
    *ns = status == OZ_OK ? 1 / per_ns : 0;
    return status == OZ_OK || status == OZ_ERR_SUPPORT ? EXIT_DONE : oz_report_error(NULL, &err);
}

/* A turn waits a while until the machine is as calm as it has been since the program began; one thread knows
 * nothing of it. */
static int wait_until_calm(oz_race *r, double *round_trip_ns) {
    static oz_calm best;
    const struct timespec moment = {.tv_nsec = OZ_RACE_WAIT_MS * 1000000};
    for (;; r->waits--) {
        double multiply_adds;
        int code = measure_round_trip(r, round_trip_ns);
        if (code || *round_trip_ns <= 0) return code;
        code = limit(r, OZ_LIMIT_MULTIPLY_ADD, 0, &multiply_adds);
        if (code || oz_is_calm(&best, multiply_adds, *round_trip_ns) || r->waits == 0) return code;
        nanosleep(&moment, NULL);
        if (oz_terminal_interrupted()) return EXIT_INTERRUPTED;
    }
}

/* The first turn is the warm-up. A rival that breaks off has no times. Memory is shared with unseen
 * neighbours: its bandwidth is measured in every turn. */
static int take_turns(oz_race *r) {
    for (size_t turn = 0; turn < r->runs + 1; turn++) {
        const size_t at = turn ? turn - 1 : 0;
        int code = wait_until_calm(r, &r->round_trip[at]);
        if (!code && r->cold) code = limit(r, OZ_LIMIT_READ, oz_cold_bytes(), &r->read[at]);
        for (size_t i = 0; !code && i < r->n; i++) code = time_once(&r->entries[i], &r->entries[i].times[at]);
        if (code) return code;
        if (!oz_terminal_progress(NULL, r->title, turn, r->runs + 1)) return EXIT_INTERRUPTED;
    }
    return EXIT_DONE;
}

/* Of n <= OZ_RACE_RUNS numbers; in their order. */
static double median_of(const double *numbers, size_t n, double *smallest) {
    double sorted[OZ_RACE_RUNS];
    memcpy(sorted, numbers, n * sizeof *sorted);
    const double median = oz_median(sorted, n);
    if (smallest) *smallest = sorted[0];
    return median;
}

double oz_race_ratio(const oz_race *r, const oz_entry *a, const oz_entry *b) {
    double ratio[OZ_RACE_RUNS];
    for (size_t turn = 0; turn < r->runs; turn++) ratio[turn] = a->times[turn] / b->times[turn];
    return median_of(ratio, r->runs, NULL);
}

/* Rivals whose memory is hot are measured against the bandwidth of a block as large as their weights, as
 * ours. */
static int judge(const oz_race *r, oz_entry *e) {
    if (e->is_rival && !e->rival.process) return EXIT_DONE;
    e->median_ns = median_of(e->times, r->runs, &e->fastest_ns);
    if (e->operations <= 0) return EXIT_DONE;
    double share[OZ_RACE_RUNS], bandwidth = 0;
    int code = r->cold ? EXIT_DONE : limit(r, OZ_LIMIT_READ, (uint64_t)e->bytes, &bandwidth);
    for (size_t turn = 0; turn < r->runs; turn++)
        share[turn] = e->bytes / (r->cold ? r->read[turn] : bandwidth) / e->times[turn];
    e->reading = median_of(share, r->runs, NULL);
    e->computing = e->operations / (e->integer ? r->dots : r->multiply_adds) / e->median_ns;
    e->limit = e->reading > e->computing ? 'B' : e->integer ? 'D' : 'F';
    return code;
}

int oz_race_judge(oz_race *r) {
    double round_trip_ns;
    int code = wait_until_calm(r, &round_trip_ns);
    if (!code) code = limit(r, OZ_LIMIT_MULTIPLY_ADD, 0, &r->multiply_adds);
    if (!code) code = limit(r, OZ_LIMIT_DOT, 0, &r->dots);
    r->round_trip_ns = median_of(r->round_trip, r->runs, NULL);
    for (size_t i = 0; !code && i < r->n; i++) code = judge(r, &r->entries[i]);
    return code;
}

int oz_race_run(oz_race *r) {
    int code = take_turns(r);
    if (!code) code = oz_race_judge(r);
    oz_terminal_clear();
    return code;
}

void oz_race_close(oz_race *r) {
    for (size_t i = 0; i < r->n; i++) {
        oz_subject_free(&r->entries[i].subject);
        oz_rival_stop(&r->entries[i].rival);
    }
    free(r->entries);
    r->entries = NULL;
    r->n = 0;
}

static bool is_dense(const oz_entry *e, const char *codec) {
    char text[32];
    double sparsity;
    if (!e->is_rival) {
        snprintf(text, sizeof text, "dense,codec=%.15s", codec);
        return strncmp(e->name, text, strlen(text)) == 0 && !strchr(e->name, '+');
    }
    read_spec(e->name, text, &sparsity);
    return strcmp(text, codec) == 0 && sparsity <= 0;
}

const oz_entry *oz_race_dense_in(const oz_race *r, const char *codec) {
    const oz_entry *best = NULL;
    for (size_t i = 0; i < r->n; i++) {
        const oz_entry *e = &r->entries[i];
        if (e->median_ns > 0 && is_dense(e, codec) && (!best || e->median_ns < best->median_ns)) best = e;
    }
    return best;
}

const oz_entry *oz_race_dense(const oz_race *r) {
    const oz_entry *best = oz_race_dense_in(r, "f32");
    return best ? best : &r->entries[0];
}

double oz_entry_share(const oz_entry *e) {
    return fmax(e->reading, e->computing);
}

const oz_entry *oz_race_find(const oz_race *r, const char *name) {
    for (size_t i = 0; i < r->n; i++) {
        if (strcmp(r->entries[i].name, name) == 0) return r->entries[i].median_ns > 0 ? &r->entries[i] : NULL;
    }
    return NULL;
}
