/* Every kind of data set is read right, and every way of lying about one is refused. */
#include "files.h"
#include "tests/support/allocator.h"

#include <ounce/tools.h>

#include <criterion/criterion.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const float X[6] = {0.0f, 1.5f, -2.0f, 3.25f, 1e6f, -0.125f};
static const int64_t Y[2] = {7, 3};
static test_bytes b, inner[2]; /* each test runs in a process of its own */

static oz_dataset *opened(const char *path, uint64_t limit) {
    oz_dataset *d;
    oz_error err;
    oz_status s = oz_dataset_open(path, limit, NULL, &d, &err);
    cr_assert(s == OZ_OK, "%s: %s", err.where, err.message);
    return d;
}

/* Opens b as a file of this name, which must fail so; the message must hold `word`. */
static void refused(const char *name, oz_status want, const char *word) {
    oz_dataset *d;
    oz_error err = {.message = ""};
    oz_status got = oz_dataset_open(save(&b, name), 0, NULL, &d, &err);
    drop(name);
    cr_assert(got == want, "%s: got %s (%s), want %s", name, oz_status_name(got), err.message,
              oz_status_name(want));
    cr_assert_null(d);
    cr_assert(strstr(err.message, word), "\"%s\" does not say \"%s\"", err.message, word);
}

/* Two records of three values, X, and Y where it has labels. */
static void holds_x(const oz_dataset *d, bool labels) {
    int64_t dim[OZ_MAX_RANK];
    float got[6];
    cr_assert(oz_dataset_count(d) == 2);
    cr_assert(oz_dataset_shape(d, dim) == 1 && dim[0] == 3);
    oz_dataset_read(d, 0, 2, got);
    cr_assert(memcmp(got, X, sizeof X) == 0);
    oz_dataset_read(d, 1, 1, got);
    cr_assert(memcmp(got, X + 3, 3 * sizeof *X) == 0);
    if (labels)
        cr_assert(memcmp(oz_dataset_labels(d), Y, sizeof Y) == 0);
    else
        cr_assert_null(oz_dataset_labels(d));
}

static void put_y_then_x(test_bytes *out) {
    uint8_t data[sizeof Y + sizeof X];
    memcpy(data, Y, sizeof Y);
    memcpy(data + sizeof Y, X, sizeof X);
    put_safetensors(out,
                    "{\"y\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[0,16]},"
                    "\"x\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[16,40]}}",
                    data, sizeof data);
}

Test(dataset, safetensors) {
    put_y_then_x(&b);
    oz_dataset *d = opened(save(&b, "d.safetensors"), 0);
    holds_x(d, true);
    oz_dataset_free(d);
    drop("d.safetensors");
}

Test(dataset, safetensors_without_x) {
    put_safetensors(&b, "{\"z\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", "a", 1);
    refused("z", OZ_ERR_FORMAT, "no tensor `x`");
}

Test(dataset, npy) {
    put_npy(&b, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", X, sizeof X);
    oz_dataset *d = opened(save(&b, "x.npy"), 0);
    holds_x(d, false);
    oz_dataset_free(d);
    drop("x.npy");
}

Test(dataset, npy_big_endian) {
    uint8_t turned[sizeof X];
    memcpy(turned, X, sizeof X);
    for (size_t i = 0; i < sizeof X; i++) turned[i] = ((const uint8_t *)X)[i / 4 * 4 + 3 - i % 4];
    put_npy(&b, "{\"descr\":\">f4\",\"fortran_order\":False,\"shape\":(2,3)}", turned, sizeof turned);
    oz_dataset *d = opened(save(&b, "x.npy"), 0);
    holds_x(d, false);
    oz_dataset_free(d);
    drop("x.npy");
}

Test(dataset, npy_refusals) {
    static const struct {
        const char *dictionary;
        oz_status status;
        const char *word;
    } cases[] = {
        {"{'descr': '|O', 'fortran_order': False, 'shape': (2, 3), }", OZ_ERR_SUPPORT, "pickled"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 3), }", OZ_ERR_FORMAT, "dictionary"},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", OZ_ERR_SUPPORT, "Fortran"},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (3,), }", OZ_ERR_SUPPORT, "'<c8'"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4), }", OZ_ERR_FORMAT, "24 bytes"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4), }", OZ_ERR_FORMAT,
         "24"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, ), }", OZ_ERR_FORMAT,
         "shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 3), }", OZ_ERR_FORMAT, "shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,6), }", OZ_ERR_FORMAT, "shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,2,3), }", OZ_ERR_SHAPE, "dimensions"},
        {"{'descr': '<f4', 'fortran_order': False, }", OZ_ERR_FORMAT, "shape"},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (6,)}", OZ_ERR_FORMAT, "descr"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,)} x", OZ_ERR_FORMAT, "descr"},
        {"{'descr': '<f4", OZ_ERR_FORMAT, "descr"},
        {"", OZ_ERR_FORMAT, "descr"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        b.n = 0;
        put_npy(&b, cases[i].dictionary, X, sizeof X);
        refused("x.npy", cases[i].status, cases[i].word);
    }
    b.n = 0;
    put_npy(&b, "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3), }", X, 0);
    refused("x.npy", OZ_ERR_ARGUMENT, "empty");
    b.data[6] = 9;
    refused("x.npy", OZ_ERR_VERSION, "version 9");
    b.data[6] = 1;
    b.data[9] = 0xff;
    refused("x.npy", OZ_ERR_FORMAT, "longer than the file");
}

