/* small_net.h - a small network and data made for it, for whole runs in a test. */
#ifndef TESTS_EVALUATE_SMALL_NET_H
#define TESTS_EVALUATE_SMALL_NET_H

#include <ounce/tools.h>

/* A model of this graph; the weights are the data of a safetensors file with this header. */
oz_model *net_import(const char *graph, const char *header, const float *weights, size_t count,
                     oz_buffer *file);
/* 16 -> 48 -> 48 -> 48 -> 4 with ReLUs and seeded weights. */
oz_model *net_mlp(uint64_t seed, oz_buffer *file);
/* n records of 16 values; the labels are the model's own answers, every tenth one turned to the next class.
 */
oz_dataset *net_data(oz_model *m, size_t n, uint64_t seed);

#endif
