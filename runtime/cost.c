/* cost.c - see cost.h. */
#include "runtime/cost.h"

#include <math.h>
#include <string.h>

#include "base/arith.h"
#include "runtime/multiply/leaf.h"

static const char *way_text(oz_way way) {
    static const char *const texts[] = {[OZ_WAY_MV] = "mv",
                                        [OZ_WAY_BLOCKS] = "blocks",
                                        [OZ_WAY_MM] = "mm",
                                        [OZ_WAY_DNNL] = "onednn",
                                        [OZ_WAY_UNPACK] = "unpack"};
    return texts[way];
}

static const char *family_of(const oz_choice *choice) {
    const oz_decoder *d = choice->decoder;
    if (choice->way == OZ_WAY_MV) return choice->mv->act_i8 ? "i8" : "f32";
    if (!d) return "f32";
    return d->plain ? "plain" : d->nz || d->nz_codes ? "nz" : d->u8 ? "u8" : "f32";
}

/* Lanes of a tile of so many columns: as few as the kernel takes. */
static size_t lanes_for(const oz_choice *choice, size_t columns) {
    const bool takes_8 = choice->way == OZ_WAY_MM && choice->decoder->nz;
    return takes_8 && columns <= 8 ? 8 : oz_lanes_for(columns);
}

/* Columns that are multiplied where a kernel reads tiles: full ones, and a last one that is padded. */
static uint64_t padded(const oz_primitives *prim, const oz_choice *choice, uint64_t columns) {
    uint64_t rest = columns % oz_choice_tile(prim, choice, columns);
    return columns - rest + (rest ? lanes_for(choice, rest) : 0);
}

static const char *way_of(const oz_choice *choice, uint64_t columns, bool direct) {
    if (direct) return "direct";
    return choice->way == OZ_WAY_MM && columns <= OZ_NARROW ? "narrow" : way_text(choice->way);
}

static bool multiplies_zeros(const oz_choice *choice) {
    const oz_decoder *d = choice->decoder;
    return choice->way != OZ_WAY_MV && !(d && (d->nz || d->nz_codes));
}

/* Rows that fill the last panel cost what others do. */
static bool takes_panels(const oz_choice *choice) {
    return !oz_calls_onednn(choice) && !(choice->way == OZ_WAY_MV && choice->mv->row_by_row);
}

/* The share of `bytes`, read again and again, that a cache does not hold. What is a little smaller is not
 * alone there, and of what is a little larger a part stays. */
static double share_missed(double bytes, double cache) {
    return fmin(fmax((bytes / cache - 0.6) / 0.8, 0), 1);
}

void oz_cost_of(const oz_cost_class *costs, const oz_leaf_plan *lp, const oz_choice *choice, uint64_t columns,
                oz_cost *out) {
    const oz_leaf *leaf = lp->leaf;
    const bool rows = oz_reads_rows(choice);
    uint64_t tiles = oz_div_up(columns, rows ? OZ_MV_BATCH : OZ_COLUMNS);
    double n = (double)(rows ? columns : padded(oz_primitives_of(costs->isa), choice, columns));
    double height = (double)(takes_panels(choice) ? oz_round_up(leaf->rows, OZ_PANEL) : leaf->rows);
    double weights = height * (double)leaf->cols, stored = leaf->format->nonzeros ? lp->nonzeros : weights;
    const bool direct = oz_is_direct(lp, choice, columns);
    *out = (oz_cost){.way = way_of(choice, columns, direct),
                     .format = oz_leaf_variant(leaf),
                     .codec = oz_codec_name(leaf->codec.kind),
                     .family = family_of(choice)};
    out->amount[OZ_COST_ONCE] = 1;
    out->amount[OZ_COST_CALLS] = (double)tiles;
    out->amount[OZ_COST_SUMS] = height * (double)oz_div_up(leaf->cols, OZ_BLOCK) * n;
    out->amount[OZ_COST_PRODUCTS] = stored * n;
    if (multiplies_zeros(choice)) out->amount[OZ_COST_PLACES] = weights * n;
    if (lp->takes_rows && (rows ? lp->reads_i8 : !direct))
        out->amount[OZ_COST_GATHERED] = (double)leaf->cols * n;
    if (rows || (lp->gives_rows && !direct)) out->amount[OZ_COST_SCATTERED] = (double)leaf->rows * n;
    double passes = (double)tiles;
    if (choice->way == OZ_WAY_UNPACK) passes = 1; /* once, whatever the number of tiles */
    if (choice->way == OZ_WAY_MM)
        passes = (double)oz_div_up(
            tiles, oz_group_tiles(costs->cache_bytes, oz_div_up(leaf->rows, OZ_PANEL), tiles));
    out->amount[OZ_COST_WEIGHTS] = weights * passes;
    out->amount[OZ_COST_STORED] = stored * passes;
    /* Rows take turns with a part of the leaf that a core's cache keeps. */
    if (rows) passes = (double)oz_div_up(columns, OZ_COLUMNS);
    double read = lp->read * passes;
    if (oz_reads_all(choice, columns)) read = lp->read * (double)(columns / OZ_MV_BATCH) + lp->bytes;
    out->amount[OZ_COST_STREAMED] = read * share_missed(lp->bytes, costs->cache_bytes);
    out->amount[OZ_COST_FETCHED] = read * share_missed(lp->bytes, costs->shared_bytes);
}

