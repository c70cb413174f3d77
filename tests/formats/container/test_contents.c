/* test_contents.c - metadata by hand: what it means, and that each inconsistency is refused where it stands.
 */
#include "tests/formats/container/files.h"

#include "base/text.h"
#include "formats/container/reading.h"
#include "tests/support/models/models.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The data of every file here: `small` (192 bytes), big (U8, 64) and m (F16, [2, 4]). All bytes rise by one,
 * so all f16 and f32 in them are finite. */
enum { DATA_BYTES = 192 + 64 + 16 };
static const char tensors[] = "\"small\":{\"dtype\":\"U8\",\"shape\":[192],\"data_offsets\":[0,192]},"
                              "\"big\":{\"dtype\":\"U8\",\"shape\":[64],\"data_offsets\":[192,256]},"
                              "\"m\":{\"dtype\":\"F16\",\"shape\":[2,4],\"data_offsets\":[256,272]}";

/* A file with the metadata values as given; NULL leaves one out. */
static file make(const char *version, const char *weights, const char *vectors) {
    const char *const values[] = {"ounce", version, weights, vectors};
    const char *const keys[] = {"format", "version", "weights", "vectors"};
    oz_text t = {0};
    for (size_t i = 0; i < 4; i++) {
        if (!values[i]) continue;
        oz_text_format(&t, "%s\"%s\":", i ? "," : "{\"__metadata__\":{", keys[i]);
        oz_text_json(&t, values[i], strlen(values[i]));
    }
    oz_text_format(&t, "},%s}", tensors);
    file f = file_make(t.data, DATA_BYTES);
    oz_text_free(&t);
    return f;
}

static uint64_t position(const file *f, const char *what) {
    size_t bytes = strlen(what);
    for (size_t i = 0; i + bytes <= f->bytes; i++)
        if (memcmp(f->data + i, what, bytes) == 0) return i;
    cr_assert_fail("%s is not in the file", what);
    return 0;
}

/* ---- what is accepted -------------------------------------------------------------- */

Test(contents, reads_what_is_written_by_hand) {
    file f = make("1",
                  "{\"w\":{\"shape\":[2,4],\"terms\":[[[\"dense,codec=f16\",\"m\",0,0]],"
                  "[[\"dense,codec=f16\",[2,1],16,0,0],[\"dense,codec=f16\",[1,4],\"big\",0,0]]],"
                  "\"scales\":[1,-2.5],\"rows\":[\"f32\",32],\"act\":\"i8\"},"
                  "\"v\":{\"shape\":[2,4],\"terms\":[[[\"dense,codec=f16\",32,0,0]]]}}",
                  "{\"w.bias\":[\"bf16\",3,48],\"same\":[\"f32\",3,48]}");
    opened o = {0};
    cr_assert_eq(opened_read(&o, &f, NULL), OZ_OK, "%s: %s", o.err.where, o.err.message);
    const oz_contents *c = &o.contents;
    const oz_weight *w = oz_contents_weight(c, "w");
    cr_assert(w == &c->weights[0] && c->n_weights == 2 && oz_contents_weight(c, "x") == NULL);
    cr_assert(w->n_terms == 2 && w->terms[1].n_factors == 2 && w->act_i8 && !c->weights[1].act_i8);
    cr_assert(w->terms[0].scale == 1 && w->terms[1].scale == -2.5f);
    cr_assert_eq(w->terms[0].factors[0].part[0].data, o.file.tensors[2].data);
    cr_assert_eq(w->terms[1].factors[0].part[0].data, o.file.tensors[0].data + 16);
    cr_assert_eq(w->terms[1].factors[1].part[0].offset, o.file.header_bytes + 192);
    cr_assert_str_eq(w->terms[1].factors[1].name, "w/1.1");
    cr_assert_eq(w->row_scale.data, o.file.tensors[0].data + 32);
    const oz_vector *bias = oz_contents_vector(c, "w.bias");
    cr_assert(bias && bias->kind == OZ_CODEC_BF16 && bias->count == 3);
    cr_assert_eq(oz_vector_get(bias, 0), oz_float_get(OZ_CODEC_BF16, o.file.tensors[0].data + 48, 0));
    cr_assert_null(oz_contents_vector(c, "v.bias"));
    cr_assert(c->graph == NULL && c->n_meta == 0);
    oz_bytes total, each[2];
    cr_assert_eq(oz_contents_bytes(c, &o.file, &total, each, &o.arena, &o.err), OZ_OK);
    /* The ranges: m 16, small 16..20 (2 x 1), big 8 of 64, rows 32..40, v 32..48, vectors 48..54 and 48..60.
     */
    cr_assert_eq(each[0].values, 16 + 4 + 8);
    cr_assert_eq(each[0].scales, 8);
    cr_assert_eq(each[0].vectors, 6);
    cr_assert_eq(each[1].values, 16 - 8, "what lies under the row scale is counted there");
    cr_assert_eq(total.vectors, 12);
    cr_assert_eq(total.header + total.values + total.scales + total.vectors + total.padding, f.bytes);
    opened_free(&o);
    file_free(&f);
}

