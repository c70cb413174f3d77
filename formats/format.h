/* format.h - a leaf: a matrix in one storage format whose numbers are coded by one codec.
 *
 * A format is one folder: its layout, the `open` that proves what kernels rely on, `pack`, `row`
 * (the truth that every kernel is held against) and its bytes. All formats are listed in
 * formats.def and nothing else knows how many there are.
 *
 * A leaf is written as text, in files as on the command line:
 *
 *     NAME[:ARG]...[,KEY=VALUE]...      nm:2:8,codec=int8,group=128
 *
 * where the ARGs are the format's first parameters in their order. Every leaf has codec=, and for
 * integer codecs group= (0), scale=f16|f32 (f16), offset=zero|min (symmetric). */
#ifndef OZ_FORMATS_FORMAT_H
#define OZ_FORMATS_FORMAT_H

#include "base/memory.h"
#include "base/text.h"
#include "formats/codec.h"

#define OZ_MAX_PARAMS 16
#define OZ_MAX_PARTS 6

typedef struct oz_leaf oz_leaf;

/* The value of a parameter that was not given and has no default: `pack` may complete it. */
#define OZ_UNSET UINT64_MAX

/* A number, or one of a few words (`choices`, NULL-terminated; the value is the word's index). */
typedef struct oz_param_def {
    const char *name;
    const char *const *choices;
    uint64_t value; /* the default */
    bool required;  /* in a file */
} oz_param_def;

typedef enum oz_part_kind { OZ_PART_VALUES, OZ_PART_INDEX, OZ_PART_SCALES } oz_part_kind;

typedef struct oz_part_def {
    const char *name; /* "values", "scales", "offsets", "mask", "columns", "array" ... */
    oz_part_kind kind;
} oz_part_def;

typedef struct oz_part {
    const uint8_t *data;
    uint64_t bytes;
    uint64_t offset; /* in the file, for errors; OZ_NO_OFFSET in memory */
} oz_part;

/* Where stored numbers of 16 rows x some inputs lie: in 16 shares of `bytes`, `stride` apart. */
typedef struct oz_extent {
    const uint8_t *p;
    uint64_t stride, bytes;
} oz_extent;

/* Of one block: its numbers, and what tells their places or scales. */
typedef struct oz_extents {
    oz_extent part[2];
} oz_extents;

typedef struct oz_packer oz_packer;

typedef struct oz_format {
    const char *name;
    const oz_param_def *params;
    size_t n_params;
    size_t n_args; /* how many of the first are printed as ARGs; all may be written so */
    const oz_part_def *parts;
    size_t n_parts;
    uint32_t codecs; /* OZ_CODEC_BIT of each that it takes */

    /* Exact bytes of every part from rows, cols, codec and params alone; 0 = not there. Checks the
     * params too. Errors: FORMAT, SUPPORT. */
    oz_status (*layout)(const oz_leaf *leaf, uint64_t bytes[OZ_MAX_PARTS], oz_error *err);
    /* Parts are in place and have the bytes that `layout` said (or more: padding). Proves every
     * index, count and scale that kernels rely on. */
    oz_status (*open)(const oz_leaf *leaf, oz_error *err);
    /* out[i] = W[r][c0 + i] for i < n. */
    void (*row)(const oz_leaf *leaf, uint64_t r, uint64_t c0, uint64_t n, float *out);
    /* Integer codecs: the codes of the same weights; a pruned weight has oz_codec_zero. NULL if
     * the format has no groups along its rows (its integers are then used as floats). */
    void (*codes)(const oz_leaf *leaf, uint64_t r, uint64_t c0, uint64_t n, uint8_t *out);
    uint64_t (*nonzeros)(const oz_leaf *leaf); /* stored weights, padding not counted; NULL = rows * cols */
    uint64_t (*shared)(const oz_leaf *leaf);   /* numbers that weights share; NULL = each has its own */

    /* Where the block's bytes lie, about, so that memory can be asked for them before they are wanted; parts
     * that are not there have none. NULL = they lie nowhere in particular. */
    oz_extents (*extents)(const oz_leaf *leaf, uint64_t panel, uint64_t k0, uint64_t n);

    /* Where the format has layouts for which kernels take different times: the name of this leaf's; NULL =
     * all alike. */
    const char *(*variant)(const oz_leaf *leaf);

    /* True if the leaf is expanded to dense f32 when a model is loaded (and those bytes counted);
     * `materialise` writes out[rows][cols]. Both NULL for most formats. */
    bool (*materialises)(const oz_leaf *leaf);
    void (*materialise)(const oz_leaf *leaf, float *out);

    /* Packs one leaf from dense weights [rows][cols]: params may be completed (nnz, form), parts are
     * allocated in the arena. */
    oz_status (*pack)(oz_leaf *leaf, const float *weights, oz_arena *arena, oz_error *err);
    /* Instead of `pack`, for formats whose leaves share a part: see oz_pack_begin. */
    oz_status (*pack_begin)(oz_packer *p, oz_error *err);
    oz_status (*pack_add)(oz_packer *p, size_t i, const float *weights, oz_error *err);
    oz_status (*pack_finish)(oz_packer *p, oz_error *err);

    /* Multiplies row r of packed, writable parts by scale[r]; false if the format cannot. */
    bool (*scale_rows)(oz_leaf *leaf, const float *scale);
} oz_format;

