/* strands.body.h - map pareto, where all of it is in step, times one activation row: one reading of the array
 * serves every fold.
 *
 * Fold f, the f-th M weights in row-major order, is the array from slot h(f) on, round its end. So a slot
 * is one weight of each fold, and a walk through the array takes a strand of W through every fold: 64 slots
 * stay in registers while all strands pass, each with signs, activations and a sum of its own, which goes to
 * y where its row, or its fold, ends. The activations of all strands are the same few kilobytes, so what is
 * read again and again lies in the first-level cache however long the array is. With more activation rows it
 * would not, and there is arithmetic enough for each reading. */

#define STEP 64         /* slots that go by together, and signs of a hash */
#define MOST_STRANDS 64 /* at once */

/* Everything begins and ends at a multiple of STEP, and there are enough folds to share a reading. */
static bool in_step(const oz_leaf *leaf) {
    const uint64_t *v = leaf->param, slots = v[OZ_HASHED_SLOTS];
    const uint64_t all = slots | v[OZ_HASHED_ALIGN] | v[OZ_HASHED_START] | leaf->cols;
    return v[OZ_HASHED_MAP] == OZ_HASHED_PARETO && all % STEP == 0 && slots >= 4 * STEP &&
           leaf->rows * leaf->cols / slots >= 4;
}

/* One fold. Positions count the weights of all leaves, as `start` does. */
typedef struct strand {
    const float *x, *end; /* inputs of its next and its last weight in this row, of the first activations */
    size_t idle;          /* or steps until its weights are wanted */
    size_t row, steps,
        left;          /* steps from `at` to the end of the row, and to the last slot if the fold has it */
    uint64_t at, fold; /* position where it was last looked at, and where the fold begins */
    float sum[OZ_LANES];
} strand;

typedef struct strand_walk {
    size_t strands;
    uint64_t begin, end;                      /* positions that are wanted */
    hash_vector index[MOST_STRANDS / HASHES]; /* of each strand's next signs, in words */
    uint64_t signs[MOST_STRANDS];             /* of this step */
    strand strand[MOST_STRANDS];
} strand_walk;

/* What the strand does from its position on. */
static void strand_enter(const strand_walk *w, strand *t, const oz_leaf *leaf, const oz_rows *x) {
    const bool early = t->at < w->begin;
    if (early || t->at >= w->end) {
        t->x = NULL;
        t->steps = t->idle = early ? oz_min(t->left, (w->begin - t->at) / STEP) : t->left;
        return;
    }
    const uint64_t i = t->at - leaf->param[OZ_HASHED_START], input = i % leaf->cols;
    t->row = i / leaf->cols;
    t->steps = oz_min(t->left, (leaf->cols - input) / STEP);
    t->x = x->f32 + input;
    t->end = t->x + t->steps * STEP;
}

/* Its sums go to y. */
static void strand_deliver(strand *t, float *y) {
    if (!t->x) return;
    y[t->row] += v_sum(v_load(t->sum));
    v_store(t->sum, v_zero());
}

/* Something ended: a row, the fold, or the time that the strand was not wanted. */
static void strand_turn(strand_walk *w, size_t s, const oz_leaf *leaf, const oz_rows *x, float *y) {
    strand *t = &w->strand[s];
    strand_deliver(t, y);
    t->at += t->steps * STEP;
    t->left -= t->steps;
    if (t->left == 0) {
        t->at = t->fold;
        t->left = SIZE_MAX;
        w->index[s / HASHES][s % HASHES] = t->at / STEP;
    }
    strand_enter(w, t, leaf, x);
}

/* The strands of the folds from `first` on, at slot 0. */
static void strands_begin(strand_walk *w, const oz_leaf *leaf, uint64_t first, const oz_rows *x) {
    const uint64_t slots = leaf->param[OZ_HASHED_SLOTS], start = leaf->param[OZ_HASHED_START];
    memset(w->strand, 0, w->strands * sizeof w->strand[0]);
    memset(w->index, 0, sizeof w->index);
    for (size_t s = 0; s < w->strands; s++) {
        strand *t = &w->strand[s];
        t->fold = (first + s) * slots;
        const uint64_t i = oz_max(t->fold, w->begin) - start; /* some weight of it */
        const uint64_t slot = oz_hashed_run_at(leaf, i / leaf->cols, i % leaf->cols, 1).slot;
        const uint64_t within = (i + start + slots - slot) % slots; /* of the weight at slot 0 */
        t->at = t->fold + within;
        t->left = (slots - within) / STEP;
        w->index[s / HASHES][s % HASHES] = t->at / STEP;
        strand_enter(w, t, leaf, x);
    }
}

