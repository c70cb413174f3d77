/* observe.c - statistics of the dense model, and the affine map that gives a compressed layer the same. */
#include "converters/compress/observe.h"

#include "base/arith.h"

#include <math.h>
#include <string.h>

/* A compressed layer that lost more than this factor of its deviation has no signal worth amplifying. */
#define MOST_RATIO 8.0
/* Below this share of the layer's largest deviation a channel is constant: only its mean is matched. */
#define TINY_DEVIATION 1e-4
/* Memory for activations, all of one batch. */
#define MOST_MEMORY (UINT64_C(1) << 30)

typedef struct watch {
    oz_compressor *c;
    oz_run_state *run;  /* of a draft; NULL: the dense model is observed */
    oz_change *changes; /* of a draft */
    oz_arena *arena;
    oz_status status;
    oz_error *err;
} watch;

/* ---- one layer's channels ---- */

typedef struct channels {
    const oz_observation *o;
    double *mean, *deviation;
    const oz_change *change;
} channels;

static void measure_channel(void *arg, size_t channel) {
    const channels *job = arg;
    const oz_observation *o = job->o;
    double sum = 0, squares = 0, n = (double)(o->outer * o->inner);
    for (size_t i = 0; i < o->outer; i++) {
        const float *x = o->data + (i * o->channels + channel) * o->inner;
        for (size_t k = 0; k < o->inner; k++) sum += (double)x[k];
    }
    double mean = sum / n;
    for (size_t i = 0; i < o->outer; i++) {
        const float *x = o->data + (i * o->channels + channel) * o->inner;
        for (size_t k = 0; k < o->inner; k++) squares += ((double)x[k] - mean) * ((double)x[k] - mean);
    }
    job->mean[channel] = mean;
    job->deviation[channel] = sqrt(squares / n);
}

static void change_channel(void *arg, size_t channel) {
    const channels *job = arg;
    const oz_observation *o = job->o;
    double ratio = job->change->ratio[channel];
    double shift = job->change->after[channel] - ratio * job->change->before[channel];
    for (size_t i = 0; i < o->outer; i++) {
        float *x = o->data + (i * o->channels + channel) * o->inner;
        for (size_t k = 0; k < o->inner; k++) x[k] = (float)(ratio * (double)x[k] + shift);
    }
}

static void observe_dense(watch *w, const oz_observation *o) {
    oz_channel_stats *s = &w->c->layers[o->layer_index].stats;
    s->mean = oz_arena_array(&w->c->arena, o->channels, sizeof(double));
    s->deviation = oz_arena_array(&w->c->arena, o->channels, sizeof(double));
    if (!s->mean || !s->deviation) {
        w->status = oz_no_memory(o->layer, w->err);
        return;
    }
    channels job = {o, s->mean, s->deviation, NULL};
    oz_parallel(&w->c->threads, o->channels, measure_channel, &job);
}

/* ---- the change that a layer needs ---- */

static double largest(const double *x, size_t n) {
    double most = 0;
    for (size_t i = 0; i < n; i++) most = fmax(most, x[i]);
    return most;
}

static double ratio_of(double wanted, double found, double tiny) {
    if (!(wanted > tiny) || !(found > tiny)) return 1;
    return fmin(fmax(wanted / found, 1 / MOST_RATIO), MOST_RATIO);
}

static oz_status make_change(watch *w, const oz_observation *o, oz_correction correction) {
    const oz_channel_stats *dense = &w->c->layers[o->layer_index].stats;
    oz_change *change = &w->changes[o->layer_index];
    double *deviation = oz_arena_array(w->arena, o->channels, sizeof *deviation);
    change->before = oz_arena_array(w->arena, o->channels, sizeof *change->before);
    change->after = oz_arena_array(w->arena, o->channels, sizeof *change->after);
    change->ratio = oz_arena_array(w->arena, o->channels, sizeof *change->ratio);
    if (!deviation || !change->before || !change->after || !change->ratio)
        return oz_no_memory(o->layer, w->err);
    channels job = {o, change->before, deviation, change};
    oz_parallel(&w->c->threads, o->channels, measure_channel, &job);
    double tiny = TINY_DEVIATION * largest(dense->deviation, o->channels);
    for (size_t r = 0; r < o->channels; r++) {
        change->after[r] = dense->mean[r];
        change->ratio[r] =
            correction == OZ_CORRECT_AFFINE ? ratio_of(dense->deviation[r], deviation[r], tiny) : 1;
    }
    oz_parallel(&w->c->threads, o->channels, change_channel, &job);
    return OZ_OK;
}

static void observe(void *ctx, const oz_observation *o) {
    watch *w = ctx;
    if (w->status != OZ_OK) return;
    if (!w->run) {
        observe_dense(w, o);
        return;
    }
    oz_correction correction = oz_run_correction(w->run, o->layer_index);
    bool known = w->c->layers[o->layer_index].stats.mean != NULL;
    if (!w->changes || correction == OZ_CORRECT_NONE || !known) return;
    w->status = make_change(w, o, correction);
}

/* ---- running ---- */

static oz_plan_options options_for(const oz_compressor *c, size_t records) {
    oz_plan_options options = OZ_PLAN_INIT;
    options.host = c->host;
    options.threads = c->threads.width;
    options.max_batch = (uint32_t)records;
    for (uint32_t d = 1; d < c->input.rank; d++)
        if ((uint32_t)c->input.dim[d] > options.max_free) options.max_free = (uint32_t)c->input.dim[d];
    return options;
}

