/* comparison_methods.c - which methods are compared if nobody says, and what kind a method is. */
#include "evaluate/comparison.h"

#include <string.h>

const char *const oz_default_methods[] = {
    "dense",
    "dense,codec=f16",
    "dense,codec=int6",
    "dense,codec=int5",
    "dense,codec=int4",
    "dense,codec=int3",
    "dense,codec=int2",
    "dense,codec=ternary",
    "sparse,codec=int8",
    "sparse,codec=int4",
    "sparse,codec=int3",
    "nm:8,codec=int8",
    "nm:4,codec=int4",
    "lowrank,codec=int8",
    "dense,codec=int3 + lowrank",
    "hashed:pareto",
    "sparse,codec=int8,score=random",
};
const size_t oz_default_methods_count = sizeof oz_default_methods / sizeof *oz_default_methods;

static bool term_is(const char *term, const char *name) {
    size_t n = strlen(name);
    return strncmp(term, name, n) == 0 && strchr(":,+ ", term[n]);
}

bool oz_method_untrained(const char *method) {
    bool first = true;
    for (const char *term = method; term; term = strchr(term, '+')) {
        term += strspn(term, "+ ");
        if (term_is(term, "hashed") || (first && term_is(term, "lowrank"))) return true;
        first = false;
    }
    return false;
}

const char *oz_base_label(const oz_base_result *base) {
    return strcmp(base->dense->method, "dense,codec=f32") == 0 ? "dense f32" : base->dense->method;
}

bool oz_method_random(const char *method) {
    return strstr(method, "score=random") != NULL;
}
