/* files.c - writing a result, and judging a file that somebody else wrote.
 *
 * Opening a model proves its structure; what is left is whether the bytes are the ones that were written
 * (hashes) and whether every number is one. */
#include "base/file.h"
#include "converters/host.h"
#include "converters/numbers.h"

#include <math.h>
#include <stdio.h>

oz_status oz_write_file(const char *path, const void *data, size_t bytes, bool force, oz_error *err) {
    if (!path || (!data && bytes))
        return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "", "path or data is NULL");
    oz_file_writer w;
    OZ_TRY(oz_file_writer_open(&w, path, force, err));
    oz_status status = oz_file_writer_write(&w, data, bytes, err);
    if (status == OZ_OK) return oz_file_writer_commit(&w, err);
    oz_file_writer_abort(&w);
    return status;
}

/* ---- verify ------------------------------------------------------------------------- */

static oz_status check_vector(const oz_vector *v, oz_error *err) {
    for (uint64_t i = 0; v->data && i < v->count; i++) {
        float value = oz_vector_get(v, i);
        if (!isfinite(value)) return oz_number_fail(v->name, i, (double)value, err);
    }
    return OZ_OK;
}

static oz_status check_leaf(const oz_weight *w, const oz_leaf *leaf, size_t term, size_t factor, float *row,
                            oz_error *err) {
    char name[300];
    snprintf(name, sizeof name, "%s/%zu.%zu", w->name, term, factor);
    for (uint64_t r = 0; r < leaf->rows; r++) {
        leaf->format->row(leaf, r, 0, leaf->cols, row);
        for (uint64_t c = 0; c < leaf->cols; c++)
            if (!isfinite(row[c])) return oz_number_fail(name, r * leaf->cols + c, (double)row[c], err);
    }
    return OZ_OK;
}

static oz_status check_weight(const oz_weight *w, oz_arena *arena, oz_error *err) {
    for (size_t t = 0; t < w->n_terms; t++)
        for (size_t f = 0; f < w->terms[t].n_factors; f++) {
            const oz_leaf *leaf = &w->terms[t].factors[f];
            oz_arena scratch = {.allocator = arena->allocator};
            float *row = oz_arena_array(&scratch, leaf->cols, sizeof *row);
            oz_status status = row ? check_leaf(w, leaf, t, f, row, err) : oz_no_memory(w->name, err);
            oz_arena_free(&scratch);
            OZ_TRY(status);
        }
    oz_vector rows = w->row_scale;
    if (!rows.name) rows.name = w->name;
    return check_vector(&rows, err);
}

/* Tensors are checked where they are plain numbers; packed ones are seen through their leaves. */
static oz_status check_tensors(const oz_safetensors *file, oz_error *err) {
    for (size_t i = 0; i < file->count; i++) {
        const oz_stored *t = &file->tensors[i];
        if (oz_number_is_float(t->type)) OZ_TRY(oz_numbers_check(t, err));
    }
    return OZ_OK;
}

static oz_status check_contents(const oz_model *m, const oz_host *host, oz_arena *arena, oz_error *err) {
    size_t bytes;
    const void *data = oz_model_file(m, &bytes);
    oz_safetensors file;
    oz_contents contents;
    OZ_TRY(oz_safetensors_read(&file, data, bytes, NULL, arena, err));
    OZ_TRY(check_tensors(&file, err));
    OZ_TRY(oz_contents_read(&contents, &file, NULL, arena, err));
    for (size_t i = 0; i < contents.n_weights; i++) {
        OZ_TRY(oz_host_progress(host, "verify", i, contents.n_weights, err));
        OZ_TRY(check_weight(&contents.weights[i], arena, err));
    }
    for (size_t i = 0; i < contents.n_vectors; i++) OZ_TRY(check_vector(&contents.vectors[i], err));
    return oz_host_progress(host, "verify", contents.n_weights, contents.n_weights, err);
}

oz_status oz_verify(const char *path, const oz_host *host, oz_error *err) {
    oz_open_options opt = OZ_OPEN_INIT;
    opt.host = host;
    opt.check_hash = true;
    oz_model *m = NULL;
    OZ_TRY(oz_model_open(path, &opt, &m, err));
    oz_arena arena = {.allocator = oz_host_allocator(host)};
    oz_status status = check_contents(m, host, &arena, err);
    oz_arena_free(&arena);
    oz_model_free(m);
    return status;
}
