/* recipe.h - which method each layer gets: lines "GLOB = METHOD", of which the last match wins.
 *
 * Besides layers' names a line may name @first and @last, the graph's first and last layer, and @bias, whose
 * right side is f32, f16 or bf16. '#' begins a comment. A layer that no line matches stays as it is. */
#ifndef OZ_CONVERTERS_RECIPE_H
#define OZ_CONVERTERS_RECIPE_H

#include "converters/compress/method.h"

typedef struct oz_recipe_line {
    const char *glob;
    size_t number; /* of the line in the user's own recipe; 0: of the policy, or a method alone */
    oz_method method;
} oz_recipe_line;

typedef struct oz_recipe {
    oz_recipe_line *lines;
    size_t n_lines;
    oz_codec_kind bias; /* OZ_CODEC_COUNT: as they are */
} oz_recipe;

/* "* = METHOD" then the policy, or the policy then the recipe. Everything lives in the arena.
 * Errors: ARGUMENT, naming line and place. */
oz_status oz_recipe_read(oz_recipe *out, const oz_compress_options *opt, oz_arena *arena, oz_error *err);
bool oz_recipe_matches(const oz_recipe_line *line, const char *layer, bool first, bool last);
/* Index of the line that wins, or n_lines. */
size_t oz_recipe_find(const oz_recipe *r, const char *layer, bool first, bool last);

#endif
