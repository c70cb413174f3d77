/* tools.h - import, compress, evaluate, compare and benchmark models (libounce-tools).
 *
 * Built on ounce.h alone. Same rules: nothing is printed, no abort, no environment; errors through
 * oz_status and oz_error; progress and cancelling through oz_host. Objects belong to one thread at a
 * time. Every `..._free(NULL)` does nothing. */
#ifndef OUNCE_TOOLS_H
#define OUNCE_TOOLS_H

#include <ounce/ounce.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- files ---------------------------------------------------------------------- */

/* Bytes that the library made; freed by oz_buffer_free. `data` is 64-byte aligned. */
typedef struct oz_buffer {
    void *data;
    size_t bytes;
} oz_buffer;

OZ_API void oz_buffer_free(oz_buffer *b);
/* Replaces `path` atomically (temporary file, fsync, rename); without `force` an existing file
 * is an error. */
OZ_API OZ_CHECKED oz_status oz_write_file(const char *path, const void *data, size_t bytes, bool force,
                                          oz_error *err);
/* Structure, hashes, and every weight finite (NUMBER names tensor and index). */
OZ_API OZ_CHECKED oz_status oz_verify(const char *path, const oz_host *host, oz_error *err);

/* ---- data sets ------------------------------------------------------------------ */

typedef struct oz_dataset oz_dataset;

/* By content: safetensors (`x`, optional `y`), .npy (x alone), .npz (`x`, `y`), IDX images (labels in the
 * file of the same name with "labels-idx1" for "images-idx3"; gzip is read), CIFAR-10 binary batches.
 * `limit` 0 = all records. Errors: IO, FORMAT, NUMBER (a value is not finite), ARGUMENT (empty). */
OZ_API OZ_CHECKED oz_status oz_dataset_open(const char *path, uint64_t limit, const oz_host *host,
                                            oz_dataset **out, oz_error *err);
OZ_API void oz_dataset_free(oz_dataset *d);
OZ_API size_t oz_dataset_count(const oz_dataset *d);
/* Shape of one record (without the batch dimension); dim[] holds `rank` sizes. */
OZ_API uint32_t oz_dataset_shape(const oz_dataset *d, int64_t dim[OZ_MAX_RANK]);
OZ_API const int64_t *oz_dataset_labels(const oz_dataset *d); /* [count], NULL if it has none */
OZ_API uint64_t oz_dataset_hash(const oz_dataset *d);         /* XXH3 of values and labels */
/* Records [first, first + n) as f32. */
OZ_API void oz_dataset_read(const oz_dataset *d, size_t first, size_t n, float *out);
/* As a safetensors data set (`x` in its stored type, `y` I64). */
OZ_API OZ_CHECKED oz_status oz_dataset_write(const oz_dataset *d, const char *path, bool force,
                                             oz_error *err);

/* ---- import --------------------------------------------------------------------- */

typedef struct oz_import_options {
    size_t size;
    const oz_host *host;
    const char *graph;             /* path of a graph JSON */
    const char *weights;           /* path of a plain safetensors with PyTorch's names and layouts */
    struct oz_import_notes *notes; /* filled if not NULL */
} oz_import_options;
#define OZ_IMPORT_INIT                                                                                       \
    { sizeof(oz_import_options), 0, 0, 0, 0 }

/* Tensors of floats that the graph does not use. */
typedef struct oz_import_notes {
    size_t unused;
    char first_unused[96];
} oz_import_notes;

/* A dense f32 model: convolutions reordered to [out][ky][kx][in], batch norms folded. */
OZ_API OZ_CHECKED oz_status oz_import(const oz_import_options *opt, oz_buffer *out, oz_error *err);

/* A model of one linear layer, x [N, cols] -> y [N, rows], for benchmarks: layer `layer` of `m` with its
 * leaves and bias as they are stored; or, with `m` NULL, `rows` x `cols` normal random numbers of that seed
 * in dense f32. */
OZ_API OZ_CHECKED oz_status oz_layer_model(const oz_model *m, size_t layer, uint64_t rows, uint64_t cols,
                                           uint64_t seed, oz_buffer *out, oz_error *err);

