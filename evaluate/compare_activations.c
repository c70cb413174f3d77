/* compare_activations.c - what 8-bit activations cost: every ranked model with integer leaves once more, with
 * the same weights and f32 activations, on the same records. */
#include "evaluate/compare.h"

#include "evaluate/runner.h"

static bool reads_i8(const oz_model *m) {
    oz_layer_info layer;
    for (size_t i = 0; i < oz_model_layers(m); i++)
        if (oz_model_layer(m, i, &layer) == OZ_OK && layer.act_i8) return true;
    return false;
}

static oz_status count_right(oz_work *w, oz_model *m, uint64_t *right, oz_error *err) {
    oz_outputs o;
    uint8_t *each = oz_alloc(w->host.allocator, w->c->records, 1);
    if (!each) return oz_work_memory(err);
    oz_status status = oz_evaluate_first(m, w->opt.data, w->c->records, &w->plan, &o, err);
    if (status == OZ_OK) *right = oz_correct(o.logits, o.count, o.classes, w->labels, each);
    if (status == OZ_OK) oz_outputs_free(&o);
    oz_release(w->host.allocator, each, w->c->records);
    return status;
}

static oz_status run_in_f32(oz_work *w, const oz_live *l, oz_error *err) {
    oz_buffer file;
    oz_open_options open = OZ_OPEN_INIT;
    oz_model *m = NULL;
    open.host = &w->host;
    OZ_TRY(oz_f32_activations(l->model, &file, err));
    oz_status status = oz_model_open_memory(file.data, file.bytes, &open, &m, err);
    if (status == OZ_OK) status = count_right(w, m, &l->variant->correct_f32, err);
    l->variant->act_i8 = status == OZ_OK;
    oz_model_free(m);
    oz_buffer_free(&file);
    return status;
}

oz_status oz_work_activations(oz_work *w, oz_error *err) {
    w->stage = "evaluate with f32 activations";
    w->done = 0;
    w->total = w->n_live;
    for (size_t i = 0; i < w->n_live; i++) {
        if (reads_i8(w->live[i].model)) OZ_TRY(run_in_f32(w, &w->live[i], err));
        OZ_TRY(oz_work_step(w, err));
    }
    return OZ_OK;
}
