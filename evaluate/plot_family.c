/* plot_family.c - how a method looks and is called in plots.
 *
 * Methods of one family share colour and mark, so that a plot of twenty curves still reads as six ideas. */
#include "evaluate/plot.h"

#include "evaluate/number.h"

#include <stdio.h>
#include <string.h>

enum { DENSE, SPARSE, NM, LOWRANK, SUM, HASHED, RANDOM, READY, OTHER };

const oz_family oz_families[] = {[DENSE] = {"dense", "k0", OZ_SHAPE_CIRCLE},
                                 [SPARSE] = {"sparse", "k1", OZ_SHAPE_SQUARE},
                                 [NM] = {"N:M", "k2", OZ_SHAPE_TRIANGLE},
                                 [LOWRANK] = {"low rank", "k3", OZ_SHAPE_DIAMOND},
                                 [SUM] = {"sum of terms", "k4", OZ_SHAPE_DOWN},
                                 [HASHED] = {"hashed, untrained", "k5", OZ_SHAPE_HEXAGON},
                                 [RANDOM] = {"random pruning", "k6", OZ_SHAPE_CROSS},
                                 [READY] = {"ready-made", "k7", OZ_SHAPE_STAR},
                                 [OTHER] = {"other", "k6", OZ_SHAPE_HEXAGON}};
const size_t oz_families_count = sizeof oz_families / sizeof *oz_families;

const oz_family *oz_family_of(const char *method, oz_variant_kind kind) {
    static const struct {
        const char *start;
        int family;
    } starts[] = {
        {"dense", DENSE}, {"sparse", SPARSE}, {"nm:", NM}, {"lowrank", LOWRANK}, {"hashed", HASHED}};
    if (kind == OZ_VARIANT_READY) return &oz_families[READY];
    if (oz_method_random(method)) return &oz_families[RANDOM];
    if (strchr(method, '+')) return &oz_families[SUM];
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        if (strncmp(method, starts[i].start, strlen(starts[i].start)) == 0)
            return &oz_families[starts[i].family];
    }
    return &oz_families[OTHER];
}

const char *oz_method_short(const char *method, char *out, size_t room) {
    static const char *const dropped[] = {",codec=", ",score="};
    size_t n = 0;
    while (*method && n + 1 < room) {
        size_t skip = 0;
        for (size_t i = 0; i < 2; i++) {
            if (strncmp(method, dropped[i], strlen(dropped[i])) == 0) skip = strlen(dropped[i]);
        }
        out[n++] = skip ? ' ' : *method;
        method += skip ? skip : 1;
    }
    out[n] = 0;
    return out;
}

const char *oz_variant_label(const oz_comparison *c, const oz_variant *v, char *out, size_t room) {
    char method[128];
    oz_method_short(v->method, method, sizeof method);
    bool several = c->n_bases > 1 && v->base[0];
    snprintf(out, room, "%s%s%s", several ? v->base : "", several ? " \xc2\xb7 " : "", method);
    return out;
}

const char *oz_variant_title(const oz_comparison *c, const oz_variant *v, char *out, size_t room) {
    snprintf(out, room, "%s%s%s%s%s\n%s bytes (%s)\n%s %% \xc2\xb1 %s", v->base,
             v->base[0] ? " \xc2\xb7 " : "", v->method, v->setting[0] ? ", " : "", v->setting,
             oz_show_count(oz_variant_size(c, v)).text, oz_show_bytes(oz_variant_size(c, v)).text,
             oz_show_fixed(100.0 * oz_variant_accuracy(c, v), 1).text,
             oz_show_fixed(100.0 * oz_half_width(v->accuracy), 1).text);
    return out;
}

const char *oz_classes(char *out, size_t room, const char *a, const char *b, const char *c) {
    snprintf(out, room, "%s %s %s", a, b, c);
    return out;
}

double oz_family_key(oz_text *t, const bool *used, double x, double y) {
    double start = x;
    for (size_t i = 0; i < oz_families_count; i++) {
        char classes[32];
        if (!used[i]) continue;
        const oz_family *f = &oz_families[i];
        oz_svg_mark(t, f->shape, x + 5.0, y - 4.0, 4.5,
                    oz_classes(classes, sizeof classes, "mark", f->colour, ""), NULL);
        oz_svg_text(t, x + 15.0, y, "soft", f->name);
        x += 15.0 + oz_text_width(f->name, 12.0) + 16.0;
    }
    return x - start;
}
