/* multiply.c - see multiply.h. */
#include "runtime/multiply.h"

#include "base/arith.h"
#include "runtime/multiply/call.h"

oz_threads oz_call_threads(const oz_call *c, double ns) {
    const oz_job *job = c->job;
    double part = (double)(job->row1 - job->row0) / (double)c->layer->weight->rows;
    return oz_plan_threads(c->s->plan, part * ns);
}

void oz_cut_rows(size_t panels, size_t wanted, size_t *chunk_panels, size_t *chunks) {
    *chunk_panels = oz_min(OZ_CHUNK, oz_div_up(panels, oz_min(oz_max(1, wanted), panels)));
    *chunks = oz_div_up(panels, *chunk_panels);
}

static bool multiplies_nonzeros(const oz_choice *choice) {
    return choice->way == OZ_WAY_MM && choice->decoder->nz;
}

bool oz_call_all_leaves(const oz_call *c, bool (*is_true)(const oz_choice *choice)) {
    for (size_t t = 0; t < c->layer->weight->n_terms; t++) {
        for (size_t f = 0; f < c->layer->weight->terms[t].n_factors; f++) {
            if (!is_true(oz_call_choice(c, &c->plan->leaf[t][f]))) return false;
        }
    }
    return true;
}

static size_t tile_of(const oz_call *c) {
    const oz_choice *first = oz_call_choice(c, &c->plan->leaf[0][0]);
    return oz_call_all_leaves(c, oz_decodes_floats) ? oz_choice_tile(c->prim, first, c->job->columns)
                                                    : OZ_COLUMNS;
}

/* Of a layer of one leaf. */
static bool reads_codes_as_floats(const oz_choice *choice) {
    return choice->way == OZ_WAY_MM && choice->decoder->nz_codes;
}

/* Columns that a slot must hold: a panel as wide as the layer's tiles, or no more than the mv kernels take
 * where only they will run. */
static size_t lanes_of(const oz_plan *plan, const oz_layer_plan *lp) {
    if (plan->reproducible) return OZ_COLUMNS;
    bool rows = lp->columns <= OZ_MV_BATCH;
    for (uint64_t m = 1; rows && m <= lp->columns; m++) rows = oz_layer_reads_rows(lp, m);
    return rows ? OZ_MV_BATCH : oz_lanes_for(lp->columns);
}

/* Weights that will be unpacked at every run need room for that, too. */
void oz_multiply_size(oz_plan *p, const oz_layer_plan *lp) {
    const size_t lanes = lanes_of(p, lp), tiles = oz_div_up(lp->columns, OZ_COLUMNS);
    p->slots = oz_max(p->slots, oz_slot_count(p->threads.width, tiles));
    p->slot_bytes = oz_max(p->slot_bytes, oz_slot_bytes(lp->layer, lanes));
    p->worker_bytes = oz_max(p->worker_bytes, oz_worker_bytes(lp->layer, lanes));
    const oz_leaf_plan *first = &lp->leaf[0][0];
    if (first->narrow.way == OZ_WAY_UNPACK || first->large.way == OZ_WAY_UNPACK)
        p->unpack_floats = oz_max(p->unpack_floats, lp->layer->weight->rows * lp->layer->weight->cols);
}

void oz_multiply(oz_session *s, const oz_job *job) {
    const oz_layer_plan *plan = &s->plan->layers[job->layer];
    oz_call c = {.s = s, .job = job, .layer = plan->layer, .plan = plan, .prim = s->plan->primitives};
    c.lanes = lanes_of(s->plan, plan);
    c.tile = OZ_COLUMNS; /* of rows, too: a slot holds as many */
    c.row_scale = oz_session_floats(s, &plan->layer->weight->row_scale, s->row_scale);
    c.bias = oz_session_floats(s, plan->layer->bias, s->bias);
    if (oz_layer_reads_rows(plan, job->columns)) {
        oz_call_rows(&c);
    } else if (oz_call_is_direct(&c)) {
        oz_call_direct(&c);
    } else {
        c.tile = tile_of(&c);
        c.takes_8 = oz_call_all_leaves(&c, multiplies_nonzeros);
        c.widens = reads_codes_as_floats(oz_call_choice(&c, &plan->leaf[0][0]));
        oz_call_columns(&c);
    }
}