Test(contents, opens_files_of_other_programs) {
    file f = file_make("{\"__metadata__\":{\"format\":\"pt\",\"graph\":\"no graph\"},"
                       "\"a.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
                       "\"a\":{\"dtype\":\"BF16\",\"shape\":[3,1],\"data_offsets\":[24,30]},"
                       "\"b.weight\":{\"dtype\":\"F16\",\"shape\":[1,2],\"data_offsets\":[30,34]},"
                       "\"b.bias\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[34,36]},"
                       "\"steps\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[36,44]},"
                       "\"conv.weight\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1],\"data_offsets\":[44,48]},"
                       "\"empty\":{\"dtype\":\"F32\",\"shape\":[0,4],\"data_offsets\":[48,48]},"
                       "\"places\":{\"dtype\":\"F32\",\"shape\":[1,2,3],\"data_offsets\":[48,72]},"
                       "\"token\":{\"dtype\":\"F32\",\"shape\":[1,1,3],\"data_offsets\":[72,84]}}",
                       84);
    opened o = {0};
    cr_assert_eq(opened_read(&o, &f, NULL), OZ_OK, "%s: %s", o.err.where, o.err.message);
    const oz_contents *c = &o.contents;
    cr_assert(c->n_weights == 5 && c->n_vectors == 2 && c->n_ignored == 2 && c->graph == NULL);
    cr_assert_str_eq(c->weights[0].name, "a.weight", "the matrix a has the shorter name already");
    cr_assert_str_eq(c->weights[1].name, "a");
    cr_assert_str_eq(c->weights[2].name, "b");
    cr_assert_str_eq(c->vectors[0].name, "b.bias");
    const oz_leaf *b = &c->weights[2].terms[0].factors[0];
    cr_assert(b->codec.kind == OZ_CODEC_F16 && b->rows == 1 && b->cols == 2);
    cr_assert_eq(b->part[0].data, f.data + b->part[0].offset);
    cr_assert_str_eq(c->weights[3].name, "conv");
    cr_assert(c->weights[3].rows == 1 && c->weights[3].cols == 1);
    cr_assert(c->weights[4].rows == 2 && c->weights[4].cols == 3);
    cr_assert_eq(oz_contents_vector(c, "token")->count, 3);
    oz_bytes total, each[5];
    cr_assert_eq(oz_contents_bytes(c, &o.file, &total, each, &o.arena, &o.err), OZ_OK);
    cr_assert(total.values == 24 + 6 + 4 + 4 + 24 && total.vectors == 2 + 8 + 12 && total.padding == 0);
    cr_assert(each[2].values == 4 && each[2].vectors == 2);
    cr_assert_eq(total.total, f.bytes);
    cr_assert_eq(oz_contents_verify(&o.file, &o.err), OZ_OK, "it has no hashes of ours");
    opened_free(&o);
    file_free(&f);
}

