/* adapter.h - what the adapters in C share: the layer that is asked for, its weights and inputs, and the
 * conversation. An adapter makes a layer of an engine, says that it is ready, and hands its work over to
 * serve(). */
#ifndef OUNCE_RIVALS_ADAPTER_H
#define OUNCE_RIVALS_ADAPTER_H

#include <stdbool.h>
#include <stddef.h>

/* Y[batch][rows] = X[batch][cols] W^T, W being [rows][cols]. */
struct layer {
    long rows, cols, batch, group;
    int threads;
    double sparsity;
    const char *codec;
    bool cold;
    const char *net; /* asked for instead of a layer; NULL = none, and else there are no W and X */
    float *w, *x;    /* W; X, which lies in [0, 1) */
    long nonzeros;   /* of W */

    /* The adapter's, before serve(): bytes of the weights that one run reads and operations that it does, 0 =
     * not known; and what sends threads to sleep that would go on looking for work, NULL = none. */
    double weight_bytes, operations;
    void (*rest)(void);
    double (*check)(
        void *context); /* how wrong the last result is; NULL = it is held against a plain product */
};

/* Reads key=value arguments; W and X are random and the same in every process. */
struct layer layer_open(int count, char **arguments);

bool layer_codec_is(const struct layer *layer, const char *codec);

/* How many copies of so many bytes make weights cold: 1 if they need not be. */
size_t layer_copies(const struct layer *layer, size_t bytes);

/* Aligned to 64 bytes, touched, never NULL. */
void *allocate(size_t bytes);

/* Ends the process after the line "unable: ...". */
void unable(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void ready(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One pass over the layer with the copy of that number. */
typedef void work(void *context, size_t copy);

/* The fastest of a few passes, for choosing among ways to do the same. */
double best_ns(work *run, void *context, size_t copies);

/* Answers the lines on stdin. For `check`, result(context) is Y as [batch][rows]. Returns the exit status. */
int serve(const struct layer *layer, size_t copies, work *run, const float *(*result)(void *context),
          void *context);

#endif
