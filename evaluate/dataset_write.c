/* dataset_write.c - a data set as a safetensors file.
 *
 * `y` comes first: its 8-byte values stay aligned, and `x` of any type follows without a hole. */
#include "evaluate/dataset.h"

#include "base/text.h"

#include <inttypes.h>

enum { LENGTH_FIELD = 8, HEADER_ALIGN = 64 };

static void add_header(oz_text *t, const oz_dataset *d) {
    uint64_t labels = d->labels ? d->count * sizeof *d->labels : 0;
    oz_text_format(t, "{");
    if (d->labels)
        oz_text_format(t, "\"y\":{\"dtype\":\"I64\",\"shape\":[%zu],\"data_offsets\":[0,%" PRIu64 "]},",
                       d->count, labels);
    oz_text_format(t, "\"x\":{\"dtype\":\"%s\",\"shape\":[%zu", oz_stored_type_name(d->x.type), d->count);
    for (uint32_t i = 0; i < d->rank; i++) oz_text_format(t, ",%" PRId64, d->dim[i]);
    oz_text_format(t, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}}", labels, labels + d->x.bytes);
    while ((t->bytes + LENGTH_FIELD) % HEADER_ALIGN && !t->failed) oz_text_add(t, " ", 1);
}

static oz_status write_parts(oz_file_writer *w, const oz_dataset *d, const oz_text *header, oz_error *err) {
    uint8_t length[LENGTH_FIELD];
    for (int i = 0; i < LENGTH_FIELD; i++) length[i] = (uint8_t)(header->bytes >> 8 * i);
    OZ_TRY(oz_file_writer_write(w, length, sizeof length, err));
    OZ_TRY(oz_file_writer_write(w, header->data, header->bytes, err));
    if (d->labels) OZ_TRY(oz_file_writer_write(w, d->labels, d->count * sizeof *d->labels, err));
    return oz_file_writer_write(w, d->x.data, (size_t)d->x.bytes, err);
}

static oz_status write_file(const oz_dataset *d, const oz_text *header, const char *path, bool force,
                            oz_error *err) {
    oz_file_writer w;
    OZ_TRY(oz_file_writer_open(&w, path, force, err));
    oz_status status = write_parts(&w, d, header, err);
    if (status == OZ_OK) return oz_file_writer_commit(&w, err);
    oz_file_writer_abort(&w);
    return status;
}

oz_status oz_dataset_write(const oz_dataset *d, const char *path, bool force, oz_error *err) {
    oz_text header = {.allocator = d->allocator};
    add_header(&header, d);
    oz_status status =
        header.failed ? oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, path, "no memory for the file's header")
                      : write_file(d, &header, path, force, err);
    oz_text_free(&header);
    return status;
}
