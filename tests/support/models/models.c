/* models.c - texts of leaves, packed leaves, and contents made of them. */
#include "tests/support/models/models.h"

#include "tests/support/chance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What may follow a format's name; formats take the first that they accept. */
static const char *const usual_arguments[] = {"", ":2:4", ",k=3", ",slots=96"};
enum { USUAL_ARGUMENTS = sizeof usual_arguments / sizeof usual_arguments[0] };

static const char *const more_texts[] = {
    "dense,codec=int4,group=32",
    "dense,codec=int4,group=32,offset=zero",
    "dense,codec=int3,group=64,offset=min",
    "dense,codec=int8,scale=f32",
    "sparse:mask,codec=int4",
    "sparse:rows,codec=int4",
    "sparse:rows,codec=f16",
    "nm:1:4,codec=int8,form=list",
    "nm:7:16,codec=int3,form=mask",
    "nm:1:32,codec=ternary",
    "hashed:roast,codec=f16,slots=64,block_k=4,block_n=4",
    "hashed:robe,codec=int8,slots=80,chunk=16",
    "hashed:hashednet,codec=f32,slots=50",
    "hashed,codec=f32,slots=50,sign=mask",
    "basis,codec=f32,k=2,generator=torch",
};
enum { MORE_TEXTS = sizeof more_texts / sizeof more_texts[0] };

/* ---- leaves ----------------------------------------------------------------------- */

void model_weights(float *out, uint64_t n, uint64_t seed) {
    chance c = {seed};
    for (uint64_t i = 0; i < n; i++) out[i] = chance_below(&c, 3) ? (float)(chance_unit(&c) * 2 - 1) : 0;
}

oz_status model_pack(oz_leaf *leaf, const char *text, uint64_t rows, uint64_t cols, uint64_t seed,
                     oz_arena *arena, oz_error *err) {
    *leaf = (oz_leaf){.rows = rows, .cols = cols, .name = "leaf"};
    OZ_TRY(oz_leaf_parse(leaf, text, strlen(text), false, err));
    float *weights = calloc(rows * cols, sizeof *weights);
    if (!weights) return OZ_ERR_MEMORY;
    model_weights(weights, rows * cols, seed);
    oz_packer p;
    oz_status status = oz_pack_begin(&p, leaf, 1, arena, err);
    if (status == OZ_OK) status = oz_pack_add(&p, 0, weights, err);
    if (status == OZ_OK) status = oz_pack_finish(&p, err);
    free(weights);
    return status;
}

static bool can_pack(const char *text) {
    oz_arena arena = {0};
    oz_leaf leaf;
    oz_status status = model_pack(&leaf, text, 17, 20, 1, &arena, NULL);
    oz_arena_free(&arena);
    return status == OZ_OK;
}

/* ",codec=..." must come after the arguments with a colon, which come first. */
static bool usual_text(const oz_format *format, oz_codec_kind codec, char text[MODEL_TEXT]) {
    for (size_t i = 0; i < USUAL_ARGUMENTS; i++) {
        snprintf(text, MODEL_TEXT, "%s%s,codec=%s", format->name, usual_arguments[i], oz_codec_name(codec));
        if (can_pack(text)) return true;
    }
    return false;
}

bool model_format_text(size_t i, oz_codec_kind codec, char text[MODEL_TEXT]) {
    const oz_format *format = oz_format_at(i);
    if (!format) return false;
    if (!(format->codecs & OZ_CODEC_BIT(codec))) codec = (oz_codec_kind)__builtin_ctz(format->codecs);
    if (!usual_text(format, codec, text)) abort(); /* a format that needs an argument of its own here */
    return true;
}

bool model_leaf_text(size_t i, char text[MODEL_TEXT]) {
    const oz_format *format;
    for (size_t f = 0; (format = oz_format_at(f)); f++)
        for (uint32_t codec = 0; codec < OZ_CODEC_COUNT; codec++)
            if ((format->codecs & OZ_CODEC_BIT(codec)) && i-- == 0)
                return model_format_text(f, (oz_codec_kind)codec, text);
    if (i >= MORE_TEXTS) return false;
    snprintf(text, MODEL_TEXT, "%s", more_texts[i]);
    return true;
}

bool model_leaves_equal(const oz_leaf *a, const oz_leaf *b) {
    uint64_t bytes[OZ_MAX_PARTS] = {0}, others[OZ_MAX_PARTS] = {0};
    if (a->format != b->format || a->rows != b->rows || a->cols != b->cols) return false;
    if (a->codec.kind != b->codec.kind || a->codec.offset != b->codec.offset ||
        a->codec.group != b->codec.group || a->codec.scale_f32 != b->codec.scale_f32)
        return false;
    if (memcmp(a->param, b->param, a->format->n_params * sizeof a->param[0]) != 0) return false;
    if (a->format->layout(a, bytes, NULL) != OZ_OK || b->format->layout(b, others, NULL) != OZ_OK)
        return false;
    for (size_t i = 0; i < a->format->n_parts; i++) {
        if (bytes[i] != others[i]) return false;
        if (bytes[i] && memcmp(a->part[i].data, b->part[i].data, bytes[i]) != 0) return false;
    }
    return true;
}

/* ---- contents --------------------------------------------------------------------- */

