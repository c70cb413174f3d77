/* turns.c - see turns.h. */
#include "cli/turns.h"

#include <math.h>
#include <stdlib.h>

#include "cli/model.h"
#include "cli/terminal.h"

static void add(void *ctx, const oz_candidate *c) {
    oz_turns *t = ctx;
    if (t->n == t->room && !t->code) {
        t->room = t->room ? 2 * t->room : 64;
        oz_candidate *more = realloc(t->list, t->room * sizeof *more);
        if (!more) t->code = oz_memory_error();
        if (more) t->list = more;
    }
    if (!t->code) t->list[t->n++] = *c;
}

/* The cost table decides the order, so that a plan that is made again has the same candidates. */
static void keep_fastest(void *ctx, const oz_candidate *c) {
    oz_turns *t = ctx;
    oz_candidate *before = &t->list[t->at++];
    before->measured_ns = fmin(before->measured_ns, c->measured_ns);
}

int oz_turn(oz_turns *t, const char *title, oz_model *m, const oz_plan_options *given) {
    oz_plan_options opt = *given;
    oz_plan *plan;
    oz_error err = {0};
    opt.effort = OZ_EFFORT_COMPARE;
    if (oz_plan_create(m, &opt, &plan, &err) != OZ_OK) return oz_report_error(title, &err);
    t->at = 0;
    t->code = EXIT_DONE;
    oz_plan_explain(plan, t, t->plan ? keep_fastest : add);
    if (t->plan)
        oz_plan_free(plan);
    else
        t->plan = plan;
    if (!t->code && oz_terminal_interrupted()) t->code = EXIT_INTERRUPTED;
    return t->code;
}

void oz_turns_free(oz_turns *t) {
    oz_plan_free(t->plan);
    free(t->list);
    *t = (oz_turns){0};
}