static void put_npz(int deflate) {
    int32_t y[2] = {7, 3};
    inner[0].n = inner[1].n = 0;
    put_npy(&inner[0], "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", X, sizeof X);
    put_npy(&inner[1], "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }", y, sizeof y);
    test_member members[2] = {{"y.npy", &inner[1], deflate}, {"x.npy", &inner[0], deflate}};
    b.n = 0;
    put_zip(&b, members, 2);
}

Test(dataset, npz) {
    for (int deflate = 0; deflate < 2; deflate++) {
        put_npz(deflate);
        oz_dataset *d = opened(save(&b, "d.npz"), 0);
        holds_x(d, true);
        oz_dataset_free(d);
    }
    drop("d.npz");
}

/* Any one byte changed: an error, or a data set that can be read through. */
Test(dataset, damaged_npz_is_refused_or_readable) {
    for (int deflate = 0; deflate < 2; deflate++) {
        put_npz(deflate);
        size_t n = b.n, refusals = 0;
        for (size_t i = 0; i < 2 * n; i++) {
            uint8_t kept = b.data[i % n];
            if (i < n)
                b.data[i] = (uint8_t)(kept ^ 0x81);
            else
                b.n = i - n;
            oz_dataset *d;
            oz_error err;
            oz_status s = oz_dataset_open(save(&b, "d.npz"), 0, NULL, &d, &err);
            float out[64];
            if (s == OZ_OK && oz_dataset_count(d) <= 6) oz_dataset_read(d, 0, oz_dataset_count(d), out);
            refusals += s != OZ_OK;
            cr_assert(s == OZ_OK || err.message[0]);
            oz_dataset_free(d);
            b.data[i % n] = kept;
            b.n = n;
        }
        cr_assert(refusals > n + n / 2, "%zu of %zu", refusals, 2 * n);
    }
    drop("d.npz");
}

Test(dataset, npz_with_wrong_checksum) {
    put_npz(0);
    for (size_t i = 0; i + 4 < b.n; i++) { /* the first value of x */
        if (memcmp(b.data + i, X + 1, 4) == 0) b.data[i] ^= 1;
    }
    refused("d.npz", OZ_ERR_CHECKSUM, "x.npy");
}

static void put_idx(test_bytes *out, int rank, uint32_t n) {
    put(out, "\0\0\x08", 3);
    put(out, &(uint8_t){(uint8_t)rank}, 1);
    put_u32_big(out, n);
    if (rank == 3) put_u32_big(out, 2), put_u32_big(out, 2);
    for (uint32_t i = 0; i < n * (rank == 3 ? 4 : 1); i++) put(out, &(uint8_t){(uint8_t)(i % 10)}, 1);
}

/* inner[i] as it is, or gzipped. */
static const char *save_idx(int i, int gzip, const char *name) {
    b.n = 0;
    if (gzip)
        put_gzip(&b, inner[i].data, inner[i].n);
    else
        put(&b, inner[i].data, inner[i].n);
    return save(&b, name);
}

static void is_idx(const oz_dataset *d, size_t count) {
    int64_t dim[OZ_MAX_RANK];
    float out[20];
    cr_assert(oz_dataset_count(d) == count);
    cr_assert(oz_dataset_shape(d, dim) == 2 && dim[0] == 2 && dim[1] == 2);
    oz_dataset_read(d, 0, count, out);
    for (size_t i = 0; i < 4 * count; i++) cr_assert(out[i] == (float)(i % 10));
    for (size_t i = 0; i < count; i++) cr_assert(oz_dataset_labels(d)[i] == (int64_t)i);
}

Test(dataset, idx_with_labels_plain_and_gzip) {
    put_idx(&inner[0], 3, 5);
    put_idx(&inner[1], 1, 5);
    for (int gzip = 0; gzip < 2; gzip++) {
        save_idx(1, gzip, "labels-idx1-ubyte");
        const char *path = save_idx(0, gzip, "images-idx3-ubyte");
        oz_dataset *d = opened(path, 0);
        is_idx(d, 5);
        oz_dataset_free(d);
        d = opened(path, 2);
        is_idx(d, 2);
        oz_dataset_free(d);
    }
    drop("labels-idx1-ubyte");
    drop("images-idx3-ubyte");
}