/* ---- what is refused --------------------------------------------------------------- */

#define W(body) "{\"w\":{" body "}}"
#define DENSE "\"terms\":[[[\"dense,codec=f16\",\"m\",0,0]]]"
#define SHAPE "\"shape\":[2,4]"

static const struct {
    const char *version, *weights, *vectors;
    oz_status status;
    const char *where, *at; /* as it stands in the file, with escapes; NULL: nowhere */
} wrong[] = {
    {NULL, "{}", NULL, OZ_ERR_FORMAT, "version", NULL},
    {"2", "{}", NULL, OZ_ERR_VERSION, "version", "2\",\"weights"},
    {"99999999999999999999", "{}", NULL, OZ_ERR_VERSION, "version", "9999"},
    {"0", "{}", NULL, OZ_ERR_FORMAT, "version", "0\",\"weights"},
    {"one", "{}", NULL, OZ_ERR_FORMAT, "version", "one"},
    {"", "{}", NULL, OZ_ERR_FORMAT, "version", "\",\"weights"},
    {"1", NULL, NULL, OZ_ERR_FORMAT, "weights", NULL},
    {"1", "[]", NULL, OZ_ERR_FORMAT, "weights", "[]"},
    {"1", "{", NULL, OZ_ERR_FORMAT, "weights", NULL},
    {"1", "{\"w\":1}", NULL, OZ_ERR_FORMAT, "w", "1}"},
    {"1", "{\"w\\u0000\":{}}", NULL, OZ_ERR_FORMAT, "", "\\\"w\\\\u"},
    {"1", W(SHAPE "," SHAPE), NULL, OZ_ERR_FORMAT, "weights", NULL},
    {"1", W(SHAPE "," DENSE ",\"more\":1"), NULL, OZ_ERR_FORMAT, "w", "\\\"more"},
    {"1", W(DENSE), NULL, OZ_ERR_FORMAT, "w", "{\\\"terms"},
    {"1", W(SHAPE), NULL, OZ_ERR_FORMAT, "w", "{\\\"shape"},
    {"1", W("\"shape\":[2]," DENSE), NULL, OZ_ERR_FORMAT, "w", "[2]"},
    {"1", W("\"shape\":[2,0]," DENSE), NULL, OZ_ERR_FORMAT, "w", "[2,0]"},
    {"1", W("\"shape\":[2,4.0]," DENSE), NULL, OZ_ERR_FORMAT, "w", "[2,4.0]"},
    {"1", W("\"shape\":[2147483648,4]," DENSE), NULL, OZ_ERR_FORMAT, "w", "[2147"},
    {"1", W(SHAPE ",\"terms\":[[[\"dense,codec=bf16\",\"m\",0,0]]]"), NULL, OZ_ERR_FORMAT, "w/0.0",
     "\\\"m\\\",0"},
    {"1", W("\"shape\":[2,2147483648]," DENSE), NULL, OZ_ERR_FORMAT, "w", "[2,2147"},
    {"1", W("\"shape\":[2147483647,2147483647]," DENSE), NULL, OZ_ERR_LIMIT, "w/0.0", "[\\\"dense"},
    {"1", W("\"shape\":[2,5]," DENSE), NULL, OZ_ERR_FORMAT, "w/0.0", "\\\"m\\\",0"},
    {"1", W(SHAPE ",\"terms\":[]"), NULL, OZ_ERR_FORMAT, "w", "{\\\"shape"},
    {"1", W(SHAPE ",\"terms\":{}"), NULL, OZ_ERR_FORMAT, "w", "{}"},
    {"1", W(SHAPE ",\"terms\":[[]]"), NULL, OZ_ERR_FORMAT, "w", "[]]"},
    {"1", W(SHAPE ",\"terms\":[[\"dense\"]]"), NULL, OZ_ERR_FORMAT, "w/0.0", "\\\"dense"},
    {"1", W(SHAPE ",\"terms\":[[[]]]"), NULL, OZ_ERR_FORMAT, "w/0.0", "[]]]"},
    {"1", W(SHAPE ",\"terms\":[[[5]]]"), NULL, OZ_ERR_FORMAT, "w/0.0", "[5]]]"},
    {"1", W(SHAPE ",\"terms\":[[[\"tensor,codec=f16\",\"m\",0,0]]]"), NULL, OZ_ERR_SUPPORT, "w/0.0",
     "\\\"tensor"},
    {"1", W(SHAPE ",\"terms\":[[[\"dense,codec=f8\",\"m\",0,0]]]"), NULL, OZ_ERR_SUPPORT, "w/0.0",
     "\\\"dense"},
    {"1", W(SHAPE ",\"terms\":[[[\"dense\",\"m\",0,0]]]"), NULL, OZ_ERR_FORMAT, "w/0.0", "\\\"dense"},
    {"1", W(SHAPE ",\"terms\":[[[\"dense,codec=f16,x=1\",\"m\",0,0]]]"), NULL, OZ_ERR_FORMAT, "w/0.0",
     "\\\"dense"},
    {"1", W(SHAPE ",\"terms\":[[[\"dense,codec=f16\",\"m\",0]]]"), NULL, OZ_ERR_FORMAT, "w/0.0",
     "[\\\"dense"},
    {"1", W(SHAPE ",\"terms\":[[[\"dense,codec=f16\",\"m\",0,0,7]]]"), NULL, OZ_ERR_FORMAT, "w/0.0", "7]]]"},
    {"1", W(SHAPE ",\"terms\":[[[\"dense,codec=f16\",\"m\",16,0]]]"), NULL, OZ_ERR_FORMAT, "w/0.0", "16,0]"},
    {"1", W(SHAPE ",\"terms\":[[[\"dense,codec=f16\",\"m\",null,0]]]"), NULL, OZ_ERR_FORMAT, "w/0.0", "null"},
    {"1", W(SHAPE ",\"terms\":[[[\"dense,codec=f16\",true,0,0]]]"), NULL, OZ_ERR_FORMAT, "w/0.0", "true"},
    {"1", W(SHAPE ",\"terms\":[[[\"dense,codec=f16\",null,0,0]]]"), NULL, OZ_ERR_FORMAT, "w/0.0", "null"},
    {"1", W(SHAPE ",\"terms\":[[[\"dense,codec=f16\",\"n\",0,0]]]"), NULL, OZ_ERR_FORMAT, "w/0.0",
     "\\\"n\\\""},
    {"1", W(SHAPE ",\"terms\":[[[\"dense,codec=f16\",192,0,0]]]"), NULL, OZ_ERR_FORMAT, "w/0.0", "192,0"},
    {"1", W(SHAPE ",\"terms\":[[[\"dense,codec=f16\",8,0,0]]]"), NULL, OZ_ERR_FORMAT, "w/0.0", "8,0"},
    {"1", W(SHAPE ",\"terms\":[[[\"dense,codec=f16\",18446744073709551600,0,0]]]"), NULL, OZ_ERR_FORMAT,
     "w/0.0", "1844"},
    {"1", W(SHAPE ",\"terms\":[[[\"dense,codec=f32\",\"m\",0,0]]]"), NULL, OZ_ERR_FORMAT, "w/0.0",
     "\\\"m\\\",0"},
    {"1", W(SHAPE ",\"terms\":[[[\"dense,codec=int4\",\"m\",16,0]]]"), NULL, OZ_ERR_FORMAT, "w/0.0",
     "\\\"m\\\",16"},
    {"1", W("\"shape\":[16,8],\"terms\":[[[\"dense,codec=int8\",\"big\",16,0]]]"), NULL, OZ_ERR_FORMAT,
     "w/0.0", "\\\"big\\\",16"},
    {"1", W(SHAPE ",\"terms\":[[[\"dense,codec=f16\",[2,1],0,0,0],[\"dense,codec=f16\",[2,4],0,0,0]]]"), NULL,
     OZ_ERR_FORMAT, "w/0.1", "{\\\"shape"},
    {"1", W(SHAPE ",\"terms\":[[[\"dense,codec=f16\",[3,1],0,0,0],[\"dense,codec=f16\",[1,4],0,0,0]]]"), NULL,
     OZ_ERR_FORMAT, "w/0.0", "{\\\"shape"},
    {"1", W(SHAPE ",\"terms\":[[[\"dense,codec=f16\",[2,1],0,0,0],[\"dense,codec=f16\",[1,3],0,0,0]]]"), NULL,
     OZ_ERR_FORMAT, "w", "{\\\"shape"},
    {"1", W(SHAPE ",\"terms\":[[[\"dense,codec=f16\",0,0,0],[\"dense,codec=f16\",[1,4],0,0,0]]]"), NULL,
     OZ_ERR_FORMAT, "w/0.0", "0,0,0],[\\\"dense"},
    {"1", W(SHAPE "," DENSE ",\"scales\":[]"), NULL, OZ_ERR_FORMAT, "w", "[]}"},
    {"1", W(SHAPE "," DENSE ",\"scales\":[1,1]"), NULL, OZ_ERR_FORMAT, "w", "[1,1]"},
    {"1", W(SHAPE "," DENSE ",\"scales\":[1e39]"), NULL, OZ_ERR_FORMAT, "w", "1e39"},
    {"1", W(SHAPE "," DENSE ",\"scales\":[1e999]"), NULL, OZ_ERR_FORMAT, "w", "1e999"},
    {"1", W(SHAPE "," DENSE ",\"scales\":[null]"), NULL, OZ_ERR_FORMAT, "w", "null"},
    {"1", W(SHAPE "," DENSE ",\"rows\":[\"int8\",0]"), NULL, OZ_ERR_FORMAT, "w", "\\\"int8"},
    {"1", W(SHAPE "," DENSE ",\"rows\":[\"f32\",192]"), NULL, OZ_ERR_FORMAT, "w", "192]"},
    {"1", W(SHAPE "," DENSE ",\"rows\":\"f32\""), NULL, OZ_ERR_FORMAT, "w", "\\\"f32"},
    {"1", W(SHAPE "," DENSE ",\"act\":\"i4\""), NULL, OZ_ERR_FORMAT, "w", "\\\"i4"},
    {"1", W(SHAPE "," DENSE ",\"act\":8"), NULL, OZ_ERR_FORMAT, "w", "8}"},
    {"1", "{}", "[]", OZ_ERR_FORMAT, "vectors", "[]"},
    {"1", "{}", "{\"v\":[\"f16\",1]}", OZ_ERR_FORMAT, "v", "[\\\"f16"},
    {"1", "{}", "{\"v\":[\"int8\",1,0]}", OZ_ERR_FORMAT, "v", "\\\"int8"},
    {"1", "{}", "{\"v\":[\"f16\",0,0]}", OZ_ERR_FORMAT, "v", "0,0]"},
    {"1", "{}", "{\"v\":[\"f16\",97,0]}", OZ_ERR_FORMAT, "v", "0]}"},
    {"1", "{}", "{\"v\":[\"f32\",4611686018427387904,0]}", OZ_ERR_FORMAT, "v", "[\\\"f32"},
    {"1", "{}", "{\"v\":[\"f16\",1,8]}", OZ_ERR_FORMAT, "v", "8]}"},
    {"1", "{}", "{\"v\":[\"f16\",1,-16]}", OZ_ERR_FORMAT, "v", "-16]}"},
};

