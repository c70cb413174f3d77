/* net.h - small networks made in memory from a graph's text and dense or packed weights, and run. */
#ifndef OZ_TESTS_NET_H
#define OZ_TESTS_NET_H

#include "formats/container/image.h"
#include <ounce/ounce.h>

typedef struct net {
    oz_arena arena;
    oz_contents contents;
    oz_weight weights[8];
    oz_vector vectors[16];
    oz_image image;
    oz_model *model;
    oz_error err;
} net;

/* A weight of one or several single-leaf terms, all packed from the same matrix; text "dense,codec=f32". */
void net_weight(net *n, const char *name, const char *text, uint64_t rows, uint64_t cols, const float *w);
/* A product of two leaves: left [rows][inner] times right [inner][cols]. */
void net_product(net *n, const char *name, const char *text, uint64_t rows, uint64_t inner, uint64_t cols,
                 const float *left, const float *right);
void net_term_scale(net *n, size_t weight, float scale);
void net_vector(net *n, const char *name, uint64_t count, const float *v);
void net_row_scale(net *n, size_t weight, const float *scale);
/* Builds the file and opens it. */
oz_status net_open(net *n, const char *graph);
/* net_open, asserted to succeed. */
void net_must_open(net *n, const char *graph);

/* A tensor of `rank` sizes and elements of `element` bytes; of a result, with room for so many. */
oz_tensor net_tensor(const void *data, size_t element, uint32_t rank, const int64_t *dims);
oz_tensor net_room(float *data, size_t floats);
/* Plan, session, one run, all freed again; the first status that is not OZ_OK. `opt` and `run` may be NULL.
 */
oz_status net_try(net *n, const oz_plan_options *opt, const oz_run_options *run, const oz_tensor *in,
                  size_t n_in, oz_tensor *out, size_t n_out);
/* One input and one output; in_dims has `rank` sizes; out gets at most `room` floats. Asserts success and
 * returns how many there are. The plan's batch is at least in_dims[0]. */
size_t net_run(net *n, const oz_plan_options *opt, const float *x, uint32_t rank, const int64_t *in_dims,
               float *out, size_t room);
void net_free(net *n);

/* Deterministic numbers in [-1, 1); of the second kind more than half are 0. */
void net_fill(float *out, size_t n, uint64_t seed);
void net_fill_sparse(float *out, size_t n, uint64_t seed);
/* The i-th instruction set that this machine has; NULL past the last. */
const char *net_isa(size_t i);

#endif
