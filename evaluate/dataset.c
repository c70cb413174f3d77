/* dataset.c - data sets of any kind as one array of records and their labels.
 *
 * A value that is not finite would spoil every figure computed from it, so opening looks at each value once;
 * after that, reading cannot fail. */
#include "evaluate/dataset.h"

#include "base/arith.h"
#include "base/hash.h"
#include "evaluate/dataset_values.h"
#include "evaluate/host.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { CHUNK = 4096 };

bool oz_stored_size(oz_stored_type type, uint32_t rank, const uint64_t *dim, uint64_t *bytes) {
    *bytes = oz_stored_type_bytes(type);
    for (uint32_t i = 0; i < rank; i++) {
        if (!oz_mul(*bytes, dim[i], bytes)) return false;
    }
    return *bytes <= PTRDIFF_MAX;
}

void oz_swap_values(uint8_t *data, uint64_t bytes, uint32_t width) {
    for (uint64_t at = 0; at + width <= bytes; at += width) {
        for (uint32_t i = 0; i < width / 2; i++) {
            uint8_t swapped = data[at + i];
            data[at + i] = data[at + width - 1 - i];
            data[at + width - 1 - i] = swapped;
        }
    }
}

/* The path with "labels-idx1" for "images-idx3"; NULL if it does not hold that. */
static char *labels_path(const char *path, oz_arena *arena) {
    static const char images[] = "images-idx3", labels[] = "labels-idx1";
    const char *found = NULL, *folder = strrchr(path, '/');
    for (const char *p = strstr(folder ? folder : path, images); p; p = strstr(p + 1, images)) found = p;
    if (!found) return NULL;
    char *other = oz_arena_text(arena, path, strlen(path));
    if (other) memcpy(other + (found - path), labels, sizeof labels - 1);
    return other;
}

static oz_status read_idx_labels(const char *path, const oz_source *images, oz_stored *y, oz_error *err) {
    oz_file file;
    oz_error absent;
    char *name = labels_path(path, images->arena);
    if (!name || oz_file_open(name, false, 0, images->arena->allocator, &file, &absent) != OZ_OK)
        return OZ_OK;
    oz_source s = {name, file.data, file.bytes, images->limit, images->arena};
    oz_status status = oz_idx_is(&s) ? oz_idx_read(&s, y, err)
                                     : oz_fail(err, OZ_ERR_FORMAT, 0, name, "is not an IDX file of labels");
    oz_file_close(&file); /* values were copied */
    return status;
}

static oz_status read_arrays(const oz_source *s, oz_stored *x, oz_stored *y, oz_error *err) {
    if (oz_npy_is(s)) return oz_npy_read(s, x, err);
    if (oz_npz_is(s)) return oz_npz_read(s, x, y, err);
    if (oz_safetensors_is(s)) return oz_xy_read(s, x, y, err);
    if (oz_idx_is(s)) {
        OZ_TRY(oz_idx_read(s, x, err));
        return read_idx_labels(s->path, s, y, err);
    }
    if (oz_cifar_is(s)) return oz_cifar_read(s, x, y, err);
    return oz_fail(err, OZ_ERR_FORMAT, 0, s->path,
                   "is not a data set: safetensors, .npy, .npz, IDX or CIFAR-10 batch expected");
}

static oz_status check_shape(oz_dataset *d, const char *path, uint64_t limit, oz_error *err) {
    oz_stored *x = &d->x;
    if (!oz_values_supported(x->type))
        return oz_fail(err, OZ_ERR_SUPPORT, x->offset, path, "`x` is of type %s; use F32, F16 or integers",
                       oz_stored_type_name(x->type));
    if (x->rank == 0 || x->rank > OZ_MAX_RANK)
        return oz_fail(err, OZ_ERR_SHAPE, x->offset, path,
                       "`x` has %" PRIu32 " dimensions; 1 to %d are possible, the first counts records",
                       x->rank, OZ_MAX_RANK);
    if (x->dim[0] == 0 || x->bytes == 0)
        return oz_fail(err, OZ_ERR_ARGUMENT, x->offset, path, "the data set is empty");
    uint64_t record = x->bytes / x->dim[0], count = limit && limit < x->dim[0] ? limit : x->dim[0];
    d->rank = x->rank - 1;
    for (uint32_t i = 0; i < d->rank; i++) d->dim[i] = (int64_t)x->dim[i + 1];
    d->count = (size_t)count;
    d->values = (size_t)(record / oz_stored_type_bytes(x->type));
    x->bytes = record * count;
    return OZ_OK;
}

