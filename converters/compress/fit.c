/* fit.c - one layer: residuals, alternation, errors. */
#include "converters/compress/fit.h"

#include "converters/compress/fit_term.h"

#include <string.h>

enum { ROUNDS = 3 };

oz_fitted *oz_fitted_create(oz_base_layer *base, const oz_method *method) {
    oz_fitted *f = oz_alloc(NULL, sizeof *f, 16);
    if (!f) return NULL;
    memset(f, 0, sizeof *f);
    f->base = base;
    f->kept = method == NULL;
    if (!method) return f;
    f->method = *method;
    f->n_terms = method->n_terms;
    return f;
}

void oz_fitted_free(oz_fitted *f) {
    if (!f) return;
    for (size_t t = 0; t < OZ_MAX_TERMS; t++) oz_arena_free(&f->arena[t]);
    oz_release(NULL, f, sizeof *f);
}

static bool same_term(const oz_method_term *a, const oz_method_term *b) {
    return a->leaf.format == b->leaf.format && a->leaf.codec.kind == b->leaf.codec.kind &&
           a->leaf.codec.group == b->leaf.codec.group && a->leaf.codec.offset == b->leaf.codec.offset &&
           a->leaf.codec.scale_f32 == b->leaf.codec.scale_f32 &&
           memcmp(a->leaf.param, b->leaf.param, sizeof a->leaf.param) == 0 && a->low_rank == b->low_rank &&
           a->rank == b->rank && a->random == b->random;
}

bool oz_fitted_equal(const oz_fitted *a, const oz_fitted *b) {
    if (a->base != b->base || a->kept != b->kept || a->n_terms != b->n_terms || a->seed != b->seed)
        return false;
    for (size_t t = 0; t < a->n_terms; t++)
        if (a->keep[t] != b->keep[t] || !same_term(&a->method.term[t], &b->method.term[t])) return false;
    return true;
}

/* ---- several terms ---- */

typedef struct fitting {
    oz_fitted *f;
    uint64_t count;
    float *made[OZ_MAX_TERMS]; /* each term as dense numbers; zeros until it is fitted */
    float *target;
    oz_arena memory;
    oz_error *err;
} fitting;

static bool allocate(fitting *s) {
    bool ok = true;
    for (size_t t = 0; t < s->f->n_terms; t++) {
        s->made[t] = oz_arena_array(&s->memory, s->count, sizeof(float));
        ok = ok && s->made[t];
    }
    s->target = oz_arena_array(&s->memory, s->count, sizeof(float));
    return ok && s->target;
}

/* What all terms but one leave of the weight. */
static void leave(const fitting *s, size_t except) {
    memcpy(s->target, s->f->base->values, s->count * sizeof(float));
    for (size_t t = 0; t < s->f->n_terms; t++)
        for (uint64_t i = 0; t != except && i < s->count; i++) s->target[i] -= s->made[t][i];
}

static double squared_error(const fitting *s) {
    double sum = 0;
    for (uint64_t i = 0; i < s->count; i++) {
        double left = (double)s->f->base->values[i];
        for (size_t t = 0; t < s->f->n_terms; t++) left -= (double)s->made[t][i];
        sum += left * left;
    }
    return sum;
}

static bool is_shared(const fitting *s, size_t t) {
    return s->f->method.term[t].shares;
}

static oz_status fit_one(fitting *s, size_t t) {
    leave(s, t);
    oz_arena_free(&s->f->arena[t]);
    return oz_fit_term(s->f, t, s->target, s->made[t], s->err);
}

/* Fits term t again and keeps it if that lowers the error. */
static oz_status improve(fitting *s, size_t t, double *error, bool *better) {
    oz_term before = s->f->term[t];
    oz_arena arena = s->f->arena[t];
    float *made = oz_alloc(NULL, s->count * sizeof *made, 64);
    if (!made) return oz_no_memory(s->f->base->name, s->err);
    memcpy(made, s->made[t], s->count * sizeof *made);
    s->f->arena[t] = (oz_arena){0};
    oz_status status = fit_one(s, t);
    double now = status == OZ_OK ? squared_error(s) : *error;
    if (now < *error) {
        oz_arena_free(&arena);
        *better = *better || now < 0.999 * *error;
        *error = now;
    } else {
        oz_arena_free(&s->f->arena[t]);
        s->f->arena[t] = arena;
        s->f->term[t] = before;
        memcpy(s->made[t], made, s->count * sizeof *made);
    }
    oz_release(NULL, made, 0);
    return status;
}

static oz_status fit_terms(fitting *s) {
    oz_fitted *f = s->f;
    for (size_t t = 0; t < f->n_terms; t++)
        if (is_shared(s, t)) OZ_TRY(oz_term_unpack(&f->term[t], s->made[t], s->err));
    for (size_t t = 0; t < f->n_terms; t++)
        if (!is_shared(s, t)) OZ_TRY(fit_one(s, t));
    f->squared = squared_error(s);
    bool better = f->n_terms > 1;
    for (int round = 0; round < ROUNDS && better; round++) {
        better = false;
        for (size_t t = 0; t < f->n_terms; t++)
            if (!is_shared(s, t)) OZ_TRY(improve(s, t, &f->squared, &better));
    }
    return OZ_OK;
}

oz_status oz_fit_layer(oz_fitted *f, oz_error *err) {
    if (f->kept) return OZ_OK;
    fitting s = {.f = f, .count = f->base->rows * f->base->cols, .err = err};
    oz_status status = allocate(&s) ? fit_terms(&s) : oz_no_memory(f->base->name, err);
    oz_arena_free(&s.memory);
    return status;
}

oz_status oz_fit_sizes(oz_fitted *f, oz_error *err) {
    if (f->kept) return OZ_OK;
    fitting s = {.f = f, .count = f->base->rows * f->base->cols, .err = err};
    oz_status status = allocate(&s) ? OZ_OK : oz_no_memory(f->base->name, err);
    for (size_t t = 0; t < f->n_terms && status == OZ_OK; t++) {
        if (f->method.term[t].low_rank) {
            status = oz_fit_term_size(f, t, err);
        } else if (!is_shared(&s, t)) {
            status = fit_one(&s, t);
        }
    }
    oz_arena_free(&s.memory);
    return status;
}
