/* prune.c - magnitude, global, LAMP and random pruning. */
#include "converters/compress/prune.h"

#include "base/arith.h"
#include "base/random.h"

#include <math.h>

static uint64_t weights_of(const oz_base_layer *layer) {
    return layer->rows * layer->cols;
}

static uint64_t share(uint64_t n, double sparsity) {
    uint64_t keep = (uint64_t)((1 - sparsity) * (double)n + 0.5);
    return keep < 1 ? 1 : keep > n ? n : keep;
}

/* ---- counts under one threshold for all layers ---- */

/* How many scores, which descend, are above the threshold. */
static uint64_t above(const float *scores, uint64_t n, double threshold) {
    uint64_t low = 0, high = n;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if ((double)scores[middle] > threshold)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const float *scores_of(const oz_base_layer *layer, oz_scope scope) {
    return scope == OZ_SCOPE_GLOBAL ? layer->sorted : layer->lamp;
}

static uint64_t count_above(oz_base_layer *const *layers, size_t n, oz_scope scope, double threshold,
                            uint64_t *keep) {
    uint64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        keep[i] = oz_max(above(scores_of(layers[i], scope), weights_of(layers[i]), threshold), 1);
        total += keep[i];
    }
    return total;
}

/* Halving the threshold's interval until the count is the wanted one, or as near as equal scores allow. */
static void common_threshold(oz_base_layer *const *layers, size_t n, oz_scope scope, uint64_t wanted,
                             uint64_t *keep) {
    enum { STEPS = 60 };
    double low = 0, high = 0;
    for (size_t i = 0; i < n; i++) high = fmax(high, (double)scores_of(layers[i], scope)[0]);
    for (int step = 0; step < STEPS; step++) {
        double middle = (low + high) / 2;
        uint64_t total = count_above(layers, n, scope, middle, keep);
        if (total == wanted) return;
        if (total > wanted)
            low = middle;
        else
            high = middle;
    }
    count_above(layers, n, scope, high, keep);
}

void oz_prune_counts(oz_base_layer *const *layers, size_t n, oz_scope scope, double sparsity,
                     uint64_t *keep) {
    uint64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        keep[i] = share(weights_of(layers[i]), sparsity);
        total += weights_of(layers[i]);
    }
    if (scope != OZ_SCOPE_LAYER && sparsity > 0)
        common_threshold(layers, n, scope, share(total, sparsity), keep);
}

/* ---- picking ---- */

/* The k-th largest (from 0) of a[n], which is reordered. */
static float kth_largest(float *a, uint64_t n, uint64_t k) {
    uint64_t low = 0, end = n; /* a[k] is looked for in [low, end) */
    while (end - low > 1) {
        float pivot = a[low + (end - low - 1) / 2];
        uint64_t i = low, j = end - 1;
        while (a[i] > pivot) i++;
        while (a[j] < pivot) j--;
        while (i < j) {
            float swap = a[i];
            a[i] = a[j];
            a[j] = swap;
            while (a[++i] > pivot) {
            }
            while (a[--j] < pivot) {
            }
        }
        /* [low, j] are at least the pivot, [j + 1, end) at most; neither is empty */
        if (k <= j)
            end = j + 1;
        else
            low = j + 1;
    }
    return a[k];
}

void oz_prune_magnitude(float *w, uint64_t n, uint64_t keep, float *scratch) {
    if (keep >= n) return;
    for (uint64_t i = 0; i < n; i++) scratch[i] = fabsf(w[i]);
    float threshold = kth_largest(scratch, n, keep - 1);
    uint64_t larger = 0;
    for (uint64_t i = 0; i < n; i++) larger += fabsf(w[i]) > threshold;
    uint64_t equal = keep - larger; /* this many of those that equal it stay */
    for (uint64_t i = 0; i < n; i++) {
        if (fabsf(w[i]) > threshold) continue;
        if (fabsf(w[i]) == threshold && equal > 0)
            equal--;
        else
            w[i] = 0;
    }
}

/* Takes each weight with the chance that is left to it: exactly `keep` of n, all subsets equally likely. */
void oz_prune_random(float *w, uint64_t n, uint64_t keep, uint64_t seed) {
    for (uint64_t i = 0; i < n; i++) {
        if (oz_stream_u64(seed, i) % (n - i) < keep)
            keep--;
        else
            w[i] = 0;
    }
}

void oz_prune_random_groups(float *w, uint64_t rows, uint64_t cols, uint64_t n, uint64_t m, uint64_t seed) {
    for (uint64_t r = 0; r < rows; r++)
        for (uint64_t c = 0; c < cols; c += m) {
            uint64_t at = r * cols + c, inputs = oz_min(m, cols - c);
            oz_prune_random(w + at, inputs, oz_min(n, inputs), oz_stream_u64(seed, at));
        }
}