static bool is_kernel(const oz_cost_line *line, const char *kernel) {
    size_t n = strlen(line->kernel);
    return strncmp(line->kernel, kernel, n) == 0 && (kernel[n] == '\0' || strncmp(kernel + n, "__", 2) == 0);
}

static const oz_cost_line *own_line(const oz_cost_class *costs, const char *way, const char *kernel,
                                    const oz_cost *cost) {
    for (size_t i = 0; i < costs->n_lines; i++) {
        const oz_cost_line *line = &costs->lines[i];
        if (strcmp(line->way, way) == 0 && strcmp(line->format, cost->format) == 0 &&
            strcmp(line->codec, cost->codec) == 0 && is_kernel(line, kernel))
            return line;
    }
    return NULL;
}

static const oz_cost_line *family_line(const oz_cost_class *costs, const char *way, const oz_cost *cost) {
    for (size_t i = 0; i < costs->n_lines; i++) {
        const oz_cost_line *line = &costs->lines[i];
        if (strcmp(line->way, way) == 0 && line->format[0] == '\0' && strcmp(line->kernel, cost->family) == 0)
            return line;
    }
    return NULL;
}

const oz_cost_line *oz_cost_line_for(const oz_cost_class *costs, const char *kernel, const oz_cost *cost) {
    /* A table without the family knows nothing that is like it: what is slow by far is the last choice. */
    static const oz_cost_line unknown = {"", "", "", "", {[OZ_COST_CALLS] = 1000, [OZ_COST_PRODUCTS] = 10}};
    const bool of_tiles = strcmp(cost->way, "narrow") == 0 || strcmp(cost->way, "direct") == 0;
    const char *near = of_tiles ? "mm" : cost->way;
    const oz_cost_line *line = own_line(costs, cost->way, kernel, cost);
    if (!line) line = own_line(costs, near, kernel, cost);
    if (!line) line = family_line(costs, cost->way, cost);
    if (!line) line = family_line(costs, near, cost);
    return line ? line : &unknown;
}

double oz_cost_by(const oz_cost_line *line, const oz_cost *cost) {
    double ns = 0;
    for (size_t i = 0; i < OZ_COST_TERMS; i++) ns += line->ns[i] * cost->amount[i];
    return ns;
}

double oz_cost_ns(const oz_cost_class *costs, const char *kernel, const oz_cost *cost) {
    return oz_cost_by(oz_cost_line_for(costs, kernel, cost), cost);
}

double oz_cost_serial_ns(const oz_cost_class *costs, int width) {
    /* t (1 - 1 / width) = (width - 1) (awake + asleep) */
    return width * (costs->awake + costs->asleep);
}

double oz_cost_serial_awake_ns(const oz_cost_class *costs, int width) {
    return 2 * width * costs->awake;
}

double oz_cost_shared_ns(const oz_plan *plan, double ns, double each_ns, uint64_t pieces) {
    const uint64_t width = oz_min((uint64_t)plan->threads.width, pieces);
    if (ns < plan->serial_awake_ns || width <= 1) return ns;
    const double most = (double)oz_div_up(pieces, width) / (double)pieces;
    return each_ns + (ns - each_ns) * most + (double)(width - 1) * plan->costs->awake;
}

double oz_cost_layer_ns(const oz_layer_plan *lp, size_t columns) {
    const bool rows = oz_layer_reads_rows(lp, columns);
    size_t rest = columns % OZ_COLUMNS, width = 0;
    double whole = rows ? lp->rows_ns[OZ_COLUMNS - 1] : lp->tile_ns[OZ_TILE_WIDTHS - 1];
    double ns = (double)(columns / OZ_COLUMNS) * whole;
    if (rest == 0) return ns;
    while ((UINT64_C(8) << width) < rest) width++;
    return ns + (rows ? lp->rows_ns[rest - 1] : lp->tile_ns[width]);
}

/* How near the CPU that was measured is to that one: 2 is of its kind, 1 of its maker. */
static int nearness(const oz_cost_class *c, const oz_cpu_id *cpu) {
    if (strcmp(c->vendor, cpu->vendor) != 0) return 0;
    return c->family == cpu->family && c->first_model <= cpu->model && cpu->model <= c->last_model ? 2 : 1;
}

const oz_cost_class *oz_cost_class_for(const oz_cpu_id *cpu, oz_isa isa) {
    const oz_cost_class *found = NULL;
    for (const oz_cost_class *c = oz_cost_classes; c->name; c++) {
        if (c->isa == isa && (!found || nearness(c, cpu) > nearness(found, cpu))) found = c;
    }
    return found;
}
