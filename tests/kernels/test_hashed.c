/* test_hashed.c - the kernels of hashed leaves on every instruction set of this machine, against the format's
 * own rows: decoders to the bit, products within the bound of their sums. */
#include "formats/hashed/hashed.h"
#include "kernels/kernel.h"

#include "tests/support/chance.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Bytes that end where a page begins that must not be touched. */
typedef struct guarded {
    void *data;
    char *pages, *guard;
} guarded;

static size_t page_bytes(void) {
    return (size_t)sysconf(_SC_PAGESIZE);
}

static guarded guarded_make(size_t bytes) {
    size_t page = page_bytes(), inside = (bytes + page - 1) / page * page;
    void *pages = NULL;
    cr_assert_eq(posix_memalign(&pages, page, inside + page), 0);
    guarded g = {(char *)pages + inside - bytes, pages, (char *)pages + inside};
    cr_assert_eq(mprotect(g.guard, page, PROT_NONE), 0);
    return g;
}

static void guarded_free(guarded g) {
    cr_assert_eq(mprotect(g.guard, page_bytes(), PROT_READ | PROT_WRITE), 0);
    free(g.pages);
}

static float chance_float(chance *dice) {
    return (float)(chance_unit(dice) * 2 - 1);
}

typedef struct case_leaf {
    oz_leaf leaf;
    guarded part[3];
    float *w; /* [rows][cols], by the format's rows */
} case_leaf;

static const char *const maps[] = {
    "pareto,slots=3000,start=123456789",
    "pareto,slots=37",
    "pareto,slots=40000",
    "pareto,slots=3072,align=64",
    "roast,slots=4096,align=64",
    "robe,slots=700,chunk=48",
    "robe,slots=64",
    "roast,slots=5000,start=77",
    "roast,slots=1025,block_k=64,block_n=16",
    "roast,slots=1100,block_k=7,block_n=48",
    "roast,slots=9000,block_k=100,block_n=64",
    "roast,slots=2000,block_k=5,block_n=24",
};
static const char *const codecs[] = {"f32",           "f16", "bf16", "int8", "int8,group=32,scale=f32",
                                     "int8,group=128"};
static const char *const signs[] = {"hash,seed=11", "none", "mask"};
enum { MAPS = sizeof maps / sizeof *maps, CODECS = sizeof codecs / sizeof *codecs, SIGNS = 3 };

static void make_case(case_leaf *c, size_t which, size_t rows, size_t cols, char text[160], chance *dice) {
    snprintf(text, 160, "hashed:%s,sign=%s,codec=%s", maps[which % MAPS], signs[which / MAPS % SIGNS],
             codecs[which / MAPS / SIGNS]);
    oz_error err = {0};
    uint64_t bytes[OZ_MAX_PARTS] = {0};
    *c = (case_leaf){.leaf = {.rows = rows, .cols = cols, .name = text}};
    cr_assert_eq(oz_leaf_parse(&c->leaf, text, strlen(text), true, &err), OZ_OK, "%s", err.message);
    cr_assert_eq(c->leaf.format->layout(&c->leaf, bytes, &err), OZ_OK, "%s", err.message);
    for (size_t i = 0; i < 3; i++) {
        c->part[i] = guarded_make(bytes[i]);
        uint8_t *p = c->part[i].data;
        for (size_t b = 0; b < bytes[i]; b++) p[b] = (uint8_t)chance_u64(dice);
        c->leaf.part[i] = (oz_part){p, bytes[i], OZ_NO_OFFSET};
    }
    oz_codec_kind kind = c->leaf.codec.kind, scale = c->leaf.codec.scale_f32 ? OZ_CODEC_F32 : OZ_CODEC_F16;
    bool integer = kind == OZ_CODEC_INT8;
    size_t part = integer ? OZ_HASHED_SCALES : OZ_HASHED_ARRAY;
    for (size_t i = 0; i < bytes[part] / oz_float_bytes(integer ? scale : kind); i++)
        oz_float_put(integer ? scale : kind, c->part[part].data, i, chance_float(dice));
    cr_assert_eq(oz_leaf_check(&c->leaf, &err), OZ_OK, "%s", err.message);
    c->w = malloc(rows * cols * sizeof *c->w);
    oz_leaf_unpack(&c->leaf, c->w);
}

static void free_case(case_leaf *c) {
    for (size_t i = 0; i < 3; i++) guarded_free(c->part[i]);
    free(c->w);
}

