/* plot.c - the list of plots, in the order of the page, and each as a file. */
#include "evaluate/plot.h"

#include "evaluate/buffer.h"

#include <stdio.h>

static bool has_curves(const oz_comparison *c) {
    return c->n_curves > 0;
}

static bool has_times(const oz_comparison *c) {
    return c->timed;
}

const oz_plot oz_plots[] = {
    {"accuracy.svg", "Accuracy against bytes",
     "Each curve is one method, refitted to each size. Blue band: the dense model with its 95 % interval. "
     "The band "
     "around one curve is the interval of the method that is best on average; two models on the same records "
     "are told "
     "apart far better than these bands suggest (see the differences below). Points stand for methods "
     "without a knob.",
     oz_plot_accuracy, has_curves},
    {"differences.svg", "Which differences are real",
     "Paired difference to the best model of the budget, on the same records, with Newcombe's 95 % interval. "
     "Shaded: "
     "models that McNemar's exact test, corrected after Holm, cannot tell apart from the best (=).",
     oz_plot_differences, NULL},
    {"latency.svg", "Latency against accuracy",
     "Models that fit the budget. The line joins those that no other beats in both; they are numbered and "
     "named below.",
     oz_plot_latency, has_times},
    {"bytes.svg", "Where the bytes go",
     "Everything in the file counts: positions, scales, biases, padding, header.", oz_plot_bytes, NULL},
    {"layers.svg", "What each layer got",
     "Bits a weight with everything the layer stores; the best models of each budget.", oz_plot_layers, NULL},
};
const size_t oz_plots_count = sizeof oz_plots / sizeof *oz_plots;

oz_status oz_comparison_plot(const oz_comparison *c, size_t i, char name[64], oz_buffer *out, bool *found,
                             oz_error *err) {
    oz_text text = {.allocator = NULL};
    size_t at = 0;
    *out = (oz_buffer){NULL, 0};
    *found = false;
    for (; at < oz_plots_count; at++) {
        if (oz_plots[at].has && !oz_plots[at].has(c)) continue;
        if (i-- == 0) break;
    }
    if (at == oz_plots_count) return OZ_OK;
    *found = true;
    snprintf(name, 64, "%s", oz_plots[at].file);
    oz_plots[at].draw(&text, c, true);
    return oz_buffer_from_text(&text, out, err);
}
