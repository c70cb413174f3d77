/* plot_scale.c - from data to pixels, ticks at round values, labels that do not overlap. */
#include "evaluate/plot.h"

#include <math.h>

double oz_scale_at(const oz_scale *s, double v) {
    double from = s->from, to = s->to;
    if (s->logarithmic) from = log(from), to = log(to), v = log(v);
    double share = to > from ? (v - from) / (to - from) : 0.5;
    return s->low + share * (s->high - s->low);
}

size_t oz_ticks(double from, double to, size_t most, double out[OZ_TICKS]) {
    static const double steps[] = {1.0, 2.0, 5.0};
    if (!(to > from) || most == 0) return 0;
    double unit = pow(10.0, floor(log10((to - from) / (double)most)));
    for (size_t i = 0;; i++) {
        size_t decade = i / 3;
        double step = unit * steps[i % 3] * pow(10.0, (double)decade);
        double first = ceil(from / step - 1e-9), last = floor(to / step + 1e-9);
        if (last - first + 1.0 > (double)most) continue;
        size_t n = 0;
        for (double k = first; k <= last && n < OZ_TICKS; k += 1.0) out[n++] = k * step;
        return n;
    }
}

static size_t byte_ticks(double from, double to, int stride, bool thirds, double out[OZ_TICKS]) {
    size_t n = 0;
    for (int k = 0; k < 60 && n + 1 < OZ_TICKS; k += stride) {
        double two = ldexp(1.0, k), three = two * 1.5;
        if (two >= from && two <= to) out[n++] = two;
        if (thirds && three >= from && three <= to) out[n++] = three;
    }
    return n;
}

size_t oz_ticks_bytes(double from, double to, size_t most, double out[OZ_TICKS]) {
    size_t n = byte_ticks(from, to, 1, true, out);
    for (int stride = 1; n > most && stride < 60; stride++) n = byte_ticks(from, to, stride, false, out);
    return n;
}

void oz_spread(double *y, size_t n, double gap, double low, double high) {
    if (n == 0) return;
    if (y[0] < low) y[0] = low;
    for (size_t i = 1; i < n; i++) y[i] = fmax(y[i], y[i - 1] + gap);
    if (y[n - 1] <= high) return;
    y[n - 1] = high;
    for (size_t i = n - 1; i-- > 0;) y[i] = fmin(y[i], y[i + 1] - gap);
}