/* |got - want| <= (K + 2) u sum|terms|, and one more for what y held before. */
static void check_product(const case_leaf *c, const oz_mv *mv, size_t m, chance *dice) {
    size_t rows = c->leaf.rows, cols = c->leaf.cols, panels = (rows + 15) / 16,
           ld = cols + chance_below(dice, 3);
    guarded x = guarded_make((ld * (m - 1) + cols) * sizeof(float));
    guarded y = guarded_make(rows * m * sizeof(float));
    float *in = x.data, *out = y.data;
    for (size_t i = 0; i < ld * (m - 1) + cols; i++) in[i] = chance_float(dice);
    for (size_t i = 0; i < rows * m; i++) out[i] = 0.5f;
    oz_rows activations = {.m = m, .k = cols, .f32 = in, .ld = ld};
    size_t p0 = chance_below(dice, panels), p1 = p0 + 1 + chance_below(dice, panels - p0);
    mv->run(&c->leaf, p0, p1, &activations, out, rows);
    for (size_t i = 0; i < m; i++) {
        for (size_t r = 0; r < rows; r++) {
            double want = 0.5, size = 0.5;
            bool asked = r >= 16 * p0 && r < 16 * p1;
            for (size_t k = 0; k < cols && asked; k++) {
                double term = (double)c->w[r * cols + k] * (double)in[i * ld + k];
                want += term;
                size += fabs(term);
            }
            double got = (double)out[i * rows + r];
            cr_assert(fabs(got - want) <= (double)(cols + 3) * 0x1p-24 * size * asked,
                      "%s, %s, m %d: y[%d] = %g, want %g", mv->name, c->leaf.name, (int)m, (int)r, got, want);
        }
    }
    guarded_free(x);
    guarded_free(y);
}

static void check_decoder(const case_leaf *c, const oz_decoder *d, chance *dice) {
    size_t rows = c->leaf.rows, cols = c->leaf.cols;
    for (size_t panel = 0; panel < (rows + 15) / 16; panel++) {
        size_t k0 = chance_below(dice, (cols + OZ_BLOCK - 1) / OZ_BLOCK) * OZ_BLOCK;
        size_t n = cols - k0 < OZ_BLOCK ? cols - k0 : OZ_BLOCK;
        guarded buffer = guarded_make((OZ_PANEL * n * sizeof(float) + 63) / 64 * 64);
        oz_tile tile = d->f32(&c->leaf, panel, k0, n, buffer.data);
        for (size_t i = 0; i < OZ_PANEL * n; i++) {
            size_t r = i / n, k = i % n;
            float got = tile.p[r * tile.row_stride + k * tile.k_stride];
            float want = panel * 16 + r < rows ? c->w[(panel * 16 + r) * cols + k0 + k] : 0.0f;
            cr_assert(got == want, "%s, %s: [%d][%d] = %g, want %g", d->name, c->leaf.name,
                      (int)(panel * 16 + r), (int)(k0 + k), (double)got, (double)want);
        }
        guarded_free(buffer);
    }
}

static void check_leaf(const case_leaf *c, const oz_kernels *kernels, chance *dice) {
    size_t products = 0, decoders = 0;
    for (const oz_mv *mv = kernels->mv; mv->name; mv++) {
        if (!mv->takes(&c->leaf)) continue;
        for (size_t m = 1; m <= OZ_MV_BATCH; m++) check_product(c, mv, m, dice);
        products++;
    }
    for (const oz_decoder *d = kernels->decoders; d->name; d++) {
        if (!d->takes(&c->leaf)) continue;
        check_decoder(c, d, dice);
        decoders++;
    }
    cr_assert_eq(decoders, 1, "%s", c->leaf.name);
    cr_assert_eq(products, c->leaf.param[OZ_HASHED_BLOCK_N] == 24 ? 0 : 1, "%s", c->leaf.name);
}

Test(hashed_kernels, agree_with_rows) {
    chance dice = chance_make();
    for (size_t which = 0; which < (size_t)MAPS * CODECS * SIGNS; which++) {
        case_leaf c;
        char text[160];
        size_t cols = 1 + chance_below(&dice, which % 7 == 0 ? 3000 : 300);
        make_case(&c, which, 1 + chance_below(&dice, 70), cols, text, &dice);
        for (int isa = 0; isa <= (int)oz_cpu_isa(); isa++)
            check_leaf(&c, oz_kernels_of(c.leaf.format, (oz_isa)isa), &dice);
        free_case(&c);
    }
}