Test(contents, refuses_what_is_inconsistent_where_it_stands) {
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const char *text = wrong[i].vectors ? wrong[i].vectors : wrong[i].weights;
        file f = make(wrong[i].version, wrong[i].weights, wrong[i].vectors);
        opened o = {0};
        oz_status status = opened_read(&o, &f, NULL);
        cr_expect_eq(status, wrong[i].status, "%s: %s", text, oz_status_name(status));
        cr_expect_str_eq(o.err.where, wrong[i].where, "%s: %s", text, o.err.message);
        cr_expect(strlen(o.err.message) > 0, "%s", text);
        if (wrong[i].at)
            cr_expect_eq(o.err.offset, position(&f, wrong[i].at), "%s: at %d, %.12s: %s", text,
                         (int)o.err.offset, o.err.offset < f.bytes ? (char *)f.data + o.err.offset : "",
                         o.err.message);
        cr_expect_null(o.contents.weights, "%s", text);
        opened_free(&o);
        file_free(&f);
    }
}

Test(contents, refuses_scales_of_rows_that_are_not_finite) {
    file f = make("1", W(SHAPE "," DENSE ",\"rows\":[\"f32\",16]"), NULL);
    opened o = {0};
    cr_assert_eq(opened_read(&o, &f, NULL), OZ_OK, "%s", o.err.message);
    float nan = NAN;
    memcpy(f.data + (o.contents.weights[0].row_scale.data - f.data) + 4, &nan, sizeof nan);
    opened_free(&o);
    cr_assert_eq(opened_read(&o, &f, NULL), OZ_ERR_FORMAT);
    cr_assert_str_eq(o.err.where, "w");
    opened_free(&o);
    file_free(&f);
}

