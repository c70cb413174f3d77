/* test_image.c - what is written is read again: every leaf, vector and text; sizes are known beforehand. */
#include "tests/formats/container/files.h"

#include "tests/support/models/models.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void expect_vectors_equal(const oz_vector *a, const oz_vector *b, const char *text) {
    cr_assert_eq(a->data == NULL, b->data == NULL, "%s", text);
    if (!a->data) return;
    cr_assert(a->kind == b->kind && a->count == b->count, "%s", text);
    cr_assert(memcmp(a->data, b->data, a->count * oz_float_bytes(a->kind)) == 0, "%s", text);
}

static void expect_weights_equal(const oz_weight *a, const oz_weight *b, const char *text) {
    cr_assert_str_eq(a->name, b->name);
    cr_assert(a->rows == b->rows && a->cols == b->cols && a->n_terms == b->n_terms, "%s", text);
    cr_assert_eq(a->act_i8, b->act_i8, "%s", text);
    expect_vectors_equal(&a->row_scale, &b->row_scale, text);
    for (size_t t = 0; t < a->n_terms; t++) {
        cr_assert_eq(a->terms[t].scale, b->terms[t].scale, "%s", text);
        cr_assert_eq(a->terms[t].n_factors, b->terms[t].n_factors, "%s", text);
        for (size_t f = 0; f < a->terms[t].n_factors; f++)
            cr_assert(model_leaves_equal(&a->terms[t].factors[f], &b->terms[t].factors[f]), "%s", text);
    }
}

static void expect_equal(const oz_contents *a, const oz_contents *b, const char *text) {
    cr_assert(a->n_weights == b->n_weights && a->n_vectors == b->n_vectors && a->n_meta == b->n_meta);
    for (size_t i = 0; i < a->n_weights; i++) expect_weights_equal(&a->weights[i], &b->weights[i], text);
    for (size_t i = 0; i < a->n_vectors; i++) {
        cr_assert_str_eq(a->vectors[i].name, b->vectors[i].name);
        expect_vectors_equal(&a->vectors[i], &b->vectors[i], text);
    }
    cr_assert_eq(a->graph == NULL, b->graph == NULL);
    if (a->graph) cr_assert_str_eq(a->graph, b->graph);
    for (size_t i = 0; i < a->n_meta; i++) {
        cr_assert_str_eq(a->meta[i].key, b->meta[i].key);
        cr_assert_str_eq(a->meta[i].value, b->meta[i].value);
    }
}

static void expect_bytes_add_up(opened *o, const char *text) {
    oz_bytes total, weights[3];
    cr_assert_eq(oz_contents_bytes(&o->contents, &o->file, &total, weights, &o->arena, &o->err), OZ_OK);
    uint64_t sum = total.values + total.index + total.scales + total.vectors + total.padding + total.header;
    cr_assert_eq(sum, o->file.bytes, "%s", text);
    cr_assert_eq(total.total, o->file.bytes, "%s", text);
    uint64_t values = 0, scales = 0;
    for (size_t i = 0; i < o->contents.n_weights; i++) {
        const oz_bytes *b = &weights[i];
        cr_assert_eq(b->total, b->values + b->index + b->scales + b->vectors, "%s", text);
        values += b->values;
        scales += b->scales;
    }
    cr_assert(values == total.values && scales == total.scales, "%s", text);
}

/* Where everything lies, for who reads it in place. */
static void expect_aligned(const oz_safetensors *s) {
    cr_assert_eq(s->header_bytes % 64, 0);
    for (size_t i = 0; i < s->count; i++) {
        const oz_stored *t = &s->tensors[i];
        bool filler = strncmp(t->name, ".pad", 4) == 0;
        cr_assert(filler || t->offset % 64 == 0, "%s", t->name);
        cr_assert(filler || t->type != OZ_STORED_U8 || t->bytes % 64 == 0, "%s", t->name);
    }
}

