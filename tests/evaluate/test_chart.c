/* Charts of speeds: well formed, complete, whatever the numbers. */
#include "markup.h"

#include <criterion/criterion.h>
#include <math.h>
#include <ounce/tools.h>
#include <stdlib.h>
#include <string.h>

static char *text_of(oz_buffer *b) {
    char *text = calloc(b->bytes + 1, 1);
    cr_assert_not_null(text);
    memcpy(text, b->data, b->bytes);
    oz_buffer_free(b);
    cr_assert(!strstr(text, "nan") && !strstr(text, "inf"), "%s", text);
    is_balanced(text, "chart");
    return text;
}

static size_t count(const char *text, const char *what) {
    size_t n = 0;
    for (; (text = strstr(text, what)); text++) n++;
    return n;
}

Test(chart, rows_stand_in_their_groups) {
    const oz_speed_row rows[] = {{"small <layer>", "dense", "1 us", 1.0, 1.5, 0.0, false},
                                 {"small <layer>", "a rival", "not installed", 0.0, 0.0, 0.0, true},
                                 {"large", "sparse", "2 us", 0.25, 40.0, 3.0, false},
                                 {"large", "nm", "3 us", 4.0, NAN, 3.0, false}};
    oz_buffer svg;
    cr_assert(oz_speed_chart("Speeds & limits", rows, 4, &svg, NULL) == OZ_OK);
    char *text = text_of(&svg);
    cr_assert(strstr(text, "Speeds &amp; limits") && count(text, ">small &lt;layer&gt;<") == 1 &&
              count(text, ">large<") == 1);
    cr_assert(strstr(text, ">a rival<") && strstr(text, ">not installed<"));
    cr_assert(strstr(text, ">target missed<") && strstr(text, ">reached, on target<") &&
              strstr(text, ">32<"));
    free(text);
}

Test(chart, without_rows_it_is_empty) {
    oz_buffer svg;
    cr_assert(oz_speed_chart("nothing", NULL, 0, &svg, NULL) == OZ_OK);
    free(text_of(&svg));
    cr_assert(oz_curves_chart("nothing", NULL, 0, &svg, NULL) == OZ_OK);
    free(text_of(&svg));
}

Test(chart, curves_have_a_panel_each) {
    static const double zeros[] = {0.5, 0.9, 0.99}, speed[] = {0.5, 2.0, 0.0}, level[] = {3.0, 3.0, 3.0};
    const oz_speed_curve curves[] = {{"batch 1", "sparse", zeros, speed, 2, true, false},
                                     {"batch 1", "int8", zeros, level, 3, true, true},
                                     {"batch 64", "sparse", zeros, speed, 3, true, false},
                                     {"batch 64", "int8", zeros, level, 3, true, true}};
    oz_buffer svg;
    cr_assert(oz_curves_chart("Zeros", curves, 4, &svg, NULL) == OZ_OK);
    char *text = text_of(&svg);
    cr_assert(count(text, ">batch 1<") == 1 && count(text, ">batch 64<") == 1);
    cr_assert(count(text, "sparse, 50.0 % zeros: 0.500 x dense f32") == 2 && count(text, ">99 %<") == 2);
    free(text);
}
