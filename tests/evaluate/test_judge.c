/* Rankings from made-up answers: order, ties, winners, families of tests. */
#include "evaluate/comparison.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { N = 1000, ROWS = 8 };

static oz_comparison c;
static oz_ranking ranking;
static oz_row rows[ROWS];
static oz_variant variants[ROWS];
static uint8_t answers[ROWS][N];

/* Row i is right on records [first, first + count). */
static void give(size_t i, const char *name, oz_row_state state, size_t first, size_t count, uint64_t bytes) {
    memset(answers[i] + first, 1, count);
    variants[i] = (oz_variant){.method = name, .base = "net", .right = answers[i], .correct = count};
    variants[i].stored = variants[i].resident = bytes;
    rows[i] = (oz_row){.variant = &variants[i], .state = state};
}

static void judge(size_t n) {
    ranking = (oz_ranking){.budget = 1000, .rows = rows, .n = n};
    c.records = N;
    c.rankings = &ranking;
    c.n_rankings = 1;
    cr_assert(oz_comparison_judge(&c, NULL) == OZ_OK);
}

static const oz_row *named(const char *name) {
    for (size_t i = 0; i < ranking.n; i++) {
        if (strcmp(ranking.rows[i].variant->method, name) == 0) return &ranking.rows[i];
    }
    cr_assert_fail("no row %s", name);
    return NULL;
}

static void finish(void) {
    oz_arena_free(&c.arena);
}

Test(judge, best_first_and_other_states_behind, .fini = finish) {
    give(0, "low", OZ_ROW_RANKED, 0, 500, 900);
    give(1, "dense", OZ_ROW_OVER, 0, 990, 5000);
    give(2, "hashed", OZ_ROW_UNTRAINED, 0, 950, 900);
    give(3, "high", OZ_ROW_RANKED, 0, 900, 900);
    rows[4] = (oz_row){.variant = &(oz_variant){.method = "large", .base = "net"},
                       .state = OZ_ROW_TOO_LARGE,
                       .smallest = 3000};
    rows[5] = (oz_row){.variant = &(oz_variant){.method = "larger", .base = "net"},
                       .state = OZ_ROW_TOO_LARGE,
                       .smallest = 2000};
    judge(6);
    static const char *const order[] = {"high", "low", "hashed", "dense", "larger", "large"};
    for (size_t i = 0; i < 6; i++) cr_assert_str_eq(rows[i].variant->method, order[i]);
    cr_assert(ranking.n_ranked == 2 && ranking.n_tied == 0);
    cr_assert(oz_ranking_winner(&ranking) == &rows[0]);
    cr_assert(rows[0].best && !rows[1].best && !rows[2].best);
    cr_assert(fabs(named("hashed")->difference - 0.05) < 1e-12 && named("hashed")->interval.low > 0.0);
    cr_assert(fabs(named("low")->difference + 0.4) < 1e-12);
}

Test(judge, a_difference_that_is_not_real_makes_no_winner, .fini = finish) {
    give(0, "a", OZ_ROW_RANKED, 0, 900, 900);
    give(1, "b", OZ_ROW_RANKED, 4, 896, 900); /* loses four records: p = 2 / 2^4 */
    give(2, "c", OZ_ROW_RANKED, 100, 800, 900);
    judge(3);
    cr_assert(ranking.n_tied == 1 && named("b")->tied && !named("c")->tied && !named("a")->tied);
    cr_assert(fabs(named("b")->p - 0.125) < 1e-12);
    cr_assert_null(oz_ranking_winner(&ranking));
}

/* Seven records lost: p = 2 / 2^7 = 0.0156, real on its own; among five competitors Holm makes it 0.0156 x 4
 * or less only for the smallest. */
Test(judge, holm_counts_how_often_was_asked, .fini = finish) {
    give(0, "a", OZ_ROW_RANKED, 0, 900, 900);
    give(1, "b", OZ_ROW_RANKED, 7, 893, 900);
    judge(2);
    cr_assert(!named("b")->tied && oz_ranking_winner(&ranking));
    oz_arena_free(&c.arena);
    for (size_t i = 2; i < 5; i++) give(i, i == 2 ? "c" : i == 3 ? "d" : "e", OZ_ROW_RANKED, 7, 893, 900);
    judge(5);
    cr_assert(fabs(named("b")->p - 0.015625) < 1e-12 && fabs(named("b")->adjusted - 0.0625) < 1e-12);
    cr_assert(named("b")->tied && !oz_ranking_winner(&ranking));
}

/* What does not compete must not make it harder for those that do. */
Test(judge, untrained_and_references_are_a_family_of_their_own, .fini = finish) {
    give(0, "a", OZ_ROW_RANKED, 0, 900, 900);
    give(1, "b", OZ_ROW_RANKED, 7, 893, 900);
    give(2, "u", OZ_ROW_UNTRAINED, 7, 893, 900);
    give(3, "r", OZ_ROW_OVER, 7, 893, 9000);
    judge(4);
    cr_assert(fabs(named("b")->adjusted - 0.015625) < 1e-12 && !named("b")->tied);
    cr_assert(fabs(named("u")->adjusted - 0.03125) < 1e-12 && !named("u")->tied);
}

Test(judge, equals_are_ordered_by_bytes_then_name, .fini = finish) {
    give(0, "z", OZ_ROW_RANKED, 0, 900, 800);
    give(1, "y", OZ_ROW_RANKED, 0, 900, 900);
    give(2, "x", OZ_ROW_RANKED, 0, 900, 900);
    judge(3);
    cr_assert_str_eq(rows[0].variant->method, "z");
    cr_assert_str_eq(rows[1].variant->method, "x");
    cr_assert(ranking.n_tied == 2);
}

Test(judge, nothing_fits, .fini = finish) {
    rows[0] = (oz_row){
        .variant = &(oz_variant){.method = "a", .base = ""}, .state = OZ_ROW_TOO_LARGE, .smallest = 9};
    judge(1);
    cr_assert(ranking.n_ranked == 0);
    cr_assert_null(oz_ranking_winner(&ranking));
    judge(0);
    cr_assert_null(oz_ranking_winner(&ranking));
}

Test(judge, kinds_of_methods) {
    static const struct {
        const char *method;
        bool untrained, random;
    } cases[] = {{"hashed:pareto", true, false},
                 {"hashed", true, false},
                 {"lowrank:8", true, false},
                 {"lowrank,codec=int8", true, false},
                 {"dense,codec=int3 + lowrank", false, false},
                 {"sparse + hashed:roast", true, false},
                 {"sparse,score=random", false, true},
                 {"nm:2:8", false, false},
                 {"dense", false, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_assert(oz_method_untrained(cases[i].method) == cases[i].untrained, "%s", cases[i].method);
        cr_assert(oz_method_random(cases[i].method) == cases[i].random, "%s", cases[i].method);
    }
    cr_assert(oz_default_methods_count >= 12);
}
