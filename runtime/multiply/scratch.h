/* scratch.h - the memory of one layer under way. Slots hold what preparing a tile makes, workers what
 * finishing it needs. */
#ifndef OZ_RUNTIME_MULTIPLY_SCRATCH_H
#define OZ_RUNTIME_MULTIPLY_SCRATCH_H

#include "runtime/multiply/leaf.h"

/* Activations as one leaf reads them: rows or columns share all sizes but the number of lanes. */
typedef struct oz_operand {
    float *f32;
    int8_t *i8;
    float *scale;
    int32_t *sum;
} oz_operand;

static inline oz_rows oz_operand_rows(const oz_operand *o, const float *f32, size_t ld, size_t m, size_t k) {
    return (oz_rows){.m = m, .k = k, .f32 = f32, .ld = ld, .i8 = o->i8, .scale = o->scale, .sum = o->sum};
}

static inline oz_columns oz_operand_columns(const oz_operand *o, size_t k, size_t lanes) {
    return (oz_columns){.k = k, .lanes = lanes, .f32 = o->f32, .i8 = o->i8, .scale = o->scale, .sum = o->sum};
}

typedef struct oz_slot {
    oz_operand x;
    oz_operand *inner; /* [term]: what the leftmost factor of a product reads */
} oz_slot;

typedef struct oz_worker {
    oz_scratch scratch;
    float *y, *acc; /* mm: OZ_GROUP x [OZ_CHUNK_ROWS][lanes]; mv: rows of the leaf */
} oz_worker;

/* Whether a leaf that reads the layer's input wants it quantised, or not. */
bool oz_input_read(const oz_layer *layer, bool quantised);
/* Rows of the tallest leaf that writes to scratch, in whole panels. */
size_t oz_tallest(const oz_layer *layer);
/* Bytes that one slot and one worker need for a layer of so many lanes; or as many slots of 16 as have them.
 */
size_t oz_slot_bytes(const oz_layer *layer, size_t lanes);
size_t oz_worker_bytes(const oz_layer *layer, size_t lanes);
/* Slots for so many threads and tiles: all tiles for each thread if that is not much, else its share of them.
 */
size_t oz_slot_count(int threads, size_t tiles);
/* The slot and the worker that lie at `memory`, of as many bytes. */
oz_slot oz_carve_slot(uint8_t *memory, const oz_layer *layer, size_t lanes);
oz_worker oz_carve_worker(uint8_t *memory, const oz_layer *layer, size_t lanes);

#endif
