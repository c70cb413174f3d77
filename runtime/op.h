/* op.h - an operator: how its attributes are read, what shape it makes, how it runs.
 *
 * An operator is one entry of the table in ops/ops.def and lives in one file of ops/. Those that own a
 * weight hand the multiplication to multiply.h; all others are plain arithmetic of kernels/vec.h. */
#ifndef OZ_RUNTIME_OP_H
#define OZ_RUNTIME_OP_H

#include "runtime/graph.h"

struct oz_session;

/* Everything one node sees while it runs. */
typedef struct oz_step {
    struct oz_session *session;
    const oz_node *node;
    const oz_shape *in_shape[OZ_MAX_NODE_INPUTS];
    const void *in[OZ_MAX_NODE_INPUTS];
    const oz_shape *out_shape;
    float *out;
    const oz_vec_primitives *vec;
} oz_step;

typedef struct oz_op {
    const char *name;
    uint32_t min_inputs, max_inputs;
    bool weighted;  /* attribute "weight" names its layer */
    bool view;      /* output is the input's memory under another shape; `run` is NULL */
    bool by_image;  /* image i of the result, whose dimension 0 counts images, comes of image i of the inputs,
                     * if the number of images stays the same */
    bool fuses_act; /* takes the attributes "act" and "slope" */
    const char *attributes; /* those that `parse` reads, with blanks between them; NULL = none */
    /* Reads attributes beyond weight and act; NULL if it has none. `v` is the attribute object, or
     * OZ_NO_VALUE. */
    oz_status (*parse)(oz_node *node, const oz_json *j, oz_value v, const oz_contents *contents,
                       oz_arena *arena, oz_error *err);
    oz_status (*shape)(const oz_node *node, const oz_weight *weight, const oz_shape *const *in, oz_shape *out,
                       oz_error *err);
    /* Errors: only what depends on data (an embedding index out of range). */
    oz_status (*run)(const oz_step *step, oz_error *err);
} oz_op;

const oz_op *oz_op_find(const oz_json *j, oz_value name); /* NULL if unknown */

/* ---- helpers for `parse` ---- */
oz_status oz_attr_u32(const oz_json *j, oz_value attrs, const char *key, uint32_t *out, oz_error *err);
oz_status oz_attr_i64(const oz_json *j, oz_value attrs, const char *key, int64_t *out, oz_error *err);
oz_status oz_attr_float(const oz_json *j, oz_value attrs, const char *key, float *out, oz_error *err);
oz_status oz_attr_flag(const oz_json *j, oz_value attrs, const char *key, bool *out, oz_error *err);
/* A number for all, or an array of exactly n. */
oz_status oz_attr_u32s(const oz_json *j, oz_value attrs, const char *key, uint32_t *out, uint32_t n,
                       oz_error *err);
oz_status oz_attr_window(const oz_json *j, oz_value attrs, oz_window *w, oz_error *err);
oz_status oz_shape_fail(const oz_node *node, oz_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Output size of a window over `size` inputs; false if the window does not fit once. */
bool oz_window_size(const oz_window *w, int axis, uint64_t size, uint64_t *out);

#endif