/* The same model with f32 instead of 8-bit activations in every layer: what the two answer differently is
 * what quantised activations cost. */
OZ_API OZ_CHECKED oz_status oz_f32_activations(const oz_model *m, oz_buffer *out, oz_error *err);

/* ---- compression ---------------------------------------------------------------- */

typedef enum oz_correction { OZ_CORRECT_AFFINE, OZ_CORRECT_BIAS, OZ_CORRECT_NONE } oz_correction;

typedef struct oz_compress_options {
    size_t size;
    const oz_host *host;
    const char *method; /* "nm:2:8,codec=int8", "dense,codec=int4 + lowrank:8"; exclusive with recipe */
    const char *recipe; /* text of a recipe: lines "GLOB = METHOD", the last match wins */
    const char *policy; /* recipe lines put before the method's own; NULL = first and last layer
                           int8 per row, biases f16; "" = none */
    uint64_t budget;    /* bytes of the whole file; 0 = none, then no knob may be open */
    const oz_dataset *calibration; /* needed by correction and by the ranking of settings */
    oz_correction correction;
    uint64_t seed; /* of random pruning and hashing */
    int threads;
} oz_compress_options;
#define OZ_COMPRESS_INIT                                                                                     \
    { sizeof(oz_compress_options), 0, 0, 0, 0, 0, 0, OZ_CORRECT_AFFINE, 1, 0 }

typedef struct oz_compressed_layer {
    const char *name;
    const char *method; /* with every knob set: "sparse,codec=int3,sparsity=0.4" */
    uint64_t rows, cols, dense_bytes, bytes;
    double error; /* |W - W'|^2 / |W|^2, before correction */
} oz_compressed_layer;

typedef struct oz_compressed {
    oz_buffer file;      /* empty after a dry run */
    uint64_t bytes;      /* of the file */
    uint64_t smallest;   /* the smallest file the method can make; set on ERR_BUDGET too */
    char setting[160];   /* the knob as chosen, for people: "sparsity 0.52/0.55" */
    uint32_t tried;      /* settings whose output error was measured */
    double output_error; /* mean squared difference of logits to the dense model, on the calibration data;
                            negative: not measured */
    const oz_compressed_layer *layers;
    size_t n_layers;
    void *owner;
} oz_compressed;

/* Can method, recipe and policy be read? Looks at no model. Errors: ARGUMENT, as oz_compress. */
OZ_API OZ_CHECKED oz_status oz_compress_check(const oz_compress_options *opt, oz_error *err);
/* Compresses every layer the method can take. Errors: ARGUMENT (method text, names the place), BUDGET
 * (does not fit: out->smallest says what would), NUMBER (a weight is not finite), CANCEL. */
OZ_API OZ_CHECKED oz_status oz_compress(const oz_model *base, const oz_compress_options *opt, bool dry_run,
                                        oz_compressed *out, oz_error *err);
OZ_API void oz_compressed_free(oz_compressed *c);

/* What OZ_COMPRESS_INIT's `policy` NULL stands for. */
#define OZ_DEFAULT_POLICY                                                                                    \
    "@first = dense,codec=int8\n"                                                                            \
    "@last = dense,codec=int8\n"                                                                             \
    "@bias = f16\n"

/* What many compressions of one base share, made once: its weights, singular vectors, the dense model's
 * statistics and logits on the calibration data. `base`, `calibration` (may be NULL) and `host` must
 * outlive it. */
typedef struct oz_compressor oz_compressor;

OZ_API OZ_CHECKED oz_status oz_compressor_create(const oz_model *base, const oz_dataset *calibration,
                                                 int threads, const oz_host *host, oz_compressor **out,
                                                 oz_error *err);
/* As oz_compress; `calibration` and `threads` of the options are not looked at. */
OZ_API OZ_CHECKED oz_status oz_compressor_run(oz_compressor *c, const oz_compress_options *opt, bool dry_run,
                                              oz_compressed *out, oz_error *err);
OZ_API void oz_compressor_free(oz_compressor *c);

/* ---- evaluation ----------------------------------------------------------------- */