/* 64 bytes of codes that start 16 bytes behind a line, in a tensor of their own or in `small`. */
static void expect_off_the_line(const char *name, const char *part) {
    char header[512];
    snprintf(header, sizeof header,
             "{\"__metadata__\":{\"format\":\"ounce\",\"version\":\"1\",\"weights\":\"{\\\"w\\\":{"
             "\\\"shape\\\":[16,4],"
             "\\\"terms\\\":[[[\\\"dense,codec=int8\\\",%s,\\\"p\\\",0]]]}}\"},"
             "\"p\":{\"dtype\":\"U8\",\"shape\":[80],\"data_offsets\":[0,80]},"
             "\"%s\":{\"dtype\":\"U8\",\"shape\":[64],\"data_offsets\":[80,144]}}",
             part, name);
    file f = file_make(header, 144);
    opened o = {0};
    cr_assert_eq(opened_read(&o, &f, NULL), OZ_ERR_FORMAT, "%s", name);
    cr_assert_eq(o.err.offset, f.bytes - 64, "%s", o.err.message);
    opened_free(&o);
    file_free(&f);
}

Test(contents, refuses_coded_parts_off_the_line) {
    expect_off_the_line("t", "\\\"t\\\"");
    expect_off_the_line("small", "0");
}

Test(contents, keeps_the_limits) {
    file f =
        make("1", "{\"long\":{" SHAPE "," DENSE "},\"v\":{" SHAPE "," DENSE "}}", "{\"name\":[\"f16\",1,0]}");
    oz_limits limits = OZ_LIMITS_INIT;
    opened o = {0};
    limits.max_layers = 2;
    cr_assert_eq(opened_read(&o, &f, &limits), OZ_OK, "%s", o.err.message);
    opened_free(&o);
    limits.max_layers = 1;
    cr_assert_eq(opened_read(&o, &f, &limits), OZ_ERR_LIMIT);
    opened_free(&o);
    file_free(&f);
    f = file_make("{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[0,4]},"
                  "\"b\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[4,8]}}",
                  8);
    cr_assert_eq(opened_read(&o, &f, &limits), OZ_ERR_LIMIT);
    opened_free(&o);
    file_free(&f);
}