static oz_status run_model(watch *w, oz_model *m, float *logits) {
    oz_compressor *c = w->c;
    oz_plan_options options = options_for(c, c->records);
    oz_plan *plan = NULL;
    oz_session *session = NULL;
    oz_run_options watched = OZ_RUN_INIT;
    watched.observer = observe;
    watched.observer_ctx = w;
    oz_tensor out = {.bytes = c->records * c->outputs * sizeof *logits};
    out.data = logits;
    oz_status status = oz_plan_create(m, &options, &plan, w->err);
    if (status == OZ_OK) status = oz_session_create(plan, &session, w->err);
    if (status == OZ_OK) status = oz_run(session, &c->input, 1, &out, 1, &watched, w->err);
    oz_session_free(session);
    oz_plan_free(plan);
    return status == OZ_OK ? w->status : status;
}

/* ---- the dense model ---- */

static oz_status no_data(oz_error *err, const char *what) {
    return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "calibration", "%s", what);
}

static size_t outputs_per_record(const oz_tensor_info *out) {
    size_t n = 1;
    for (uint32_t d = 1; d < out->rank; d++) n *= out->dim[d] < 0 ? 0 : (size_t)out->dim[d];
    return n;
}

static oz_status check_shapes(oz_compressor *c, oz_tensor_info *in, oz_error *err) {
    oz_tensor_info out;
    if (!c->calibration)
        return no_data(err, "correction and ranking need calibration data; without it ask for no correction");
    if (!c->contents.graph)
        return no_data(err, "the model has no graph, so it cannot run on calibration data");
    if (oz_model_inputs(c->model) != 1 || oz_model_outputs(c->model) != 1)
        return no_data(err, "calibration needs a model with one input and one output");
    OZ_TRY(oz_model_input(c->model, 0, in));
    OZ_TRY(oz_model_output(c->model, 0, &out));
    int64_t dim[OZ_MAX_RANK];
    c->input.rank = oz_dataset_shape(c->calibration, dim) + 1;
    for (uint32_t d = 1; d < oz_min(c->input.rank, OZ_MAX_RANK); d++) c->input.dim[d] = dim[d - 1];
    bool fits = in->rank == c->input.rank && in->dim[0] < 0;
    for (uint32_t d = 1; fits && d < in->rank; d++) fits = in->dim[d] < 0 || in->dim[d] == c->input.dim[d];
    if (!fits) return no_data(err, "the records have another shape than the model's input");
    c->outputs = outputs_per_record(&out);
    if (c->outputs == 0) return no_data(err, "the model's output has a free dimension besides the batch");
    return OZ_OK;
}

/* How many records the activations' memory allows: their size grows with the batch. */
static oz_status limit_records(oz_compressor *c, oz_error *err) {
    oz_plan *plan;
    oz_memory memory;
    size_t n = oz_min(oz_dataset_count(c->calibration), 1 << 20);
    for (;;) {
        oz_plan_options options = options_for(c, n);
        OZ_TRY(oz_plan_create(c->model, &options, &plan, err));
        oz_plan_memory(plan, &memory);
        oz_plan_free(plan);
        if (memory.session_bytes <= MOST_MEMORY || n == 1) break;
        size_t scaled = (size_t)((double)n * (double)MOST_MEMORY / (double)memory.session_bytes);
        n = oz_max(1, oz_min(scaled, n - 1));
    }
    c->records = n;
    return OZ_OK;
}

static oz_status read_records(oz_compressor *c, const oz_tensor_info *in, oz_error *err) {
    size_t count = c->records;
    c->input.dim[0] = (int64_t)c->records;
    for (uint32_t d = 1; d < in->rank; d++) count *= (size_t)c->input.dim[d];
    float *x = oz_arena_array(&c->arena, count, sizeof *x);
    if (!x) return oz_no_memory("calibration", err);
    oz_dataset_read(c->calibration, 0, c->records, x);
    c->input.data = x;
    c->input.bytes = count * sizeof *x;
    if (in->dtype == OZ_F32) return OZ_OK;
    int64_t *indexes = oz_arena_array(&c->arena, count, sizeof *indexes);
    if (!indexes) return oz_no_memory("calibration", err);
    for (size_t i = 0; i < count; i++) indexes[i] = (int64_t)x[i];
    c->input.data = indexes;
    c->input.bytes = count * sizeof *indexes;
    return OZ_OK;
}

oz_status oz_observe_base(oz_compressor *c, oz_error *err) {
    oz_tensor_info in;
    if (c->observed) return OZ_OK;
    OZ_TRY(check_shapes(c, &in, err));
    OZ_TRY(limit_records(c, err));
    OZ_TRY(read_records(c, &in, err));
    c->logits = oz_arena_array(&c->arena, c->records * c->outputs, sizeof *c->logits);
    if (!c->logits) return oz_no_memory("calibration", err);
    watch w = {.c = c, .err = err};
    OZ_TRY(run_model(&w, c->model, c->logits));
    c->observed = true;
    return OZ_OK;
}

/* ---- a draft ---- */

static double squared_difference(const float *a, const float *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    return sum / (double)n;
}

oz_status oz_observe_draft(oz_run_state *run, const oz_image *image, oz_change *changes, oz_arena *arena,
                           double *error) {
    oz_compressor *c = run->c;
    oz_open_options open = OZ_OPEN_INIT;
    oz_model *m = NULL;
    OZ_TRY(oz_observe_base(c, run->err));
    size_t count = c->records * c->outputs;
    float *logits = oz_arena_array(arena, count, sizeof *logits);
    if (!logits) return oz_no_memory("calibration", run->err);
    open.host = c->host;
    OZ_TRY(oz_model_open_memory(image->data, image->bytes, &open, &m, run->err));
    watch w = {.c = c, .run = run, .changes = changes, .arena = arena, .err = run->err};
    oz_status status = run_model(&w, m, logits);
    oz_model_free(m);
    if (status == OZ_OK) *error = squared_difference(logits, c->logits, count);
    return status;
}
