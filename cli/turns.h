/* turns.h - the candidates of a plan, all timed in turns, of which the fastest times count.
 *
 * Another process, or a neighbour on a rented machine, slows what runs for milliseconds at a time: of many
 * short trials that take turns each candidate has one that was left alone. */
#ifndef OZ_CLI_TURNS_H
#define OZ_CLI_TURNS_H

#include "cli/verb.h"

typedef struct oz_turns {
    oz_candidate *list; /* in the plan's order; those of a leaf follow each other, the chosen one first */
    size_t n, room, at;
    int code;      /* of the turn under way */
    oz_plan *plan; /* the first one, whose texts the candidates have */
} oz_turns;

/* Plans `m` with OZ_EFFORT_COMPARE and keeps what is new or was faster than in the turns before, which had
 * the same model and options. Gives an exit code, after a message that begins with `title`. */
int oz_turn(oz_turns *turns, const char *title, oz_model *m, const oz_plan_options *opt);
void oz_turns_free(oz_turns *turns);

#endif