/* ---- hashes ----------------------------------------------------------------------- */

/* Unless the change makes it a file without hashes, or of somebody else. */
static void verify_finds_every_changed_byte_of_the_header(file *f) {
    size_t refused = 0, found = 0, header;
    uint64_t length;
    memcpy(&length, f->data, sizeof length);
    header = 8 + (size_t)length;
    for (size_t i = 0; i < header; i++) {
        opened o = {0};
        f->data[i] ^= 1;
        if (opened_read(&o, f, NULL) != OZ_OK) {
            refused++;
        } else if (oz_is_own_file(&o.file) && oz_safetensors_meta(&o.file, "hashes")) {
            cr_assert_eq(oz_contents_verify(&o.file, &o.err), OZ_ERR_CHECKSUM, "byte %d of the header",
                         (int)i);
            found++;
        }
        f->data[i] ^= 1;
        opened_free(&o);
    }
    cr_assert(refused > 100 && found > 100 && refused + found + 40 > header, "%d refused, %d found of %d",
              (int)refused, (int)found, (int)header);
}

Test(contents, verify_finds_a_changed_byte_in_every_tensor) {
    model m;
    oz_image image;
    cr_assert_eq(model_make_rich(&m, "nm:2:4,codec=int8", 101, 203), OZ_OK, "%s", m.err.message);
    cr_assert_eq(oz_image_build(&m.contents, &image, &m.arena, &m.err), OZ_OK, "%s", m.err.message);
    file f = file_of_image(&image);
    opened o = {0};
    cr_assert_eq(opened_read(&o, &f, NULL), OZ_OK, "%s", o.err.message);
    cr_assert_geq(o.file.count, 3);
    for (size_t i = 0; i < o.file.count; i++) {
        uint8_t *last = f.data + o.file.tensors[i].offset + o.file.tensors[i].bytes - 1;
        *last ^= 1;
        cr_assert_eq(oz_contents_verify(&o.file, &o.err), OZ_ERR_CHECKSUM);
        cr_assert_str_eq(o.err.where, o.file.tensors[i].name);
        cr_assert_eq(o.err.offset, o.file.tensors[i].offset);
        *last ^= 1;
    }
    cr_assert_eq(oz_contents_verify(&o.file, &o.err), OZ_OK);
    verify_finds_every_changed_byte_of_the_header(&f);
    oz_meta *hashes = (oz_meta *)(uintptr_t)oz_safetensors_meta(&o.file, "hashes");
    hashes->value++;
    cr_assert_eq(oz_contents_verify(&o.file, &o.err), OZ_ERR_CHECKSUM);
    opened_free(&o);
    file_free(&f);
    model_free(&m);
}

