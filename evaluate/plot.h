/* plot.h - the plots of a report, and what they share: scales, families of methods, labels.
 *
 * Every plot is a function from a comparison to one SVG; the page shows them in the order of oz_plots, and
 * the same functions write them as files. */
#ifndef OZ_EVALUATE_PLOT_H
#define OZ_EVALUATE_PLOT_H

#include "evaluate/comparison.h"
#include "evaluate/svg.h"

#define OZ_PLOT_WIDTH 1080.0

typedef struct oz_plot {
    const char *file, *title, *caption;
    void (*draw)(oz_text *t, const oz_comparison *c, bool alone);
    bool (*has)(const oz_comparison *c); /* NULL = always */
} oz_plot;
extern const oz_plot oz_plots[];
extern const size_t oz_plots_count;

void oz_plot_accuracy(oz_text *t, const oz_comparison *c, bool alone);
void oz_plot_latency(oz_text *t, const oz_comparison *c, bool alone);
void oz_plot_differences(oz_text *t, const oz_comparison *c, bool alone);
void oz_plot_bytes(oz_text *t, const oz_comparison *c, bool alone);
void oz_plot_layers(oz_text *t, const oz_comparison *c, bool alone);

/* plot_scale.c */
typedef struct oz_scale {
    double from, to;  /* data */
    double low, high; /* pixels of from and to */
    bool logarithmic;
} oz_scale;
double oz_scale_at(const oz_scale *s, double v);
/* Round values in [from, to], at most `most` (<= OZ_TICKS); returns how many. */
#define OZ_TICKS 24
size_t oz_ticks(double from, double to, size_t most, double out[OZ_TICKS]);
/* 2^k and 3 * 2^k bytes, thinned out until there are at most `most`. */
size_t oz_ticks_bytes(double from, double to, size_t most, double out[OZ_TICKS]);
/* Moves ascending positions apart to at least `gap`, within [low, high] where they fit. */
void oz_spread(double *y, size_t n, double gap, double low, double high);

/* plot_family.c */
typedef struct oz_family {
    const char *name, *colour; /* colour is a class */
    oz_shape shape;
} oz_family;
extern const oz_family oz_families[];
extern const size_t oz_families_count;
const oz_family *oz_family_of(const char *method, oz_variant_kind kind);
/* "sparse,codec=int3" -> "sparse int3"; into out[room]. */
const char *oz_method_short(const char *method, char *out, size_t room);
/* With the network's name before it where there are several. */
const char *oz_variant_label(const oz_comparison *c, const oz_variant *v, char *out, size_t room);
/* Two lines of what the pointer shows: method, bytes, accuracy. */
const char *oz_variant_title(const oz_comparison *c, const oz_variant *v, char *out, size_t room);
/* Class lists such as "mark k1 open". */
const char *oz_classes(char *out, size_t room, const char *a, const char *b, const char *c);
/* The key of families that `used` marks, from (x, y) rightwards; returns its width. */
double oz_family_key(oz_text *t, const bool *used, double x, double y);

#endif