static void expect_round_trip(model *m, const char *text) {
    oz_image image, again;
    uint64_t size;
    cr_assert_eq(oz_image_size(&m->contents, &size, &m->arena, &m->err), OZ_OK, "%s: %s", text,
                 m->err.message);
    cr_assert_eq(oz_image_build(&m->contents, &image, &m->arena, &m->err), OZ_OK, "%s", m->err.message);
    cr_assert_eq(size, image.bytes, "%s", text);
    file f = file_of_image(&image);
    opened o = {0};
    cr_assert_eq(opened_read(&o, &f, NULL), OZ_OK, "%s: %s: %s", text, o.err.where, o.err.message);
    expect_equal(&m->contents, &o.contents, text);
    expect_aligned(&o.file);
    expect_bytes_add_up(&o, text);
    cr_assert_eq(oz_contents_verify(&o.file, &o.err), OZ_OK, "%s", o.err.message);
    cr_assert_eq(oz_image_build(&o.contents, &again, &o.arena, &o.err), OZ_OK, "%s", o.err.message);
    cr_assert(again.bytes == image.bytes && memcmp(again.data, image.data, image.bytes) == 0,
              "%s: reading and writing changes nothing", text);
    opened_free(&o);
    file_free(&f);
}

Test(image, round_trip_of_every_leaf) {
    char text[MODEL_TEXT];
    for (size_t i = 0; model_leaf_text(i, text); i++) {
        model m;
        cr_assert_eq(model_make_plain(&m, text, 17, 20), OZ_OK, "%s: %s", text, m.err.message);
        expect_round_trip(&m, text);
        model_free(&m);
    }
}

Test(image, round_trip_of_sums_and_large_parts) {
    char text[MODEL_TEXT];
    for (size_t i = 0; model_format_text(i, OZ_CODEC_INT8, text); i++) {
        model m;
        cr_assert_eq(model_make_rich(&m, text, 101, 203), OZ_OK, "%s: %s", text, m.err.message);
        expect_round_trip(&m, text);
        model_free(&m);
    }
}

/* ---- placement -------------------------------------------------------------------- */

static void build(model *m, opened *o, file *f) {
    oz_image image;
    cr_assert_eq(oz_image_build(&m->contents, &image, &m->arena, &m->err), OZ_OK, "%s", m->err.message);
    *f = file_of_image(&image);
    cr_assert_eq(opened_read(o, f, NULL), OZ_OK, "%s", o->err.message);
}

Test(image, float_matrices_have_the_names_that_others_expect) {
    model m;
    opened o = {0};
    file f;
    cr_assert_eq(model_make_rich(&m, "dense,codec=f32", 100, 64), OZ_OK);
    build(&m, &o, &f);
    const oz_stored *c = oz_safetensors_find(&o.file, "c.weight");
    cr_assert(c && c->type == OZ_STORED_F32 && c->rank == 2 && c->dim[0] == 33 && c->dim[1] == 35);
    const oz_stored *a = oz_safetensors_find(&o.file, "a/0.0/values");
    cr_assert(a && a->type == OZ_STORED_F32 && a->dim[0] == 100 && a->dim[1] == 64);
    cr_assert_eq(o.contents.weights[0].terms[0].factors[0].part[0].data, a->data);
    cr_assert_eq(o.contents.weights[1].terms[0].factors[0].part[0].data, a->data, "b shares it");
    oz_bytes total, each[3];
    cr_assert_eq(oz_contents_bytes(&o.contents, &o.file, &total, each, &o.arena, &o.err), OZ_OK);
    cr_assert_geq(each[0].values, 100 * 64 * 4, "what is shared counts for the first");
    cr_assert_eq(each[1].values, 0);
    cr_assert_eq(o.file.count, 3, "a, small and c: no filler");
    cr_assert_eq(o.file.tensors[2].bytes, 33 * 35 * 4, "the last tensor needs no padding");
    opened_free(&o);
    file_free(&f);
    model_free(&m);
}

