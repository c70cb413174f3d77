/* small_network.h - a network of every kind of layer that compression tells apart, and data for it. */
#ifndef OZ_TESTS_CONVERTERS_SMALL_NETWORK_H
#define OZ_TESTS_CONVERTERS_SMALL_NETWORK_H

#include "networks.h"

enum { SMALL_LAYERS = 5, SMALL_RECORDS = 24, SMALL_CLASSES = 10 };

/* conv1 (first), conv2, depth (depthwise), mid (linear, used once), fc (last, no bias). */
typedef struct small_network {
    oz_buffer file;
    oz_model *model;
    oz_dataset *data;
} small_network;

small_network small_network_make(void);
void small_network_free(small_network *n);

/* The options with the network's data as calibration. */
oz_compress_options small_options(const small_network *n, const char *method);
/* Compresses, which must succeed. */
oz_compressed small_compress(const small_network *n, const oz_compress_options *opt);
/* The result, open; it lives as long as `c`. */
oz_model *small_open(const oz_compressed *c);

#endif
