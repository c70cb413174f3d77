/* test_cost_class.c - the tables of costs: which one serves a CPU, that each knows every kind of kernel, and
 * which line of it serves a kernel. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "base/cpu.h"
#include "runtime/cost.h"

Test(cost, class_of_a_cpu) {
    static const struct {
        oz_cpu_id cpu;
        const char *kind;
        oz_isa best;
    } known[] = {{{"AuthenticAMD", 26, 2}, "zen5", OZ_ISA_AVX512VNNI},
                 {{"AuthenticAMD", 25, 1}, "zen3", OZ_ISA_AVX2},
                 {{"GenuineIntel", 6, 207}, "goldencove", OZ_ISA_AVX512VNNI}};
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        for (int i = 0; i <= (int)known[k].best; i++) {
            char name[64];
            snprintf(name, sizeof name, "%s-%s", known[k].kind, oz_isa_text((oz_isa)i));
            cr_expect_str_eq(oz_cost_class_for(&known[k].cpu, (oz_isa)i)->name, name);
        }
    }
}

/* Who is unknown has the costs of a CPU with the same instructions, if possible of the same maker. */
Test(cost, class_of_an_unknown_cpu) {
    oz_cpu_id zen4 = {"AuthenticAMD", 25, 17}, skylake = {"GenuineIntel", 6, 85}, none = {"", 0, 0};
    for (int i = 0; i < OZ_ISA_COUNT; i++) {
        cr_expect_str_eq(oz_cost_class_for(&zen4, (oz_isa)i)->vendor, zen4.vendor);
        cr_expect_str_eq(oz_cost_class_for(&skylake, (oz_isa)i)->vendor, skylake.vendor);
        cr_expect_eq(oz_cost_class_for(&none, (oz_isa)i)->isa, (oz_isa)i);
    }
    cr_expect_str_eq(oz_cost_class_for(&zen4, OZ_ISA_AVX2)->name, "zen5-avx2");
}

Test(cost, classes_are_complete) {
    static const struct {
        const char *way, *family;
    } kinds[] = {{"mv", "f32"},    {"mv", "i8"},  {"blocks", "f32"}, {"blocks", "u8"},
                 {"blocks", "nz"}, {"mm", "f32"}, {"mm", "u8"},      {"mm", "nz"}};
    for (const oz_cost_class *c = oz_cost_classes; c->name; c++) {
        cr_expect_gt(c->cache_bytes, 0, "%s", c->name);
        cr_expect_geq(c->shared_bytes, c->cache_bytes, "%s", c->name);
        cr_expect(c->awake >= 0 && c->asleep >= 0, "%s", c->name);
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            bool found = false;
            for (size_t i = 0; i < c->n_lines; i++) {
                const oz_cost_line *l = &c->lines[i];
                found = found || (!l->format[0] && strcmp(l->way, kinds[k].way) == 0 &&
                                  strcmp(l->kernel, kinds[k].family) == 0);
            }
            cr_expect(found, "%s has no family %s %s", c->name, kinds[k].way, kinds[k].family);
        }
    }
}

Test(cost, no_coefficient_is_negative) {
    for (const oz_cost_class *c = oz_cost_classes; c->name; c++) {
        for (size_t i = 0; i < c->n_lines; i++) {
            double sum = 0;
            for (size_t k = 0; k < OZ_COST_TERMS; k++) {
                cr_expect(c->lines[i].ns[k] >= 0, "%s, %s", c->name, c->lines[i].kernel);
                sum += c->lines[i].ns[k];
            }
            cr_expect_gt(sum, 0, "%s, %s costs nothing", c->name, c->lines[i].kernel);
        }
    }
}

static const oz_cost_line made_up[] = {{"mm", "dense", "f32", "dense_mm_f32", {1}},
                                       {"mm", "dense", "f16", "dense_mm_f32", {2}},
                                       {"mm", "", "", "f32", {5}},
                                       {"direct", "dense", "f16", "dense_mm_f32", {3}},
                                       {"direct", "", "", "f32", {7}},
                                       {"narrow", "dense", "f32", "dense_mm_f32", {9}}};

Test(cost, own_line_before_the_family) {
    oz_cost_class c = {.lines = made_up, .n_lines = sizeof made_up / sizeof *made_up};
    oz_cost cost = {.way = "mm", .format = "dense", .codec = "f32", .family = "f32", .amount = {1}};
    cr_expect_eq(oz_cost_ns(&c, "dense_mm_f32__avx2", &cost), 1);
    cr_expect_eq(oz_cost_ns(&c, "dense_mm_f32", &cost), 1);
    cr_expect_eq(oz_cost_ns(&c, "dense_mm_f32_wide__avx2", &cost), 5, "not the longer name's");
    cost.codec = "f16";
    cr_expect_eq(oz_cost_ns(&c, "dense_mm_f32__avx2", &cost), 2);
    cost.format = "new";
    cr_expect_eq(oz_cost_ns(&c, "new_mm__avx2", &cost), 5);
    cost.way = "direct";
    cr_expect_eq(oz_cost_ns(&c, "new_mm__avx2", &cost), 7);
    cost.format = "dense";
    cr_expect_eq(oz_cost_ns(&c, "dense_mm_f32__avx2", &cost), 3);
    cost.codec = "f32";
    cr_expect_eq(oz_cost_ns(&c, "dense_mm_f32__avx2", &cost), 1, "by tiles");
    cost.way = "narrow";
    cr_expect_eq(oz_cost_ns(&c, "dense_mm_f32__avx2", &cost), 9);
    cost.codec = "f16";
    cr_expect_eq(oz_cost_ns(&c, "dense_mm_f32__avx2", &cost), 2, "by wider tiles");
    cost.family = "nz";
    cr_expect_gt(oz_cost_ns(&c, "new_mm__avx2", &cost), 7, "nothing is known of it");
}
