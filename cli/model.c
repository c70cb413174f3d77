/* model.c - see model.h. */
#include "cli/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"
#include "cli/terminal.h"

int oz_open_model(const char *path, oz_model **out) {
    oz_open_options opt = OZ_OPEN_INIT;
    oz_error err = {0};
    opt.host = oz_terminal_host();
    return oz_model_open(path, &opt, out, &err) == OZ_OK ? EXIT_DONE : oz_report_error(path, &err);
}

/* All plans of a command share one pool, which the command keeps until it ends. */
static const oz_host *host_with_threads(int threads) {
    static oz_host host;
    static oz_executor *executor;
    host = *oz_terminal_host();
    if (!executor && oz_executor_create(threads, NULL, &executor, NULL) != OZ_OK) return oz_terminal_host();
    host.executor = executor;
    return &host;
}

oz_plan_options oz_plan_from(const oz_common *common, uint32_t max_batch) {
    oz_plan_options opt = OZ_PLAN_INIT;
    opt.host = host_with_threads((int)common->threads);
    opt.max_batch = max_batch;
    opt.threads = (int)common->threads;
    opt.isa = common->isa;
    opt.clock_ns = oz_terminal_clock_ns;
    return opt;
}

static void work_until(void *arg, size_t i) {
    (void)i;
    while (oz_terminal_clock_ns() < *(const uint64_t *)arg) continue;
}

void oz_settle_threads(const oz_plan_options *opt) {
    const oz_executor *e = opt->host->executor;
    uint64_t end = oz_terminal_clock_ns() + OZ_SETTLE_NS;
    if (e && opt->threads != 1) e->run(e->ctx, (size_t)e->width, work_until, &end);
}

void oz_describe_tensor(const oz_tensor_info *t, char out[128]) {
    static const char *const types[] = {"f32", "f16", "bf16", "i8", "u8", "i32", "i64"};
    int n = snprintf(out, 128, "%s %s [", oz_safe_text(t->name), types[t->dtype]);
    for (uint32_t d = 0; d < t->rank && n < 100; d++) {
        const char *comma = d ? ", " : "";
        if (t->dim[d] < 0) {
            n += snprintf(out + n, 128 - (size_t)n, "%s%c", comma,
                          t->dim[d] == -1 ? 'N' : (char)('A' - 2 - t->dim[d]));
        } else {
            n += snprintf(out + n, 128 - (size_t)n, "%s%lld", comma, (long long)t->dim[d]);
        }
    }
    snprintf(out + n, 128 - (size_t)n, "]");
}

const char *oz_short_name(const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t n = strlen(name);
    static const char ending[] = ".safetensors";
    if (n > sizeof ending - 1 && strcmp(name + n - (sizeof ending - 1), ending) == 0) n -= sizeof ending - 1;
    static oz_texts kept; /* names are in use until the process ends */
    char *copy = malloc(n + 1);
    if (!copy) return name;
    memcpy(copy, name, n);
    copy[n] = '\0';
    oz_texts_add(&kept, copy);
    return copy;
}