typedef struct oz_outputs {
    float *logits; /* [count][classes] */
    size_t count, classes;
} oz_outputs;

/* Runs a model with one input and one output over a data set in batches. */
OZ_API OZ_CHECKED oz_status oz_evaluate(oz_model *m, const oz_dataset *d, const oz_plan_options *plan,
                                        oz_outputs *out, oz_error *err);
OZ_API void oz_outputs_free(oz_outputs *o);

/* ---- comparison ----------------------------------------------------------------- */

typedef struct oz_compare_model {
    const char *name; /* shown in the table */
    oz_model *model;
    bool base; /* methods are applied to it; else it enters as it is (trained, ready-made) */
} oz_compare_model;

typedef struct oz_compare_options {
    size_t size;
    const oz_host *host;
    const oz_compare_model *models;
    size_t n_models;
    const uint64_t *budgets; /* bytes, ranked tables */
    size_t n_budgets;
    const uint64_t *sweep; /* further budgets, for the curves alone */
    size_t n_sweep;
    const char *const *methods; /* NULL = a default set */
    size_t n_methods;
    const oz_dataset *data, *calibration;
    oz_correction correction;
    const char *policy;
    bool quick;     /* 200 records, no sweep, latency of 5 runs */
    bool by_stored; /* rank by stored instead of resident bytes */
    uint64_t seed;
    int threads;
    const char *isa, *command;
    uint64_t (*clock_ns)(void);
} oz_compare_options;
#define OZ_COMPARE_INIT                                                                                      \
    { .size = sizeof(oz_compare_options), .seed = 1 }

typedef struct oz_comparison oz_comparison;

OZ_API OZ_CHECKED oz_status oz_compare(const oz_compare_options *opt, oz_comparison **out, oz_error *err);
OZ_API void oz_comparison_free(oz_comparison *c);

typedef enum oz_report { OZ_REPORT_TEXT, OZ_REPORT_JSON, OZ_REPORT_CSV, OZ_REPORT_HTML } oz_report;

/* `width` = columns of the terminal for TEXT (0 = no terminal: all of the table); `colour` allows ANSI
 * colours there. */
OZ_API OZ_CHECKED oz_status oz_comparison_report(const oz_comparison *c, oz_report kind, int width,
                                                 bool colour, oz_buffer *out, oz_error *err);
/* The i-th plot of the page as a file of its own; false past the last. `name` gets "accuracy.svg". */
OZ_API OZ_CHECKED oz_status oz_comparison_plot(const oz_comparison *c, size_t i, char name[64],
                                               oz_buffer *out, bool *found, oz_error *err);

/* ---- charts of measured speed ----------------------------------------------------- */

/* Speeds are relative to dense f32: 2 = twice as fast. */
typedef struct oz_speed_row {
    const char *group; /* a heading; rows of one group follow one another */
    const char *label;
    const char *note; /* at the end of the row: "212 us, 158 GOP/s, 31 % of F" */
    double speed;     /* 0 = it has none */
    double limit;     /* what the machine's limits would allow; 0 = not known */
    double target;    /* 0 = none */
    bool rival;       /* somebody else's engine */
} oz_speed_row;
/* Bars, as an SVG file. Errors: MEMORY. */
OZ_API OZ_CHECKED oz_status oz_speed_chart(const char *title, const oz_speed_row *rows, size_t n,
                                           oz_buffer *svg, oz_error *err);

/* Speeds at growing shares of zeros, in [0.5, 1); a speed of 0 was not measured. */
typedef struct oz_speed_curve {
    const char *panel; /* a heading; curves of one panel follow one another, in all panels the same ones */
    const char *label;
    const double *zeros, *speed;
    size_t n;
    bool joined; /* a curve; else single marks */
    bool dashed; /* a level to compare with */
} oz_speed_curve;
OZ_API OZ_CHECKED oz_status oz_curves_chart(const char *title, const oz_speed_curve *curves, size_t n,
                                            oz_buffer *svg, oz_error *err);

#ifdef __cplusplus
}
#endif
#endif /* OUNCE_TOOLS_H */
