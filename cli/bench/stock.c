/* stock.c - see stock.h. */
#include "cli/bench/stock.h"

#include <string.h>

#include "cli/terminal.h"

static int add(oz_stock *s, const char *method, oz_buffer file) {
    oz_error err = {0};
    oz_item *item = &s->items[s->n++];
    item->method = method;
    item->file = file;
    return oz_model_open_memory(file.data, file.bytes, NULL, &item->model, &err) == OZ_OK
               ? EXIT_DONE
               : oz_report_error(method, &err);
}

int oz_stock_open(oz_stock *s, const oz_common *common, uint64_t seed, const oz_model *m, size_t layer,
                  uint64_t rows, uint64_t cols) {
    oz_error err = {0};
    oz_buffer file;
    memset(s, 0, sizeof *s);
    s->seed = seed ? seed : 1;
    s->threads = (int)common->threads;
    if (oz_layer_model(m, layer, rows, cols, s->seed, &file, &err) != OZ_OK)
        return oz_report_error(NULL, &err);
    return add(s, m ? "as stored" : "dense,codec=f32", file);
}

int oz_stock_take(oz_stock *s, const char *method, const oz_item **out, oz_error *why) {
    *out = NULL;
    for (size_t i = 0; i < s->n; i++) {
        if (strcmp(s->items[i].method, method) == 0) {
            *out = &s->items[i];
            return EXIT_DONE;
        }
    }
    if (s->n == OZ_STOCK_ITEMS) return oz_usage_error("at most %d methods", OZ_STOCK_ITEMS);
    oz_compress_options opt = OZ_COMPRESS_INIT;
    oz_compressed c;
    opt.host = oz_terminal_host();
    opt.method = method;
    opt.policy = "";
    opt.correction = OZ_CORRECT_NONE;
    opt.seed = s->seed;
    opt.threads = s->threads;
    if (oz_compress(s->items[0].model, &opt, false, &c, why) != OZ_OK)
        return why->status == OZ_ERR_CANCEL ? EXIT_INTERRUPTED : EXIT_DONE;
    oz_buffer copy = c.file;
    c.file = (oz_buffer){0};
    oz_compressed_free(&c);
    int code = add(s, method, copy);
    *out = code ? NULL : &s->items[s->n - 1];
    return code;
}

static void keep(oz_stock *s, size_t n) {
    for (; s->n > n; s->n--) {
        oz_model_free(s->items[s->n - 1].model);
        oz_buffer_free(&s->items[s->n - 1].file);
    }
}

void oz_stock_drop(oz_stock *s) {
    keep(s, 1);
}

void oz_stock_close(oz_stock *s) {
    keep(s, 0);
}