struct oz_leaf {
    const oz_format *format;
    oz_codec codec;
    uint64_t rows, cols; /* outputs, inputs */
    uint64_t param[OZ_MAX_PARAMS];
    oz_part part[OZ_MAX_PARTS];
    const char *name; /* for errors: "fc1/0.0" */
};

const oz_format *oz_format_find(const char *name, size_t bytes); /* NULL if unknown */
const oz_format *oz_format_at(size_t i);                         /* NULL past the last */

/* Text <-> leaf. Parsing sets format, codec and params, leaves rows, cols and parts alone; errors name
 * `text`. In a file (`strict`) required params must be there. Printing leaves out defaults. */
oz_status oz_leaf_parse(oz_leaf *leaf, const char *text, size_t bytes, bool strict, oz_error *err);
void oz_leaf_print(const oz_leaf *leaf, oz_text *out);
uint64_t oz_leaf_param(const oz_leaf *leaf, const char *name);      /* 0 if the format has none such */
const oz_part *oz_leaf_part(const oz_leaf *leaf, const char *name); /* NULL if the format has none such */

/* layout + bounds + open. */
oz_status oz_leaf_check(const oz_leaf *leaf, oz_error *err);
/* The whole leaf as dense f32. */
void oz_leaf_unpack(const oz_leaf *leaf, float *out);
uint64_t oz_leaf_nonzeros(const oz_leaf *leaf);
/* "sparse:rows": the format, and its variant if there are several. */
const char *oz_leaf_variant(const oz_leaf *leaf);
/* Exact bytes by kind (values, index, scales), padding not known here. */
void oz_leaf_bytes(const oz_leaf *leaf, oz_bytes *out);

/* ---- packing: begin with all the leaves that share, add each one's weights, finish ---- */

struct oz_packer {
    oz_leaf *leaves; /* rows, cols, codec, params set; parts filled by finish */
    size_t count;
    oz_arena *arena; /* everything that is packed lives here */
    void *state;     /* the format's own */
};

/* All leaves have the same format. `leaves` stays the caller's. */
oz_status oz_pack_begin(oz_packer *p, oz_leaf *leaves, size_t count, oz_arena *arena, oz_error *err);
/* weights: [rows][cols], finite (NUMBER otherwise); not kept after the call returns unless the format
 * shares, in which case it must live until finish. */
oz_status oz_pack_add(oz_packer *p, size_t i, const float *weights, oz_error *err);
oz_status oz_pack_finish(oz_packer *p, oz_error *err);

#endif