/* The signs of every strand's next step. */
OZ_INLINE void strand_signs(strand_walk *w, const oz_leaf *leaf, uint64_t key) {
    const uint64_t rule = leaf->param[OZ_HASHED_SIGN], first = leaf->param[OZ_HASHED_START] / STEP;
    const uint8_t *mask = leaf->part[OZ_HASHED_SIGNS].data;
    for (size_t s = 0; s < w->strands; s += HASHES) {
        hash_vector h = w->index[s / HASHES];
        w->index[s / HASHES] = h + 1;
        if (rule == OZ_HASHED_SIGN_HASH) hash_indexes(&h, key);
        memcpy(w->signs + s, &h, sizeof h);
    }
    for (size_t s = 0; rule != OZ_HASHED_SIGN_HASH && s < w->strands; s++) {
        const uint64_t word = w->signs[s] - first;
        w->signs[s] = 0;
        if (rule == OZ_HASHED_SIGN_MASK && w->strand[s].x) memcpy(&w->signs[s], mask + 8 * word, 8);
    }
}

/* 64 weights times their inputs. */
OZ_INLINE void strand_step(const vf16 a[STEP / OZ_LANES], const uint64_t *signs, const float *x,
                           float *sums) {
    vf16 sum = v_zero();
    OZ_UNROLL
    for (size_t j = 0; j < STEP / OZ_LANES; j++) {
        vf16 w = v_flip(a[j], (const uint8_t *)signs + j / 2 * 4, j % 2 * 16);
        sum = v_muladd(w, v_load(x + OZ_LANES * j), sum);
    }
    v_store(sums, v_add(v_load(sums), sum));
}

/* One step of all strands; returns how many of them are to turn, and which. */
OZ_INLINE size_t strands_step(const vf16 a[STEP / OZ_LANES], strand_walk *w, uint8_t turning[MOST_STRANDS]) {
    const size_t strands = w->strands;
    size_t turns = 0;
    for (size_t s = 0; s < strands; s++) {
        strand *t = &w->strand[s];
        if (t->x) {
            strand_step(a, &w->signs[s], t->x, t->sum);
            t->x += STEP;
            if (t->x == t->end) turning[turns++] = (uint8_t)s;
        } else if (--t->idle == 0) {
            turning[turns++] = (uint8_t)s;
        }
    }
    return turns;
}

#define FETCH_AHEAD 2048 /* slots */

OZ_INLINE void strands_walk(oz_codec_kind kind, strand_walk *w, const oz_leaf *leaf, array_reader *array,
                            const oz_rows *x, float *y) {
    const uint64_t key = sign_key(leaf), slots = leaf->param[OZ_HASHED_SLOTS];
    for (size_t slot = 0; slot < slots; slot += STEP) {
        const uint8_t *ahead = array->array + oz_min(slot + FETCH_AHEAD, slots - STEP) * slot_bytes(kind);
        for (size_t byte = 0; byte < STEP * slot_bytes(kind); byte += 64) __builtin_prefetch(ahead + byte);
        if (slot % STRETCH == 0) array_reach(kind, array, slot, oz_min(STRETCH, slots - slot));
        vf16 a[STEP / OZ_LANES];
        OZ_UNROLL
        for (size_t j = 0; j < STEP / OZ_LANES; j++) a[j] = read_slots(kind, array, slot + OZ_LANES * j);
        uint8_t turning[MOST_STRANDS];
        strand_signs(w, leaf, key);
        const size_t turns = strands_step(a, w, turning);
        for (size_t t = 0; t < turns; t++) strand_turn(w, turning[t], leaf, x, y);
    }
    for (size_t s = 0; s < w->strands; s++) strand_deliver(&w->strand[s], y);
}

/* Which folds go together does not depend on the rows that are wanted, so neither does the order in which the
 * parts of a row are added. */
