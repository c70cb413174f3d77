/* adapter.c - see adapter.h. */
#include "adapter.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BLOCK_NS = 2000000, SETTLE_NS = 25000000, LONG_NS = 20000000, SAMPLES = 256 };

static const char *option(int count, char **arguments, const char *key, const char *otherwise) {
    size_t length = strlen(key);
    for (int i = 1; i < count; i++)
        if (!strncmp(arguments[i], key, length) && arguments[i][length] == '=')
            return arguments[i] + length + 1;
    return otherwise;
}

static long positive(int count, char **arguments, const char *key, const char *otherwise) {
    long value = atol(option(count, arguments, key, otherwise));
    if (value < 1 || value > 1 << 20) unable("%s is not a size", key);
    return value;
}

void unable(const char *format, ...) {
    va_list values;
    va_start(values, format);
    printf("unable: ");
    vprintf(format, values);
    printf("\n");
    va_end(values);
    fflush(stdout);
    exit(0);
}

void ready(const char *name, const char *format, ...) {
    va_list values;
    va_start(values, format);
    printf("ready %s ", name);
    vprintf(format, values);
    printf("\n");
    va_end(values);
    fflush(stdout);
}

void *allocate(size_t bytes) {
    size_t whole = (bytes + 63) / 64 * 64;
    void *memory = aligned_alloc(64, whole ? whole : 64);
    if (!memory) unable("out of memory");
    memset(memory, 0, whole);
    return memory;
}

/* xorshift64*: a number in [0, 1). */
static float uniform(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (float)((*state * 0x2545F4914F6CDD1Du) >> 40) / 16777216.0f;
}

/* Ternary weights are so from the start: an engine then loses nothing by its codec, and `check` may be
 * strict. */
static void fill(struct layer *layer) {
    uint64_t state = 0x9E3779B97F4A7C15u;
    bool ternary = layer_codec_is(layer, "ternary");
    size_t weights = (size_t)(layer->rows * layer->cols), inputs = (size_t)(layer->batch * layer->cols);
    layer->w = allocate(weights * sizeof(float));
    layer->x = allocate(inputs * sizeof(float));
    for (size_t i = 0; i < weights; i++) {
        float value = uniform(&state);
        bool zero = uniform(&state) < (float)layer->sparsity;
        layer->w[i] = zero ? 0 : ternary ? floorf(3 * value) - 1 : 2 * value - 1;
        layer->nonzeros += layer->w[i] != 0;
    }
    for (size_t i = 0; i < inputs; i++) layer->x[i] = uniform(&state);
}

struct layer layer_open(int count, char **arguments) {
    struct layer layer = {
        .rows = positive(count, arguments, "rows", "1024"),
        .cols = positive(count, arguments, "cols", "1024"),
        .batch = positive(count, arguments, "batch", "64"),
        .group = positive(count, arguments, "group", "128"),
        .threads = (int)positive(count, arguments, "threads", "2"),
        .sparsity = atof(option(count, arguments, "sparsity", "0")),
        .codec = option(count, arguments, "codec", "f32"),
        .cold = atoi(option(count, arguments, "cold", "0")) != 0,
        .net = option(count, arguments, "net", NULL),
    };
    if (!layer.net) fill(&layer);
    return layer;
}

bool layer_codec_is(const struct layer *layer, const char *codec) {
    return !strcmp(layer->codec, codec);
}

static size_t cache_bytes(void) {
    FILE *file = fopen("/sys/devices/system/cpu/cpu0/cache/index3/size", "r");
    size_t kibibytes = 0;
    if (file && fscanf(file, "%zuK", &kibibytes) != 1) kibibytes = 0;
    if (file) fclose(file);
    return 1024 * kibibytes;
}

size_t layer_copies(const struct layer *layer, size_t bytes) {
    size_t least = (size_t)256 << 20, wanted = 2 * cache_bytes();
    if (wanted < least) wanted = least;
    return layer->cold ? wanted / bytes + 1 : 1;
}

static double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

struct loop {
    work *run;
    void *context;
    size_t copies, copy;
    double last_ns;
};

static void step(struct loop *loop) {
    loop->run(loop->context, loop->copy);
    loop->copy = (loop->copy + 1) % loop->copies;
}

/* Until `least` ns have passed; nanoseconds a call. */
static double calls(struct loop *loop, double least) {
    long count = 0;
    double start = now_ns(), passed;
    do {
        step(loop);
        count++;
        passed = now_ns() - start;
    } while (passed < least);
    return passed / (double)count;
}

/* Calls that are not long are preceded by some that are not timed: they wake the threads, give the scheduler
 * time to spread them over the cores and, where weights are to be hot, bring them back to the cache. The
 * first time every copy has its turn: a host may have taken away what lay idle. */
static double block(struct loop *loop) {
    for (size_t i = 0; loop->last_ns == 0 && i < loop->copies; i++) step(loop);
    if (loop->last_ns < LONG_NS) calls(loop, SETTLE_NS);
    return loop->last_ns = calls(loop, BLOCK_NS);
}

double best_ns(work *run, void *context, size_t copies) {
    struct loop loop = {.run = run, .context = context, .copies = copies};
    double best = HUGE_VAL;
    for (int i = 0; i < 7; i++) best = fmin(best, block(&loop));
    return best;
}

/* Root of the summed squares of the differences from a plain product, over that of the product, at evenly
 * spread places. */
static double error(const struct layer *layer, const float *y) {
    double wrong = 0, right = 0;
    long places = layer->rows * layer->batch, stride = places / SAMPLES + 1;
    for (long i = 0; i < places; i += stride) {
        const float *x = layer->x + i / layer->rows * layer->cols,
                    *w = layer->w + i % layer->rows * layer->cols;
        double sum = 0;
        for (long k = 0; k < layer->cols; k++) sum += (double)w[k] * (double)x[k];
        wrong += (sum - (double)y[i]) * (sum - (double)y[i]);
        right += sum * sum;
    }
    return right > 0 ? sqrt(wrong / right) : wrong;
}

int serve(const struct layer *layer, size_t copies, work *run, const float *(*result)(void *),
          void *context) {
    struct loop loop = {.run = run, .context = context, .copies = copies};
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        if (!strcmp(line, "time\n")) {
            double ns = block(&loop);
            if (layer->rest) layer->rest();
            printf("%.1f\n", ns);
        } else if (!strcmp(line, "work\n")) {
            printf("%.0f %.0f\n", layer->weight_bytes, layer->operations);
        } else if (!strcmp(line, "check\n")) {
            run(context, 0);
            printf("%.2e\n", layer->check ? layer->check(context) : error(layer, result(context)));
        } else {
            printf("unknown: %s", line);
        }
        fflush(stdout);
    }
    return 0;
}