Test(dataset, idx_refusals) {
    put_idx(&b, 3, 5);
    b.n--;
    refused("i", OZ_ERR_FORMAT, "too early");
    b.n += 2;
    refused("i", OZ_ERR_FORMAT, "more than its header declares");
    put_idx(&inner[0], 3, 5);
    save_idx(0, 1, "i");
    b.n -= 9; /* the checksum and the last value */
    refused("i", OZ_ERR_FORMAT, "too early");
    save_idx(0, 1, "i");
    b.data[b.n - 8] ^= 1;
    refused("i", OZ_ERR_FORMAT, "damaged");
    inner[0].data[4] = 0xff; /* four thousand million images in 40 bytes */
    save_idx(0, 1, "i");
    refused("i", OZ_ERR_FORMAT, "more values than the file can hold");
    drop("i");
}

Test(dataset, idx_labels_that_do_not_count) {
    put_idx(&inner[0], 3, 5);
    put_idx(&inner[1], 1, 4);
    save_idx(1, 0, "labels-idx1-ubyte");
    save_idx(0, 0, "images-idx3-ubyte");
    refused("images-idx3-ubyte", OZ_ERR_SHAPE, "4 labels for 5 records");
    drop("labels-idx1-ubyte");
}

Test(dataset, cifar) {
    enum { PIXELS = 3072 };
    uint8_t record[1 + PIXELS];
    for (int r = 0; r < 3; r++) {
        record[0] = (uint8_t)(9 - r);
        for (int i = 0; i < PIXELS; i++) record[1 + i] = (uint8_t)(i + r);
        put(&b, record, sizeof record);
    }
    oz_dataset *d = opened(save(&b, "batch.bin"), 2);
    int64_t dim[OZ_MAX_RANK];
    static float out[PIXELS];
    cr_assert(oz_dataset_count(d) == 2);
    cr_assert(oz_dataset_shape(d, dim) == 3 && dim[0] == 3 && dim[1] == 32 && dim[2] == 32);
    cr_assert(oz_dataset_labels(d)[0] == 9 && oz_dataset_labels(d)[1] == 8);
    oz_dataset_read(d, 1, 1, out);
    for (int i = 0; i < PIXELS; i++) cr_assert(out[i] == (float)(uint8_t)(i + 1));
    oz_dataset_free(d);
    b.data[3073] = 10; /* no such class */
    refused("batch.bin", OZ_ERR_FORMAT, "not a data set");
}