OZ_INLINE void strands_mv(oz_codec_kind kind, const oz_leaf *leaf, size_t panel0, size_t panel1,
                          const oz_rows *x, float *y) {
    const uint64_t slots = leaf->param[OZ_HASHED_SLOTS], start = leaf->param[OZ_HASHED_START];
    strand_walk w;
    array_reader array;
    array_begin(kind, &array, leaf);
    w.begin = start + panel0 * OZ_PANEL * leaf->cols;
    w.end = start + oz_min(panel1 * OZ_PANEL, leaf->rows) * leaf->cols;
    const uint64_t end = w.begin < w.end ? oz_div_up(w.end, slots) : 0;
    for (uint64_t fold = w.begin / slots, n; fold < end; fold += n) {
        n = oz_min(MOST_STRANDS - fold % MOST_STRANDS, end - fold);
        w.strands = n;
        strands_begin(&w, leaf, fold, x);
        strands_walk(kind, &w, leaf, &array, x, y);
    }
}

/* ---- blocks ---- */

/* The run of slots that was last asked for. With pareto it goes on from row to row, and most rows need
 * no hash. */
typedef struct run_memory {
    uint64_t x, n;
    size_t slot;
} run_memory;

OZ_INLINE oz_hashed_run run_at(run_memory *last, const oz_leaf *leaf, size_t r, size_t c, size_t most) {
    uint64_t x = leaf->param[OZ_HASHED_START] + r * leaf->cols + c;
    if (x - last->x >= last->n) {
        oz_hashed_run run = oz_hashed_run_at(leaf, r, c, UINT64_MAX);
        *last = (run_memory){x, run.n, run.slot};
    }
    uint64_t within = x - last->x;
    return (oz_hashed_run){last->slot + within, 1, oz_min(most, last->n - within)};
}

/* The signs of inputs [k0, k0 + n) of 16 rows, signs[r][j] those of the j-th STEP inputs. */
OZ_INLINE void block_signs(const oz_leaf *leaf, size_t r0, size_t rows, size_t k0, size_t n,
                           uint64_t signs[OZ_PANEL][OZ_BLOCK / STEP]) {
    if (leaf->param[OZ_HASHED_SIGN] != OZ_HASHED_SIGN_HASH) {
        for (size_t r = 0; r < rows; r++) {
            for (size_t c = 0; c < n; c += STEP)
                signs[r][c / STEP] = oz_hashed_signs(leaf, (r0 + r) * leaf->cols + k0 + c, STEP);
        }
        return;
    }
    const uint64_t key = sign_key(leaf), row = leaf->cols / STEP;
    uint64_t first = (leaf->param[OZ_HASHED_START] + r0 * leaf->cols + k0) / STEP;
    for (size_t r = 0; r < OZ_PANEL; r += HASHES / 2, first += HASHES / 2 * row) {
        const hash_vector each = hash_series(0, 1);
        hash_vector h = first + each / 2 * row + each % 2;
        hash_indexes(&h, key);
        memcpy(signs[r], &h, sizeof h);
    }
}

/* The buffer is [16 rows][n]. */
OZ_INLINE oz_tile strands_decode(oz_codec_kind kind, const oz_leaf *leaf, size_t panel, size_t k0, size_t n,
                                 float *buffer) {
    const size_t r0 = panel * OZ_PANEL, rows = oz_min(OZ_PANEL, leaf->rows - r0);
    uint64_t signs[OZ_PANEL][OZ_BLOCK / STEP];
    array_reader array;
    run_memory last = {0, 0, 0};
    array_begin(kind, &array, leaf);
    block_signs(leaf, r0, rows, k0, n, signs);
    float *out = buffer;
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < n; c += STEP, out += STEP) {
            const size_t slot = run_at(&last, leaf, r0 + r, k0 + c, STEP).slot;
            const uint8_t *bits = (const uint8_t *)&signs[r][c / STEP];
            array_reach(kind, &array, slot, STEP);
            OZ_UNROLL
            for (size_t j = 0; j < STEP / OZ_LANES; j++) {
                vf16 w = read_slots(kind, &array, slot + OZ_LANES * j);
                v_store(out + OZ_LANES * j, v_flip(w, bits + j / 2 * 4, j % 2 * 16));
            }
        }
    }
    memset(out, 0, (OZ_PANEL - rows) * n * sizeof *buffer);
    return (oz_tile){.p = buffer, .row_stride = n, .k_stride = 1};
}
