/* report_json.c - the whole comparison as JSON, for other programs.
 *
 * The only user of Jansson here. Names may hold any bytes; what is not UTF-8 is replaced, because JSON cannot
 * carry it. A failed allocation anywhere leaves a NULL, which Jansson passes on to the root's setter. */
#include "evaluate/report.h"

#include "base/utf8.h"
#include "evaluate/svg.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct writer {
    json_t *object;
    bool failed;
} writer;

static writer begin(void) {
    writer w = {json_object(), false};
    w.failed = !w.object;
    return w;
}

static json_t *end(writer *w) {
    if (!w->failed) return w->object;
    json_decref(w->object);
    return NULL;
}

static void put(writer *w, const char *key, json_t *value) {
    if (json_object_set_new(w->object, key, value) != 0) w->failed = true;
}

static void put_text(writer *w, const char *key, const char *text) {
    oz_text clean = {.allocator = NULL};
    size_t bytes = text ? strlen(text) : 0;
    for (size_t i = 0; i < bytes;) {
        size_t n = oz_utf8_length(text + i, bytes - i);
        if (n)
            oz_text_add(&clean, text + i, n);
        else
            oz_raw(&clean, "\xef\xbf\xbd");
        i += n ? n : 1;
    }
    put(w, key,
        !text          ? json_null()
        : clean.failed ? NULL
                       : json_stringn(bytes ? clean.data : "", clean.bytes));
    oz_text_free(&clean);
}

static void put_real(writer *w, const char *key, double v) {
    put(w, key, isfinite(v) ? json_real(v) : json_null());
}

static void put_whole(writer *w, const char *key, uint64_t v) {
    put(w, key, json_integer((json_int_t)v));
}

static void put_flag(writer *w, const char *key, bool v) {
    put(w, key, json_boolean(v));
}

static void put_hash(writer *w, const char *key, uint64_t hash) {
    char text[24];
    snprintf(text, sizeof text, "%016" PRIx64, hash);
    put_text(w, key, text);
}

static void put_interval(writer *w, const char *key, oz_interval i) {
    json_t *pair = json_array();
    bool good = pair && json_array_append_new(pair, json_real(i.low)) == 0 &&
                json_array_append_new(pair, json_real(i.high)) == 0;
    if (good) {
        put(w, key, pair);
        return;
    }
    json_decref(pair);
    w->failed = true;
}

static void append(writer *w, json_t *array, json_t *value) {
    if (json_array_append_new(array, value) != 0) w->failed = true;
}

/* ---- parts ----------------------------------------------------------------------- */

static void put_bytes(writer *w, const oz_variant *v) {
    writer b = begin();
    put_whole(&b, "values", v->bytes.values);
    put_whole(&b, "index", v->bytes.index);
    put_whole(&b, "scales", v->bytes.scales);
    put_whole(&b, "vectors", v->bytes.vectors);
    put_whole(&b, "padding", v->bytes.padding);
    put_whole(&b, "header", v->bytes.header);
    put(w, "bytes_by_kind", end(&b));
}

static void put_layers(writer *w, const oz_variant *v) {
    json_t *layers = json_array();
    for (size_t i = 0; i < v->n_layers; i++) {
        writer l = begin();
        put_text(&l, "name", v->layers[i].name);
        put_text(&l, "weight", v->layers[i].weight);
        put_whole(&l, "rows", v->layers[i].rows);
        put_whole(&l, "cols", v->layers[i].cols);
        put_whole(&l, "bytes", v->layers[i].bytes);
        append(w, layers, end(&l));
    }
    put(w, "layers", layers);
}

static void put_against_dense(writer *w, const oz_variant *v) {
    writer d = begin();
    put_real(&d, "kl", v->metrics.kl);
    put_interval(&d, "kl_interval", v->kl);
    put_whole(&d, "agreement", v->metrics.agreement);
    put_whole(&d, "flips_negative", v->metrics.flips_negative);
    put_whole(&d, "flips_positive", v->metrics.flips_positive);
    put_whole(&d, "changed_errors", v->metrics.changed_errors);
    put_real(&d, "difference", oz_pairs_difference(v->dense_pairs));
    put_interval(&d, "difference_interval", oz_newcombe(v->dense_pairs));
    put_real(&d, "mcnemar_p", oz_mcnemar(v->dense_pairs.first, v->dense_pairs.second));
    put(w, "against_dense", end(&d));
}

static void put_times(writer *w, const oz_variant *v) {
    writer l = begin();
    put_real(&l, "median_ns", v->latency_ns);
    put_real(&l, "low_ns", v->latency_low_ns);
    put_real(&l, "high_ns", v->latency_high_ns);
    put(w, "latency", end(&l));
    put_real(w, "throughput", v->throughput);
}