/* Three matrices of 33 x 33 floats: fillers between them, none after the last. */
Test(image, fillers_keep_matrices_aligned) {
    model m = {0};
    oz_weight weights[3];
    oz_term terms[3];
    oz_leaf leaves[3];
    const char *const names[] = {"x", "y", "z"};
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(model_pack(&leaves[i], "dense,codec=f32", 33, 33, i, &m.arena, &m.err), OZ_OK);
        terms[i] = (oz_term){.scale = 1, .factors = &leaves[i], .n_factors = 1};
        weights[i] = (oz_weight){.name = names[i], .rows = 33, .cols = 33, .terms = &terms[i], .n_terms = 1};
    }
    m.contents = (oz_contents){.weights = weights, .n_weights = 3};
    opened o = {0};
    file f;
    build(&m, &o, &f);
    cr_assert_eq(o.file.count, 5);
    cr_assert_str_eq(o.file.tensors[1].name, ".pad0");
    cr_assert_str_eq(o.file.tensors[3].name, ".pad1");
    expect_aligned(&o.file);
    oz_bytes total;
    cr_assert_eq(oz_contents_bytes(&o.contents, &o.file, &total, NULL, &o.arena, &o.err), OZ_OK);
    cr_assert_eq(total.values, 3 * 33 * 33 * 4);
    cr_assert_eq(total.padding, o.file.tensors[1].bytes + o.file.tensors[3].bytes);
    opened_free(&o);
    file_free(&f);
    model_free(&m);
}

/* A size can be asked for before anything is packed. */
Test(image, size_of_what_is_not_packed) {
    model m;
    cr_assert_eq(model_make_plain(&m, "dense,codec=int4,group=32", 64, 256), OZ_OK);
    uint64_t packed, empty;
    cr_assert_eq(oz_image_size(&m.contents, &packed, &m.arena, &m.err), OZ_OK);
    oz_leaf *leaf = &m.contents.weights[0].terms[0].factors[0];
    memset(leaf->part, 0, sizeof leaf->part);
    cr_assert_eq(oz_image_size(&m.contents, &empty, &m.arena, &m.err), OZ_OK);
    cr_assert_eq(packed, empty);
    oz_image image;
    cr_assert_eq(oz_image_build(&m.contents, &image, &m.arena, &m.err), OZ_ERR_ARGUMENT);
    model_free(&m);
}

Test(image, refuses_names_that_a_file_cannot_hold) {
    char long_name[300];
    memset(long_name, 'n', sizeof long_name);
    long_name[sizeof long_name - 1] = 0;
    const struct {
        const char *name;
        oz_status status;
    } cases[] = {{"", OZ_ERR_FORMAT},
                 {"a\nb", OZ_ERR_FORMAT},
                 {"a\x80", OZ_ERR_FORMAT},
                 {"\xed\xa0\x80", OZ_ERR_FORMAT},
                 {"a\x7f", OZ_ERR_FORMAT},
                 {long_name, OZ_ERR_LIMIT},
                 {"ok", OZ_OK}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        model m;
        uint64_t size;
        cr_assert_eq(model_make_plain(&m, "dense,codec=f32", 3, 3), OZ_OK);
        m.contents.weights[0].name = cases[i].name;
        cr_expect_eq(oz_image_size(&m.contents, &size, &m.arena, &m.err), cases[i].status, "name %d", (int)i);
        m.contents.weights[0].name = "w";
        m.contents.vectors[0].name = cases[i].name;
        cr_expect_eq(oz_image_size(&m.contents, &size, &m.arena, &m.err), cases[i].status, "vector %d",
                     (int)i);
        model_free(&m);
    }
}

Test(image, refuses_what_would_stand_twice) {
    model m;
    uint64_t size;
    cr_assert_eq(model_make_rich(&m, "dense,codec=f32", 3, 3), OZ_OK);
    oz_contents *c = &m.contents;
    c->weights[2].name = "a";
    cr_expect_eq(oz_image_size(c, &size, &m.arena, &m.err), OZ_ERR_FORMAT);
    c->weights[2].name = "c";
    c->vectors[2].name = "norm";
    cr_expect_eq(oz_image_size(c, &size, &m.arena, &m.err), OZ_ERR_FORMAT);
    c->vectors[2].name = "c.bias";
    c->meta[0].key = "graph";
    cr_expect_eq(oz_image_size(c, &size, &m.arena, &m.err), OZ_ERR_FORMAT);
    c->meta[0].key = "method";
    cr_expect_eq(oz_image_size(c, &size, &m.arena, &m.err), OZ_ERR_FORMAT);
    c->meta[0].key = "source";
    cr_expect_eq(oz_image_size(c, &size, &m.arena, &m.err), OZ_OK);
    model_free(&m);
}

