/* markup.c - see markup.h. */
#include "markup.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <string.h>

void is_balanced(const char *text, const char *what) {
    static const char *const alone[] = {"meta", "!doctype"};
    char open[64][24];
    size_t depth = 0;
    for (const char *p = strchr(text, '<'); p; p = strchr(p + 1, '<')) {
        const char *end = p + strcspn(p, ">");
        size_t n = strcspn(p + 1, " \n/>");
        cr_assert(*end == '>' && n < 24, "%s: a tag does not end: %.40s", what, p);
        if (p[1] == '/') {
            size_t m = (size_t)(end - p) - 2;
            cr_assert(depth > 0 && strlen(open[depth - 1]) == m && strncmp(open[depth - 1], p + 2, m) == 0,
                      "%s: %.*s closes what is not open", what, (int)m + 3, p);
            depth--;
            continue;
        }
        bool empty = end[-1] == '/';
        for (size_t i = 0; i < 2; i++) empty |= strlen(alone[i]) == n && strncmp(p + 1, alone[i], n) == 0;
        if (empty) continue;
        cr_assert(depth < 64, "%s: too deep", what);
        memcpy(open[depth], p + 1, n);
        open[depth++][n] = 0;
    }
    cr_assert(depth == 0, "%s: <%s> is never closed", what, depth ? open[depth - 1] : "");
}