static void put_variant(writer *w, const oz_comparison *c, const oz_variant *v) {
    put_text(w, "method", v->method);
    put_text(w, "network", v->base);
    put_flag(w, "ready_made", v->kind == OZ_VARIANT_READY);
    put_flag(w, "untrained", v->untrained);
    if (!v->right) return;
    put_text(w, "setting", v->setting);
    put_whole(w, "tried", v->tried);
    put_whole(w, "stored", v->stored);
    put_whole(w, "resident", v->resident);
    put_bytes(w, v);
    put_whole(w, "correct", v->correct);
    if (v->act_i8) put_whole(w, "correct_with_f32_activations", v->correct_f32);
    put_real(w, "accuracy", oz_variant_accuracy(c, v));
    put_interval(w, "accuracy_interval", v->accuracy);
    if (v->has_dense) put_against_dense(w, v);
    if (v->latency_ns > 0.0) put_times(w, v);
    if (v->smaller > 0.0) put_real(w, "times_smaller_than_int8", v->smaller);
    if (v->faster > 0.0) put_real(w, "times_as_fast_as_int8", v->faster);
    put_layers(w, v);
}

static json_t *row_object(const oz_comparison *c, const oz_ranking *r, const oz_row *row) {
    static const char *const states[] = {"ranked", "untrained", "over", "too_large", "failed"};
    writer w = begin();
    put_text(&w, "state", states[row->state]);
    put_variant(&w, c, row->variant);
    if (row->state == OZ_ROW_TOO_LARGE) put_whole(&w, "smallest", row->smallest);
    if (row->reason) put_text(&w, "reason", row->reason);
    if (r->n_ranked && row->state <= OZ_ROW_OVER) {
        put_flag(&w, "best", row->best);
        put_flag(&w, "tied", row->tied);
        put_real(&w, "difference", row->difference);
        put_interval(&w, "difference_interval", row->interval);
        put_whole(&w, "only_this", row->pairs.first);
        put_whole(&w, "only_best", row->pairs.second);
        put_real(&w, "mcnemar_p", row->p);
        put_real(&w, "holm_p", row->adjusted);
    }
    return end(&w);
}

static void put_rankings(writer *w, const oz_comparison *c) {
    json_t *rankings = json_array();
    for (size_t i = 0; i < c->n_rankings; i++) {
        const oz_ranking *r = &c->rankings[i];
        writer one = begin();
        json_t *rows = json_array();
        for (size_t k = 0; k < r->n; k++) append(w, rows, row_object(c, r, &r->rows[k]));
        put_whole(&one, "budget", r->budget);
        put_whole(&one, "ranked", r->n_ranked);
        put_whole(&one, "tied_with_best", r->n_tied);
        put_text(&one, "winner", oz_ranking_winner(r) ? oz_ranking_winner(r)->variant->method : NULL);
        put(&one, "rows", rows);
        append(w, rankings, end(&one));
    }
    put(w, "rankings", rankings);
}

static void put_curves(writer *w, const oz_comparison *c) {
    json_t *curves = json_array();
    for (size_t i = 0; i < c->n_curves; i++) {
        const oz_curve *curve = &c->curves[i];
        writer one = begin();
        json_t *points = json_array();
        for (size_t k = 0; k < curve->n; k++) {
            writer p = begin();
            put_whole(&p, "budget", curve->points[k].budget);
            put_whole(&p, "bytes", curve->points[k].bytes);
            put_real(&p, "accuracy", oz_variant_accuracy(c, curve->points[k].variant));
            append(w, points, end(&p));
        }
        put_text(&one, "network", curve->base);
        put_text(&one, "method", curve->method);
        put(&one, "points", points);
        append(w, curves, end(&one));
    }
    put(w, "curves", curves);
}

static void put_machine(writer *w, const oz_machine *m) {
    writer one = begin();
    put_text(&one, "cpu", m->cpu);
    put_text(&one, "isa", m->isa);
    put_whole(&one, "cores", (uint64_t)m->cores);
    put_whole(&one, "threads", (uint64_t)m->threads);
    put(w, "machine", end(&one));
}

static json_t *root_object(const oz_comparison *c) {
    writer w = begin();
    put_text(&w, "ounce", oz_version_string());
    put_text(&w, "command", c->command);
    put_machine(&w, &c->machine);
    put_whole(&w, "records", c->records);
    put_whole(&w, "classes", c->classes);
    put_real(&w, "chance", 1.0 / (double)c->classes);
    put_hash(&w, "data_hash", c->data_hash);
    put_hash(&w, "calibration_hash", c->calibration_hash);
    put_whole(&w, "calibration_records", c->calibration_records);
    put_text(&w, "correction", c->correction);
    put_text(&w, "policy", c->policy);
    put_whole(&w, "seed", c->seed);
    put_whole(&w, "batch", c->batch);
    put_flag(&w, "quick", c->quick);
    put_text(&w, "ranked_by", c->by_stored ? "stored" : "resident");
    put_rankings(&w, c);
    put_curves(&w, c);
    return end(&w);
}

void oz_report_json(oz_text *t, const oz_comparison *c) {
    json_t *root = root_object(c);
    char *dump = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
    if (dump) {
        oz_raw(t, dump);
        oz_raw(t, "\n");
    } else {
        t->failed = true;
    }
    free(dump);
    json_decref(root);
}