/* The bytes of the file's description: "    00000000: 3801 0000 ..." in README.md. */
static size_t read_example(uint8_t *out, size_t room) {
    FILE *f = fopen(OZ_SOURCE_DIR "/formats/container/README.md", "r");
    char line[256];
    size_t bytes = 0;
    unsigned at, pairs[8];
    cr_assert(f);
    while (fgets(line, sizeof line, f)) {
        if (sscanf(line, "    %8x: %4x %4x %4x %4x %4x %4x %4x %4x", &at, &pairs[0], &pairs[1], &pairs[2],
                   &pairs[3], &pairs[4], &pairs[5], &pairs[6], &pairs[7]) != 9)
            continue;
        cr_assert(at == bytes && bytes + 16 <= room);
        for (int i = 0; i < 8; i++) {
            out[bytes++] = (uint8_t)(pairs[i] >> 8);
            out[bytes++] = (uint8_t)pairs[i];
        }
    }
    fclose(f);
    return bytes;
}

Test(image, example_of_the_description_is_a_file) {
    uint8_t bytes[1024];
    oz_arena arena = {0};
    oz_image image;
    const oz_image example = {.data = bytes, .bytes = read_example(bytes, sizeof bytes)};
    file f = file_of_image(&example);
    opened o = {0};
    cr_assert_eq(opened_read(&o, &f, NULL), OZ_OK, "%s", o.err.message);
    cr_assert_eq(oz_contents_verify(&o.file, &o.err), OZ_OK, "%s", o.err.message);
    float w[8];
    const float want[8] = {1, -1, 0.5f, 0, 2, 0, 0, -3};
    cr_assert_eq(oz_weight_unpack(oz_contents_weight(&o.contents, "fc"), w, &o.arena, &o.err), OZ_OK);
    for (int i = 0; i < 8; i++) cr_assert_eq(w[i], want[i]);
    const oz_vector *bias = oz_contents_vector(&o.contents, "fc.bias");
    cr_assert(bias->count == 2 && oz_vector_get(bias, 0) == 1 && oz_vector_get(bias, 1) == -1);
    cr_assert_eq(oz_image_build(&o.contents, &image, &arena, &o.err), OZ_OK, "%s", o.err.message);
    cr_assert(image.bytes == f.bytes && memcmp(image.data, f.data, f.bytes) == 0, "it is what we write");
    oz_arena_free(&arena);
    opened_free(&o);
    file_free(&f);
}

/* ---- for other programs ------------------------------------------------------------ */

/* python_open.sh asks for the files of all models in the folder OZ_TEST_WRITE. */
Test(image, files_for_other_programs) {
    const char *folder = getenv("OZ_TEST_WRITE");
    if (!folder) cr_skip_test("OZ_TEST_WRITE names no folder");
    char text[MODEL_TEXT], path[1024];
    for (size_t i = 0; model_leaf_text(i, text); i++) {
        model m;
        oz_image image;
        cr_assert_eq(model_make_rich(&m, text, 77, 150), OZ_OK, "%s", m.err.message);
        cr_assert_eq(oz_image_build(&m.contents, &image, &m.arena, &m.err), OZ_OK, "%s", m.err.message);
        snprintf(path, sizeof path, "%s/%d.safetensors", folder, (int)i);
        FILE *out = fopen(path, "wb");
        cr_assert(out && fwrite(image.data, 1, image.bytes, out) == image.bytes && fclose(out) == 0);
        model_free(&m);
    }
}