/* ---- unpacking -------------------------------------------------------------------- */

/* diag(rows) * (scale * leaf + scale * A * B), multiplied out in double here as well. */
Test(contents, unpacks_sums_of_products) {
    enum { ROWS = 9, COLS = 14, RANK = 3 };
    char text[MODEL_TEXT];
    for (size_t i = 0; model_format_text(i, OZ_CODEC_INT8, text); i++) {
        model m;
        cr_assert_eq(model_make_rich(&m, text, ROWS, COLS), OZ_OK, "%s", m.err.message);
        const oz_weight *w = &m.contents.weights[0];
        float leaf[ROWS * COLS], a[ROWS * RANK], b[RANK * COLS], out[ROWS * COLS];
        oz_leaf_unpack(&w->terms[0].factors[0], leaf);
        oz_leaf_unpack(&w->terms[1].factors[0], a);
        oz_leaf_unpack(&w->terms[1].factors[1], b);
        cr_assert_eq(oz_weight_unpack(w, out, &m.arena, &m.err), OZ_OK, "%s", m.err.message);
        for (size_t r = 0; r < ROWS; r++)
            for (size_t c = 0; c < COLS; c++) {
                double product = 0, want;
                for (size_t k = 0; k < RANK; k++)
                    product += (double)a[r * RANK + k] * (double)b[k * COLS + c];
                want = (double)w->terms[0].scale * (double)leaf[r * COLS + c] +
                       (double)w->terms[1].scale * product;
                want *= (double)oz_vector_get(&w->row_scale, r);
                cr_assert_eq(out[r * COLS + c], (float)want, "%s [%d][%d]", text, (int)r, (int)c);
            }
        model_free(&m);
    }
}