Test(dataset, values_that_are_not_finite) {
    static const char dictionary[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
    const float bad[2] = {NAN, -INFINITY};
    for (int i = 0; i < 2; i++) {
        float x[6];
        memcpy(x, X, sizeof x);
        x[4] = bad[i];
        b.n = 0;
        put_npy(&b, dictionary, x, sizeof x);
        refused("x.npy", OZ_ERR_NUMBER, "value 1 of record 1");
    }
    double wide[2] = {1.0, 1e300}; /* finite, but not as f32 */
    b.n = 0;
    put_npy(&b, "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", wide, sizeof wide);
    refused("x.npy", OZ_ERR_NUMBER, "record 1");
}

Test(dataset, every_integer_type) {
    static const struct {
        const char *descr;
        uint8_t bytes[8];
        size_t width;
        float want;
    } cases[] = {{"|u1", {200}, 1, 200.0f},
                 {"|i1", {200}, 1, -56.0f},
                 {"|b1", {1}, 1, 1.0f},
                 {"<u2", {1, 255}, 2, 65281.0f},
                 {"<i2", {1, 255}, 2, -255.0f},
                 {"<u4", {0, 0, 0, 128}, 4, 2147483648.0f},
                 {"<i4", {0, 0, 0, 128}, 4, -2147483648.0f},
                 {"<i8", {255, 255, 255, 255, 255, 255, 255, 255}, 8, -1.0f},
                 {"<u8", {0, 0, 0, 0, 0, 0, 0, 128}, 8, 9223372036854775808.0f},
                 {"<f2", {0, 0x3e}, 2, 1.5f},
                 {"<f8", {0, 0, 0, 0, 0, 0, 4, 0xc0}, 8, -2.5f}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char dictionary[96];
        float got;
        snprintf(dictionary, sizeof dictionary, "{'descr': '%s', 'fortran_order': False, 'shape': (1,), }",
                 cases[i].descr);
        b.n = 0;
        put_npy(&b, dictionary, cases[i].bytes, cases[i].width);
        oz_dataset *d = opened(save(&b, "x.npy"), 0);
        oz_dataset_read(d, 0, 1, &got);
        cr_assert(got == cases[i].want, "%s: got %g", cases[i].descr, (double)got);
        oz_dataset_free(d);
    }
    drop("x.npy");
}

Test(dataset, labels_must_be_whole_and_not_negative) {
    static const struct {
        const char *type;
        oz_status status;
        const char *word;
    } cases[] = {{"F32", OZ_ERR_SHAPE, "whole number"}, {"I32", OZ_ERR_FORMAT, "label 1 is -5"}};
    for (size_t i = 0; i < 2; i++) {
        char header[160];
        snprintf(header, sizeof header,
                 "{\"x\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
                 "\"y\":{\"dtype\":\"%s\",\"shape\":[2],\"data_offsets\":[2,10]}}",
                 cases[i].type);
        b.n = 0;
        put_safetensors(&b, header, "\1\2\1\0\0\0\xfb\xff\xff\xff", 10);
        refused("d", cases[i].status, cases[i].word);
    }
}

Test(dataset, neither_file_nor_data) {
    oz_dataset *d;
    oz_error err;
    cr_assert(oz_dataset_open("no such file", 0, NULL, &d, &err) == OZ_ERR_IO);
    refused("empty", OZ_ERR_ARGUMENT, "empty");
    put_text(&b, "a,b\n1,2\n");
    refused("d.csv", OZ_ERR_FORMAT, "not a data set");
    oz_dataset_free(NULL);
}

Test(dataset, written_and_read_again) {
    put_y_then_x(&b);
    oz_dataset *d = opened(save(&b, "a.safetensors"), 0);
    b.n = 0;
    const char *copy = save(&b, "b.safetensors");
    oz_error err;
    cr_assert(oz_dataset_write(d, copy, false, &err) == OZ_ERR_IO);
    cr_assert(oz_dataset_write(d, copy, true, &err) == OZ_OK, "%s", err.message);
    oz_dataset *again = opened(copy, 0);
    holds_x(again, true);
    cr_assert(oz_dataset_hash(again) == oz_dataset_hash(d));
    oz_dataset_free(again);
    again = opened(copy, 1);
    cr_assert(oz_dataset_count(again) == 1 && oz_dataset_hash(again) != oz_dataset_hash(d));
    oz_dataset_free(again);
    oz_dataset_free(d);
    drop("a.safetensors");
    drop("b.safetensors");
}

static bool stop(void *ctx, const char *stage, uint64_t done, uint64_t total) {
    (void)stage, (void)done, (void)total;
    ++*(int *)ctx;
    return false;
}

Test(dataset, cancel) {
    int calls = 0;
    oz_host host = OZ_HOST_INIT;
    host.progress = stop;
    host.progress_ctx = &calls;
    oz_dataset *d;
    put_y_then_x(&b);
    cr_assert(oz_dataset_open(save(&b, "d"), 0, &host, &d, NULL) == OZ_ERR_CANCEL);
    cr_assert(calls == 1);
    cr_assert_null(d);
    drop("d");
}

/* Without memory at any point: an error, and nothing is left. */
Test(dataset, no_memory) {
    put_npz(1);
    const char *path = save(&b, "d.npz");
    for (uint64_t k = 1;; k++) {
        test_allocator state = {.fail_at = k};
        oz_allocator allocator = test_allocator_of(&state);
        oz_host host = OZ_HOST_INIT;
        host.allocator = &allocator;
        oz_dataset *d;
        oz_status s = oz_dataset_open(path, 0, &host, &d, NULL);
        cr_assert(s == (state.calls < k ? OZ_OK : OZ_ERR_MEMORY));
        oz_dataset_free(d);
        cr_assert(state.live_blocks == 0 && state.wrong_sizes == 0);
        if (s == OZ_OK) break;
        cr_assert(k < 100);
    }
    drop("d.npz");
}

/* The optional pack's real files. */
Test(dataset, mnist_and_cifar_of_the_pack) {
    oz_dataset *d;
    oz_error err;
    int64_t dim[OZ_MAX_RANK];
    if (!OZ_SHARED_DATA[0]) cr_skip_test("no data pack");
    oz_status s =
        oz_dataset_open(OZ_SHARED_DATA "/vision/mnist/t10k-images-idx3-ubyte.gz", 0, NULL, &d, &err);
    cr_assert(s == OZ_OK, "%s", err.message);
    cr_assert(oz_dataset_count(d) == 10000 && oz_dataset_shape(d, dim) == 2 && dim[0] == 28);
    cr_assert(oz_dataset_labels(d)[0] == 7 && oz_dataset_labels(d)[9999] == 6);
    oz_dataset_free(d);
    s = oz_dataset_open(OZ_SHARED_DATA "/vision/cifar10/test_even.bin", 0, NULL, &d, &err);
    cr_assert(s == OZ_OK, "%s", err.message);
    cr_assert(oz_dataset_count(d) == 5000 && oz_dataset_shape(d, dim) == 3);
    oz_dataset_free(d);
}