static oz_status read_labels(oz_dataset *d, uint64_t all, const char *path, oz_error *err) {
    const oz_stored *y = &d->y;
    if (!y->data) return OZ_OK;
    if (!oz_values_integer(y->type) || y->rank != 1)
        return oz_fail(err, OZ_ERR_SHAPE, y->offset, path, "labels must be one whole number per record");
    if (y->dim[0] != all)
        return oz_fail(err, OZ_ERR_SHAPE, y->offset, path, "has %" PRIu64 " labels for %" PRIu64 " records",
                       y->dim[0], all);
    d->labels = oz_arena_array(&d->arena, d->count, sizeof *d->labels);
    if (!d->labels) return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, path, "no memory for the labels");
    bool fits = oz_values_i64(y->type, y->data, d->count, d->labels);
    for (size_t i = 0; fits && i < d->count; i++) {
        if (d->labels[i] < 0)
            return oz_fail(err, OZ_ERR_FORMAT, y->offset, path,
                           "label %zu is %" PRId64 "; labels count from 0", i, d->labels[i]);
    }
    return fits ? OZ_OK : oz_fail(err, OZ_ERR_FORMAT, y->offset, path, "a label is larger than 63 bits");
}

static oz_status check_finite(const oz_dataset *d, const char *path, const oz_host *host, oz_error *err) {
    if (oz_values_integer(d->x.type)) return OZ_OK;
    float chunk[CHUNK];
    uint32_t width = oz_stored_type_bytes(d->x.type);
    uint64_t total = (uint64_t)d->count * d->values;
    for (uint64_t at = 0; at < total; at += CHUNK) {
        size_t n = oz_min(CHUNK, (size_t)(total - at));
        oz_values_f32(d->x.type, d->x.data + at * width, n, chunk);
        for (size_t i = 0; i < n; i++) {
            if (!isfinite(chunk[i]))
                return oz_fail(err, OZ_ERR_NUMBER, d->x.offset + (at + i) * width, path,
                               "value %" PRIu64 " of record %" PRIu64 " is not a finite number",
                               (at + i) % d->values, (at + i) / d->values);
        }
        if (at / CHUNK % 256 == 0) OZ_TRY(oz_host_report(host, "read data", at, total, err));
    }
    return OZ_OK;
}

static void hash_values(oz_dataset *d) {
    d->hash = oz_hash(d->x.data, (size_t)d->x.bytes);
    if (d->labels) d->hash = oz_hash_u64(oz_hash(d->labels, d->count * sizeof *d->labels), d->hash);
}

static oz_status open_file(oz_dataset *d, const char *path, uint64_t limit, const oz_host *host,
                           oz_error *err) {
    OZ_TRY(oz_file_open(path, false, 0, d->allocator, &d->file, err));
    oz_source s = {path, d->file.data, d->file.bytes, limit, &d->arena};
    if (s.bytes == 0) return oz_fail(err, OZ_ERR_ARGUMENT, 0, path, "the data set is an empty file");
    OZ_TRY(read_arrays(&s, &d->x, &d->y, err));
    uint64_t all = d->x.rank ? d->x.dim[0] : 0;
    OZ_TRY(check_shape(d, path, limit, err));
    OZ_TRY(read_labels(d, all, path, err));
    OZ_TRY(check_finite(d, path, host, err));
    hash_values(d);
    return OZ_OK;
}

oz_status oz_dataset_open(const char *path, uint64_t limit, const oz_host *host, oz_dataset **out,
                          oz_error *err) {
    *out = NULL;
    const oz_allocator *allocator = oz_host_memory(host);
    oz_dataset *d = oz_alloc(allocator, sizeof *d, 16);
    if (!d) return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, path, "no memory for the data set");
    *d = (oz_dataset){.allocator = allocator, .arena = {.allocator = allocator}};
    oz_status status = open_file(d, path, limit, host, err);
    if (status != OZ_OK) {
        oz_dataset_free(d);
        return status;
    }
    *out = d;
    return OZ_OK;
}

void oz_dataset_free(oz_dataset *d) {
    if (!d) return;
    oz_arena_free(&d->arena);
    oz_file_close(&d->file);
    oz_release(d->allocator, d, sizeof *d);
}

size_t oz_dataset_count(const oz_dataset *d) {
    return d->count;
}

uint32_t oz_dataset_shape(const oz_dataset *d, int64_t dim[OZ_MAX_RANK]) {
    memcpy(dim, d->dim, sizeof d->dim);
    return d->rank;
}

const int64_t *oz_dataset_labels(const oz_dataset *d) {
    return d->labels;
}

uint64_t oz_dataset_hash(const oz_dataset *d) {
    return d->hash;
}

void oz_dataset_read(const oz_dataset *d, size_t first, size_t n, float *out) {
    size_t at = first * d->values * oz_stored_type_bytes(d->x.type);
    oz_values_f32(d->x.type, d->x.data + at, n * d->values, out);
}
