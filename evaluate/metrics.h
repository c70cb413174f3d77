/* metrics.h - what a compressed model changed, seen in its logits.
 *
 * Accuracy alone hides that some inputs were gained while others were lost, and that answers moved without
 * crossing a border; KL, agreement and flips against the dense model show it. */
#ifndef OZ_EVALUATE_METRICS_H
#define OZ_EVALUATE_METRICS_H

#include <stddef.h>
#include <stdint.h>

typedef struct oz_metrics {
    size_t count;
    double kl;             /* mean of KL(dense || compressed), in nats */
    size_t agreement;      /* same top-1 answer */
    size_t flips_negative; /* dense right, compressed wrong */
    size_t flips_positive; /* dense wrong, compressed right */
    size_t changed_errors; /* both wrong, with different answers */
} oz_metrics;

/* The largest logit; the first of equals. */
size_t oz_top1(const float *logits, size_t classes);
/* right[i] = 1 where the answer to input i is its label; returns how many. */
size_t oz_correct(const float *logits, size_t count, size_t classes, const int64_t *labels, uint8_t *right);
/* KL(p || q) of the softmaxes of two rows of logits, in double. */
double oz_kl(const float *p, const float *q, size_t classes);
/* kl_each [count] may be NULL. */
oz_metrics oz_metrics_against(const float *dense, const float *compressed, size_t count, size_t classes,
                              const int64_t *labels, double *kl_each);

#endif
