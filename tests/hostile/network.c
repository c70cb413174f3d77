/* network.c - see network.h. */
#include "tests/hostile/network.h"

const char network_of_plain[] =
    "{\"inputs\":{\"x\":[\"N\",7]},\"outputs\":[\"y\"],\"nodes\":["
    "[\"linear\",\"h\",[\"x\"],{\"weight\":\"w\",\"act\":\"gelu\"}],[\"softmax\",\"y\",[\"h\"]]]}";

static const char graph[] =
    "{\"inputs\":{\"x\":[\"N\",2,5,5],\"i\":{\"shape\":[\"N\",3],\"dtype\":\"i64\"}},\"outputs\":[\"y\","
    "\"e\"],\"nodes\":["
    "[\"affine\",\"a\",[\"x\"],{\"scale\":[2,1],\"shift\":[0,1]}],"
    "[\"conv2d\",\"b\",[\"a\"],{\"weight\":\"conv\",\"kernel\":3,\"pad\":[1,1,1,1],\"act\":\"relu\"}],"
    "[\"conv2d\",\"c\",[\"b\"],{\"weight\":\"deep\",\"kernel\":[3,3],\"pad\":1,\"stride\":2,\"groups\":4}],"
    "[\"max_pool\",\"d\",[\"b\"],{\"kernel\":2,\"pad\":1,\"ceil\":true}],"
    "[\"avg_pool\",\"f\",[\"b\"],{\"kernel\":3,\"stride\":2,\"pad\":1,\"count_pad\":true}],"
    "[\"add\",\"g\",[\"d\",\"f\"],{\"act\":\"leaky\",\"slope\":0.2}],[\"mul\",\"h\",[\"g\",\"c\"]],"
    "[\"concat\",\"j\",[\"h\",\"c\"],{\"axis\":-3}],[\"slice\",\"k\",[\"j\"],{\"axis\":1,\"start\":1,\"end\":"
    "7,\"step\":2}],"
    "[\"pad\",\"l\",[\"k\"],{\"pads\":[[0,0],[0,1],[1,0],[0,2]]}],[\"softmax\",\"m\",[\"l\"],{\"axis\":2}],"
    "[\"reshape\",\"n\",[\"m\"],{\"shape\":[0,4,-1]}],[\"global_max_pool\",\"o\",[\"n\"]],[\"global_avg_"
    "pool\",\"p\",[\"m\"]],"
    "[\"hardswish\",\"q\",[\"o\"]],[\"concat\",\"r\",[\"q\",\"p\"]],[\"flatten\",\"s\",[\"r\"]],"
    "[\"linear\",\"y\",[\"s\"],{\"weight\":\"fc\"}],[\"embedding\",\"t\",[\"i\"],{\"weight\":\"fc\"}],"
    "[\"embedding_bag\",\"e\",[\"i\"],{\"weight\":\"fc\",\"mode\":\"mean\"}]]}";

static oz_status make_weight(model *m, size_t i, const char *name, const char *text, uint64_t rows,
                             uint64_t cols) {
    oz_weight *w = &m->contents.weights[i];
    *w = (oz_weight){.name = name, .rows = rows, .cols = cols, .n_terms = 1};
    w->terms = oz_arena_array(&m->arena, 1, sizeof *w->terms);
    if (!w->terms) return OZ_ERR_MEMORY;
    w->terms[0] = (oz_term){.scale = 1, .n_factors = 1};
    w->terms[0].factors = oz_arena_array(&m->arena, 1, sizeof *w->terms[0].factors);
    if (!w->terms[0].factors) return OZ_ERR_MEMORY;
    return model_pack(w->terms[0].factors, text, rows, cols, i, &m->arena, &m->err);
}

oz_status network_make(model *m, const char *text, uint64_t rows, uint64_t cols) {
    (void)rows, (void)cols;
    *m = (model){.contents = {.n_weights = 3, .graph = graph}};
    m->contents.weights = oz_arena_array(&m->arena, 3, sizeof *m->contents.weights);
    if (!m->contents.weights) return OZ_ERR_MEMORY;
    OZ_TRY(make_weight(m, 0, "conv", text, 4, 18));
    OZ_TRY(make_weight(m, 1, "deep", "dense,codec=f16", 4, 9));
    OZ_TRY(make_weight(m, 2, "fc", text, 3, 8));
    m->contents.weights[0].act_i8 = m->contents.weights[2].act_i8 = true;
    return OZ_OK;
}
