/* mix.c - after item i, least[c] is the smallest error of items 0 to i in exactly c units; pick[i][c] is the
 * choice of item i in that solution. */
#include "converters/compress/mix.h"

#include "base/memory.h"
#include "converters/host.h"
#include "base/arith.h"

#include <math.h>

enum { LEAST_UNIT = 16, MOST_UNITS = 16384 };

typedef struct mixer {
    const oz_choice *choices;
    size_t items, each;
    uint64_t unit, units; /* bytes of one, and how many there are above every item's cheapest choice */
    double *least, *next; /* [units + 1] */
    uint8_t *pick;        /* [items][units + 1] */
} mixer;

/* Of equally cheap ones, that with the least error. */
static size_t cheapest(const oz_choice *choice, size_t each) {
    size_t best = 0;
    for (size_t k = 1; k < each; k++) {
        bool cheaper = choice[k].bytes < choice[best].bytes, as_cheap = choice[k].bytes == choice[best].bytes;
        if (cheaper || (as_cheap && choice[k].error < choice[best].error)) best = k;
    }
    return best;
}

/* Units of choice k above the cheapest one of its item. */
static uint64_t cost(const mixer *m, size_t item, size_t k) {
    const oz_choice *choice = m->choices + item * m->each;
    return oz_div_up(choice[k].bytes - choice[cheapest(choice, m->each)].bytes, m->unit);
}

static void offer(const mixer *m, size_t item, size_t k) {
    uint8_t *pick = m->pick + item * (m->units + 1);
    double error = m->choices[item * m->each + k].error;
    for (uint64_t units = cost(m, item, k), c = units; c <= m->units; c++) {
        double sum = m->least[c - units] + error;
        if (sum >= m->next[c]) continue;
        m->next[c] = sum;
        pick[c] = (uint8_t)k;
    }
}

static void add_items(mixer *m) {
    for (uint64_t c = 0; c <= m->units; c++) m->least[c] = c == 0 ? 0 : INFINITY;
    for (size_t i = 0; i < m->items; i++) {
        for (uint64_t c = 0; c <= m->units; c++) m->next[c] = INFINITY;
        for (size_t k = 0; k < m->each; k++) offer(m, i, k);
        double *swap = m->least;
        m->least = m->next;
        m->next = swap;
    }
}

static uint64_t best_units(const mixer *m, double slack) {
    uint64_t best = 0, most = m->units;
    for (uint64_t c = 1; c <= m->units; c++)
        if (m->least[c] < m->least[best]) best = c;
    while (most > best && !(m->least[most] < m->least[best] + slack)) most--;
    return most;
}

static void read_back(const mixer *m, uint64_t c, size_t *picked) {
    for (size_t i = m->items; i-- > 0;) {
        picked[i] = m->pick[i * (m->units + 1) + c];
        c -= cost(m, i, picked[i]);
    }
}

oz_status oz_mix(const oz_choice *choices, size_t items, size_t each, uint64_t capacity, double slack,
                 size_t *picked, oz_error *err) {
    mixer m = {.choices = choices, .items = items, .each = each};
    uint64_t least = 0;
    for (size_t i = 0; i < items; i++) {
        picked[i] = cheapest(choices + i * each, each);
        least += choices[i * each + picked[i]].bytes;
    }
    if (least >= capacity) return OZ_OK;
    m.unit = oz_max(LEAST_UNIT, oz_div_up(capacity - least, MOST_UNITS));
    m.units = (capacity - least) / m.unit;
    oz_arena memory = {0};
    m.least = oz_arena_array(&memory, m.units + 1, sizeof *m.least);
    m.next = oz_arena_array(&memory, m.units + 1, sizeof *m.next);
    m.pick = oz_arena_array(&memory, items * (m.units + 1), sizeof *m.pick);
    bool ok = m.least && m.next && m.pick;
    if (ok) add_items(&m);
    if (ok) read_back(&m, best_units(&m, slack), picked);
    oz_arena_free(&memory);
    return ok ? OZ_OK : oz_no_memory("", err);
}
