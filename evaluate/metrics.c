/* metrics.c - top-1 answers, KL divergence and flips from two sets of logits. */
#include "evaluate/metrics.h"

#include <math.h>

size_t oz_top1(const float *logits, size_t classes) {
    size_t best = 0;
    for (size_t i = 1; i < classes; i++) {
        if (logits[i] > logits[best]) best = i;
    }
    return best;
}

size_t oz_correct(const float *logits, size_t count, size_t classes, const int64_t *labels, uint8_t *right) {
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        right[i] = (int64_t)oz_top1(logits + i * classes, classes) == labels[i];
        n += right[i];
    }
    return n;
}

static double log_sum_exp(const float *logits, size_t classes) {
    double top = (double)logits[oz_top1(logits, classes)], sum = 0.0;
    for (size_t i = 0; i < classes; i++) sum += exp((double)logits[i] - top);
    return top + log(sum);
}

double oz_kl(const float *p, const float *q, size_t classes) {
    double norm_p = log_sum_exp(p, classes), norm_q = log_sum_exp(q, classes), kl = 0.0;
    for (size_t i = 0; i < classes; i++) {
        double log_p = (double)p[i] - norm_p, log_q = (double)q[i] - norm_q;
        kl += exp(log_p) * (log_p - log_q);
    }
    return fmax(kl, 0.0); /* below zero only by rounding */
}

oz_metrics oz_metrics_against(const float *dense, const float *compressed, size_t count, size_t classes,
                              const int64_t *labels, double *kl_each) {
    oz_metrics m = {.count = count};
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        const float *p = dense + i * classes, *q = compressed + i * classes;
        double kl = oz_kl(p, q, classes);
        if (kl_each) kl_each[i] = kl;
        sum += kl;
        int64_t before = (int64_t)oz_top1(p, classes), after = (int64_t)oz_top1(q, classes);
        m.agreement += before == after;
        m.flips_negative += before == labels[i] && after != labels[i];
        m.flips_positive += before != labels[i] && after == labels[i];
        m.changed_errors += before != labels[i] && after != labels[i] && before != after;
    }
    m.kl = count ? sum / (double)count : 0.0;
    return m;
}
