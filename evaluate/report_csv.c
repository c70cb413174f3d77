/* report_csv.c - one line a row of every table and a point of every curve, with plain numbers (RFC 4180). */
#include "evaluate/report.h"

#include "evaluate/svg.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static const char HEADER[] =
    "budget,state,rank,network,method,setting,tried,untrained,stored_bytes,resident_bytes,smallest_bytes,"
    "records,"
    "correct,correct_with_f32_activations,accuracy,accuracy_low,accuracy_high,difference,difference_low,"
    "difference_high,only_this,only_"
    "best,"
    "mcnemar_p,holm_p,tied,kl,kl_low,kl_high,agreement,flips_negative,flips_positive,changed_errors,latency_"
    "ns,"
    "latency_low_ns,latency_high_ns,throughput,times_smaller_than_int8,times_as_fast_as_int8,reason\r\n";

static void quoted(oz_text *t, const char *text) {
    if (!text[strcspn(text, ",\"\r\n")]) {
        oz_raw(t, text);
        return;
    }
    oz_raw(t, "\"");
    for (; *text; text++) {
        if (*text == '"') oz_raw(t, "\"");
        oz_text_add(t, text, 1);
    }
    oz_raw(t, "\"");
}

static void whole(oz_text *t, bool known, uint64_t v) {
    if (known) oz_text_format(t, "%" PRIu64, v);
    oz_raw(t, ",");
}

static void real(oz_text *t, bool known, double v) {
    if (known && isfinite(v)) oz_text_number(t, v);
    oz_raw(t, ",");
}

static void text(oz_text *t, const char *v) {
    quoted(t, v ? v : "");
    oz_raw(t, ",");
}

static void write_variant(oz_text *t, const oz_comparison *c, const oz_variant *v, uint64_t smallest) {
    bool run = v->right != NULL;
    text(t, v->base);
    text(t, v->method);
    text(t, v->setting);
    whole(t, run, v->tried);
    whole(t, true, v->untrained);
    whole(t, run, v->stored);
    whole(t, run, v->resident);
    whole(t, smallest > 0, smallest);
    whole(t, run, c->records);
    whole(t, run, v->correct);
    whole(t, run && v->act_i8, v->correct_f32);
    real(t, run, oz_variant_accuracy(c, v));
    real(t, run, v->accuracy.low);
    real(t, run, v->accuracy.high);
}

static void write_difference(oz_text *t, const oz_row *row, bool tested) {
    real(t, tested, row->difference);
    real(t, tested, row->interval.low);
    real(t, tested, row->interval.high);
    whole(t, tested, row->pairs.first);
    whole(t, tested, row->pairs.second);
    real(t, tested, row->p);
    real(t, tested, row->adjusted);
    whole(t, tested, row->tied);
}

static void write_rest(oz_text *t, const oz_variant *v, const char *reason) {
    bool dense = v->has_dense, timed = v->latency_ns > 0.0;
    real(t, dense, v->metrics.kl);
    real(t, dense, v->kl.low);
    real(t, dense, v->kl.high);
    whole(t, dense, v->metrics.agreement);
    whole(t, dense, v->metrics.flips_negative);
    whole(t, dense, v->metrics.flips_positive);
    whole(t, dense, v->metrics.changed_errors);
    real(t, timed, v->latency_ns);
    real(t, timed, v->latency_low_ns);
    real(t, timed, v->latency_high_ns);
    real(t, timed, v->throughput);
    real(t, v->smaller > 0.0, v->smaller);
    real(t, v->faster > 0.0, v->faster);
    quoted(t, reason ? reason : "");
    oz_raw(t, "\r\n");
}

static void write_ranking(oz_text *t, const oz_comparison *c, const oz_ranking *r) {
    static const char *const states[] = {"ranked", "untrained fit", "over the budget", "does not fit",
                                         "failed"};
    for (size_t i = 0; i < r->n; i++) {
        const oz_row *row = &r->rows[i];
        whole(t, true, r->budget);
        text(t, states[row->state]);
        whole(t, i < r->n_ranked, i + 1);
        write_variant(t, c, row->variant, row->smallest);
        write_difference(t, row, r->n_ranked && row->state <= OZ_ROW_OVER);
        write_rest(t, row->variant, row->reason);
    }
}

void oz_report_csv(oz_text *t, const oz_comparison *c) {
    static const oz_row none;
    oz_raw(t, HEADER);
    for (size_t i = 0; i < c->n_rankings; i++) write_ranking(t, c, &c->rankings[i]);
    for (size_t i = 0; i < c->n_curves; i++) {
        for (size_t k = 0; k < c->curves[i].n; k++) {
            const oz_point *point = &c->curves[i].points[k];
            whole(t, true, point->budget);
            text(t, "curve");
            whole(t, false, 0);
            write_variant(t, c, point->variant, 0);
            write_difference(t, &none, false);
            write_rest(t, point->variant, NULL);
        }
    }
}