static oz_vector make_vector(model *m, const char *name, oz_codec_kind kind, uint64_t count) {
    uint8_t *data = oz_arena_array(&m->arena, count, oz_float_bytes(kind));
    for (uint64_t i = 0; data && i < count; i++)
        oz_float_put(kind, data, i, 0.25f * (float)(int64_t)(i % 9) - 1.125f);
    return (oz_vector){.name = name, .kind = kind, .count = count, .data = data};
}

static oz_status make_term(model *m, oz_term *term, float scale, size_t factors) {
    *term = (oz_term){.scale = scale, .n_factors = factors};
    term->factors = oz_arena_array(&m->arena, factors, sizeof *term->factors);
    return term->factors ? OZ_OK : OZ_ERR_MEMORY;
}

static oz_status make_weight(model *m, oz_weight *w, const char *name, uint64_t rows, uint64_t cols,
                             size_t terms) {
    *w = (oz_weight){.name = name, .rows = rows, .cols = cols, .n_terms = terms};
    w->terms = oz_arena_array(&m->arena, terms, sizeof *w->terms);
    return w->terms ? OZ_OK : OZ_ERR_MEMORY;
}

static oz_status reserve(model *m, size_t weights, size_t vectors, size_t meta) {
    oz_contents *c = &m->contents;
    *m = (model){.contents = {.n_weights = weights, .n_vectors = vectors, .n_meta = meta}};
    c->weights = oz_arena_array(&m->arena, weights, sizeof *c->weights);
    c->vectors = oz_arena_array(&m->arena, vectors, sizeof *c->vectors);
    c->meta = oz_arena_array(&m->arena, meta, sizeof *c->meta);
    return c->weights && c->vectors && c->meta ? OZ_OK : OZ_ERR_MEMORY;
}

oz_status model_make_plain(model *m, const char *text, uint64_t rows, uint64_t cols) {
    OZ_TRY(reserve(m, 1, 1, 0));
    oz_weight *w = &m->contents.weights[0];
    OZ_TRY(make_weight(m, w, "w", rows, cols, 1));
    OZ_TRY(make_term(m, &w->terms[0], 1, 1));
    OZ_TRY(model_pack(&w->terms[0].factors[0], text, rows, cols, 7, &m->arena, &m->err));
    w->row_scale = make_vector(m, "", OZ_CODEC_F16, rows);
    w->act_i8 = oz_weight_default_act(w);
    m->contents.vectors[0] = make_vector(m, "w.bias", OZ_CODEC_F16, rows);
    return OZ_OK;
}

static oz_status make_sum(model *m, oz_weight *w, const char *text) {
    const uint64_t rank = 3;
    OZ_TRY(make_term(m, &w->terms[0], 0.5f, 1));
    OZ_TRY(model_pack(&w->terms[0].factors[0], text, w->rows, w->cols, 7, &m->arena, &m->err));
    OZ_TRY(make_term(m, &w->terms[1], -1.0f / 3, 2));
    oz_leaf *factors = w->terms[1].factors;
    OZ_TRY(model_pack(&factors[0], "dense,codec=f32", w->rows, rank, 8, &m->arena, &m->err));
    OZ_TRY(model_pack(&factors[1], "dense,codec=int8", rank, w->cols, 9, &m->arena, &m->err));
    w->row_scale = make_vector(m, "", OZ_CODEC_F32, w->rows);
    w->act_i8 = true;
    return OZ_OK;
}

oz_status model_make_rich(model *m, const char *text, uint64_t rows, uint64_t cols) {
    OZ_TRY(reserve(m, 3, 3, 2));
    oz_contents *c = &m->contents;
    OZ_TRY(make_weight(m, &c->weights[0], "a", rows, cols, 2));
    OZ_TRY(make_sum(m, &c->weights[0], text));
    OZ_TRY(make_weight(m, &c->weights[1], "b\"\\\xc3\xa9", rows, cols, 1)); /* with an e acute */
    OZ_TRY(make_term(m, &c->weights[1].terms[0], 1, 1));
    c->weights[1].terms[0].factors[0] = c->weights[0].terms[0].factors[0];
    c->weights[1].act_i8 = !oz_weight_default_act(&c->weights[1]);
    OZ_TRY(make_weight(m, &c->weights[2], "c", 33, 35, 1)); /* 4620 bytes: a ragged tensor */
    OZ_TRY(make_term(m, &c->weights[2].terms[0], 1, 1));
    OZ_TRY(model_pack(&c->weights[2].terms[0].factors[0], "dense,codec=f32", 33, 35, 10, &m->arena, &m->err));
    c->vectors[0] = make_vector(m, "a.bias", OZ_CODEC_F16, rows);
    c->vectors[1] = make_vector(m, "norm", OZ_CODEC_BF16, 5);
    c->vectors[2] = make_vector(m, "c.bias", OZ_CODEC_F32, 33);
    c->graph = "{\"inputs\":[\"x\"],\"nodes\":[]}";
    c->meta[0] = (oz_meta){.key = "source", .value = "line\nbreak \"quoted\" \\ tab\t \xe2\x82\xac"};
    c->meta[1] = (oz_meta){.key = "method", .value = text};
    return OZ_OK;
}

void model_free(model *m) {
    oz_arena_free(&m->arena);
    *m = (model){0};
}
