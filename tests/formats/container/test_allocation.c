/* test_allocation.c - every allocation of reading, counting, unpacking and writing fails once: an error, and
 * nothing is left behind. */
#include "tests/formats/container/files.h"

#include "tests/support/allocator.h"
#include "tests/support/models/models.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { ROWS = 65, COLS = 130 };

/* All that the container does with a file. */
static oz_status use(const file *f, const oz_allocator *allocator, oz_error *err) {
    static float out[ROWS * COLS];
    oz_bytes total, weights[3];
    oz_image image;
    opened o = {.arena = {.allocator = allocator}};
    oz_status status = opened_read(&o, f, NULL);
    *err = o.err;
    if (status == OZ_OK) status = oz_contents_verify(&o.file, err);
    if (status == OZ_OK) status = oz_contents_bytes(&o.contents, &o.file, &total, weights, &o.arena, err);
    if (status == OZ_OK) status = oz_weight_unpack(&o.contents.weights[0], out, &o.arena, err);
    if (status == OZ_OK) status = oz_image_build(&o.contents, &image, &o.arena, err);
    opened_free(&o);
    return status;
}

static void fail_everywhere(const file *f) {
    uint64_t calls = 0;
    for (uint64_t k = 0; k <= calls; k++) {
        test_allocator state = {.fail_at = k};
        oz_allocator allocator = test_allocator_of(&state);
        oz_error err = {0};
        oz_status status = use(f, &allocator, &err);
        if (k == 0) calls = state.calls;
        cr_assert_eq(status, k ? OZ_ERR_MEMORY : OZ_OK, "allocation %d of %d: %s: %s", (int)k, (int)calls,
                     oz_status_name(status), err.message);
        cr_assert_eq(err.status, status, "allocation %d", (int)k);
        cr_assert(state.live_blocks == 0 && state.wrong_sizes == 0, "allocation %d", (int)k);
    }
    cr_assert_gt(calls, 20);
}

Test(allocation, of_our_files_fails_cleanly) {
    char text[MODEL_TEXT];
    for (size_t i = 0; model_format_text(i, OZ_CODEC_INT8, text); i++) {
        model m;
        oz_image image;
        cr_assert_eq(model_make_rich(&m, text, ROWS, COLS), OZ_OK, "%s", m.err.message);
        cr_assert_eq(oz_image_build(&m.contents, &image, &m.arena, &m.err), OZ_OK, "%s", m.err.message);
        file f = file_of_image(&image);
        fail_everywhere(&f);
        file_free(&f);
        model_free(&m);
    }
}

Test(allocation, of_foreign_files_fails_cleanly) {
    file f = file_make("{\"a.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
                       "\"a.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[24,32]}}",
                       32);
    fail_everywhere(&f);
    file_free(&f);
}
