/* stock.h - one layer in many forms: dense f32, and as each method compresses it. */
#ifndef OZ_CLI_BENCH_STOCK_H
#define OZ_CLI_BENCH_STOCK_H

#include "cli/verb.h"

enum { OZ_STOCK_ITEMS = 64 };

typedef struct oz_item {
    const char *method; /* the caller's text */
    oz_buffer file;
    oz_model *model;
} oz_item;

typedef struct oz_stock {
    oz_item items[OZ_STOCK_ITEMS]; /* the first is the layer itself */
    size_t n;
    uint64_t seed;
    int threads;
} oz_stock;

/* Layer `layer` of `m`, or, with `m` NULL, a random one of that shape. */
int oz_stock_open(oz_stock *s, const oz_common *common, uint64_t seed, const oz_model *m, size_t layer,
                  uint64_t rows, uint64_t cols);
/* The layer as `method` makes it, made once; "dense,codec=f32" is the layer itself. Fills *why, and gives no
 * item, if the layer is too small for the method. */
int oz_stock_take(oz_stock *s, const char *method, const oz_item **out, oz_error *why);
/* Forgets all but the layer itself. */
void oz_stock_drop(oz_stock *s);
void oz_stock_close(oz_stock *s);

#endif
