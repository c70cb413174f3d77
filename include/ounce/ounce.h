/* ounce.h - run compressed neural networks on a CPU.
 *
 * An ounce program has three objects, each opaque:
 *
 *     oz_model    weights and graph as stored; immutable; share it between threads
 *     oz_plan     a model + a machine: which kernel runs each layer; immutable
 *     oz_session  scratch memory for one run at a time; one per thread
 *
 * Every object has one `_create` or `_open` and one `_free`.  `_free(NULL)` does nothing.
 * A plan keeps its model alive, a session its plan: free in any order.
 *
 * The library never prints, never aborts, never touches errno, signals, the locale, the
 * rounding mode or the environment, and holds no mutable global state other than the CPU
 * feature word, which is written once.  Functions that take `const` objects may be called
 * from any number of threads at once; a session belongs to one thread at a time.
 *
 * Structs that may grow start with `size`: initialise them with their _INIT macro.
 */
#ifndef OUNCE_H
#define OUNCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OZ_VERSION_MAJOR 0
#define OZ_VERSION_MINOR 1
#define OZ_VERSION_PATCH 0
#define OZ_VERSION (OZ_VERSION_MAJOR * 10000 + OZ_VERSION_MINOR * 100 + OZ_VERSION_PATCH)

#if defined(__GNUC__)
#define OZ_API __attribute__((visibility("default")))
#define OZ_CHECKED __attribute__((warn_unused_result))
#else
#define OZ_API
#define OZ_CHECKED
#endif

#ifdef __cplusplus
extern "C" {
#endif

OZ_API unsigned oz_version(void);           /* OZ_VERSION of the library in use */
OZ_API const char *oz_version_string(void); /* "0.1.0" */

/* ---- errors ------------------------------------------------------------------- */

/* Values are part of the ABI: append, never renumber. */
#define OZ_STATUS_MAP(X)                                                                                     \
    X(OK, 0, "success")                                                                                      \
    X(ERR_ARGUMENT, -1, "invalid argument")                                                                  \
    X(ERR_MEMORY, -2, "out of memory")                                                                       \
    X(ERR_IO, -3, "cannot read or write")                                                                    \
    X(ERR_FORMAT, -4, "malformed file")                                                                      \
    X(ERR_CHECKSUM, -5, "checksum mismatch")                                                                 \
    X(ERR_LIMIT, -6, "a limit was exceeded")                                                                 \
    X(ERR_VERSION, -7, "file or options from a newer version")                                               \
    X(ERR_SUPPORT, -8, "valid, but not supported by this build")                                             \
    X(ERR_SHAPE, -9, "tensor shapes do not agree")                                                           \
    X(ERR_CANCEL, -10, "cancelled by the caller")                                                            \
    X(ERR_NUMBER, -11, "not a finite number")                                                                \
    X(ERR_BUDGET, -12, "does not fit the budget")

typedef enum oz_status {
#define X(name, value, text) OZ_##name = value,
    OZ_STATUS_MAP(X)
#undef X
} oz_status;

#define OZ_NO_OFFSET UINT64_MAX

/* Where and why a call failed.  Filled only on failure; every `err` may be NULL. */
typedef struct oz_error {
    oz_status status;
    uint64_t offset;   /* byte position in the input, or OZ_NO_OFFSET */
    char where[96];    /* layer, tensor or option name, "" if none */
    char message[216]; /* one line, no newline, UTF-8 */
} oz_error;

OZ_API const char *oz_status_name(oz_status s); /* "OZ_ERR_FORMAT" */
OZ_API const char *oz_status_text(oz_status s); /* "malformed file" */

/* ---- the host's services (all optional) ---------------------------------------- */

typedef struct oz_allocator {
    void *ctx;
    void *(*alloc)(void *ctx, size_t size, size_t align); /* NULL on failure */
    void (*release)(void *ctx, void *p, size_t size);
} oz_allocator;

/* Threads.  `run` calls fn(arg, i) for every i in [0, n), on any threads, and returns when all are done.
 * Bring your own, or share one of ours between plans; left out, each plan and each call of the tools has
 * threads of its own. */
typedef struct oz_executor {
    void *ctx;
    int width; /* threads `run` can use, its caller among them */
    void (*run)(void *ctx, size_t n, void (*fn)(void *arg, size_t i), void *arg);
} oz_executor;

/* A pool of `threads` threads, the caller of `run` among them: 0 = as many as the calling thread may use
 * processors, and fewer if the system grants no more (`width` says).  They spin for some 50 us after a loop,
 * then sleep.  `run` may be called from any thread; while one caller's loop is under way, those of others,
 * and loops inside of it, run on their own callers' threads.  It does not survive fork(). `allocator` (NULL =
 * malloc) must outlive it.  Errors: ARGUMENT, MEMORY. */
OZ_API OZ_CHECKED oz_status oz_executor_create(int threads, const oz_allocator *allocator, oz_executor **out,
                                               oz_error *err);
/* For executors of oz_executor_create; once everything that was made with it is freed.  Joins the threads. */
OZ_API void oz_executor_free(oz_executor *e);

typedef struct oz_host {
    size_t size;
    const oz_allocator *allocator; /* must outlive every object made with it */
    const oz_executor *executor;   /* the same */
    void *progress_ctx;            /* return false to stop with OZ_ERR_CANCEL */
    bool (*progress)(void *ctx, const char *stage, uint64_t done, uint64_t total);
} oz_host;
#define OZ_HOST_INIT                                                                                         \
    { sizeof(oz_host), 0, 0, 0, 0 }

/* ---- models -------------------------------------------------------------------- */

typedef struct oz_model oz_model;

/* What an untrusted file may make us do.  Zero means the default in brackets. */
typedef struct oz_limits {
    size_t size;
    uint64_t max_file_bytes;   /* [64 GiB] */
    uint64_t max_header_bytes; /* [64 MiB] */
    uint64_t max_alloc_bytes;  /* [4 x file size + 64 MiB] in total, materialised factors included */
    uint32_t max_layers;       /* [65536] */
    uint32_t max_name_bytes;   /* [255] */
} oz_limits;
#define OZ_LIMITS_INIT                                                                                       \
    { sizeof(oz_limits), 0, 0, 0, 0, 0 }

typedef struct oz_open_options {
    size_t size;
    const oz_host *host;
    const oz_limits *limits; /* NULL = the defaults */
    bool no_mmap;            /* read() the file: needed if others may write to it while it is open */
    bool check_hash;         /* read the whole file and verify its hashes */
} oz_open_options;
#define OZ_OPEN_INIT                                                                                         \
    { sizeof(oz_open_options), 0, 0, false, false }

/* Opens an Ounce model or any safetensors file (whose float tensors of 2 to 5 dimensions become
 * dense weights, [out][all the others]).
 * Everything kernels rely on is proved here.  Errors: IO, FORMAT, LIMIT, VERSION, SUPPORT,
 * CHECKSUM, MEMORY.  On failure *out is NULL. */
OZ_API OZ_CHECKED oz_status oz_model_open(const char *path, const oz_open_options *opt, oz_model **out,
                                          oz_error *err);
/* The same from memory.  `data` is borrowed, not copied: it must outlive the model, be
 * 64-byte aligned, and not change. */
OZ_API OZ_CHECKED oz_status oz_model_open_memory(const void *data, size_t bytes, const oz_open_options *opt,
                                                 oz_model **out, oz_error *err);
OZ_API void oz_model_free(oz_model *m);

typedef enum oz_dtype { OZ_F32, OZ_F16, OZ_BF16, OZ_I8, OZ_U8, OZ_I32, OZ_I64 } oz_dtype;

#define OZ_MAX_RANK 6

typedef struct oz_tensor_info {
    const char *name;
    oz_dtype dtype;
    uint32_t rank;
    int64_t dim[OZ_MAX_RANK]; /* -1 - i = free, the model's i-th free dimension */
} oz_tensor_info;

/* Bytes of a file, or of one part of it, by what they hold. */
typedef struct oz_bytes {
    uint64_t values;  /* weights' numbers or codes, shared arrays (once) */
    uint64_t index;   /* masks, columns, positions, row ends, signs */
    uint64_t scales;  /* group scales, zero points, minima, row scales */
    uint64_t vectors; /* biases, norms, other plain tensors */
    uint64_t padding; /* alignment between parts */
    uint64_t header;  /* safetensors header, graph included */
    uint64_t total;   /* the sum; for a whole model, the file's size */
} oz_bytes;

typedef struct oz_leaf_info {
    uint32_t term, factor;
    const char *format; /* "nm" */
    const char *spec;   /* as in the file: "nm,int8,n=2,m=8" */
    uint64_t rows, cols, nonzeros;
    bool shared;             /* some part is also another leaf's */
    oz_bytes bytes;          /* shared parts are counted with the first leaf that has them */
    uint64_t extra_resident; /* bytes materialised at load on top of the file's */
} oz_leaf_info;

typedef struct oz_layer_info {
    const char *name;   /* of the weight: "layer1.0.conv1" */
    const char *op;     /* operator that owns it, "" if the graph does not use it */
    const char *weight; /* its terms as a method is written: "nm:2:8,codec=int8 + lowrank:8" */
    uint64_t rows, cols, nonzeros;
    uint32_t leaves;
    bool act_i8;    /* activations are quantised to 8 bits for its integer leaves */
    oz_bytes bytes; /* leaves, row scale and bias */
} oz_layer_info;

OZ_API size_t oz_model_inputs(const oz_model *m);
OZ_API size_t oz_model_outputs(const oz_model *m);
OZ_API size_t oz_model_layers(const oz_model *m);
OZ_API OZ_CHECKED oz_status oz_model_input(const oz_model *m, size_t i, oz_tensor_info *out);
OZ_API OZ_CHECKED oz_status oz_model_output(const oz_model *m, size_t i, oz_tensor_info *out);
OZ_API OZ_CHECKED oz_status oz_model_layer(const oz_model *m, size_t i, oz_layer_info *out);
OZ_API OZ_CHECKED oz_status oz_model_leaf(const oz_model *m, size_t layer, size_t leaf, oz_leaf_info *out);
OZ_API void oz_model_bytes(const oz_model *m, oz_bytes *file, uint64_t *resident);
/* Tensors of a file without Ounce's metadata that are neither weights nor vectors of floats: nothing runs or
 * compresses them. Their number; `bytes` and the name of one may be NULL. */
OZ_API size_t oz_model_ignored(const oz_model *m, uint64_t *bytes, const char **first);
/* A string of the file's metadata: "graph", "source", "method", "budget", ...; NULL if absent. */
OZ_API const char *oz_model_meta(const oz_model *m, const char *key);
/* The layer's weight as dense f32 [rows][cols], row scale applied.  `out` is the caller's. */
OZ_API OZ_CHECKED oz_status oz_model_unpack(const oz_model *m, size_t layer, float *out, size_t floats,
                                            oz_error *err);
/* The layer's bias as f32 [rows]; zeros where it has none. */
OZ_API OZ_CHECKED oz_status oz_model_bias(const oz_model *m, size_t layer, float *out, size_t floats,
                                          oz_error *err);
/* The bytes of the file as opened; they live as long as the model. */
OZ_API const void *oz_model_file(const oz_model *m, size_t *bytes);

/* ---- plans: which kernel runs each layer ---------------------------------------- */

typedef struct oz_plan oz_plan;

typedef enum oz_effort {
    OZ_EFFORT_MODEL,  /* cost table only: no timing, the same plan every time */
    OZ_EFFORT_TRIAL,  /* time every candidate of each layer with `clock_ns`, on the plan's threads */
    OZ_EFFORT_CHOSEN, /* the plan of MODEL, and only what it chose timed, in turn as in a run, for explaining
                       */
    OZ_EFFORT_COMPARE /* the plan of MODEL, and every candidate timed; hopeless ones only roughly */
} oz_effort;

typedef struct oz_plan_options {
    size_t size;
    const oz_host *host;
    uint32_t max_batch; /* largest value of the first free dimension [1] */
    uint32_t max_free;  /* largest value of the other free dimensions [max_batch] */
    oz_effort effort;
    uint64_t (*clock_ns)(void); /* used by all efforts but MODEL */
    const char *isa;            /* cap: "scalar", "avx2", "avx512", "avx512vnni"; NULL = this CPU */
    int threads;                /* [all of the executor's, or of the machine] */
    bool reproducible;          /* same bits for any batch size, not only for any thread count */
    bool repack;                /* allow kernels that keep a second copy of the weights */
    uint64_t memory_bytes;      /* refuse a plan that needs more; 0 = no cap */
} oz_plan_options;
#define OZ_PLAN_INIT                                                                                         \
    { sizeof(oz_plan_options), 0, 1, 0, OZ_EFFORT_MODEL, 0, 0, 0, false, false, 0 }

typedef struct oz_memory {
    uint64_t file_bytes;    /* weights as stored, shared and mapped */
    uint64_t packed_bytes;  /* factors materialised at load, weights repacked by the plan */
    uint64_t session_bytes; /* scratch of one session */
} oz_memory;

/* What a candidate has to do. Its predicted time is the sum of these amounts, each times what a unit of it
 * was found to take that kernel on that kind of CPU (`ounce bench fit`). */
typedef enum oz_cost_term {
    OZ_COST_CALLS,    /* passes over the leaf: one, or one for each tile of 64 columns */
    OZ_COST_SUMS,     /* sums of a row, a column and a block of inputs: products as if nothing were zero */
    OZ_COST_WEIGHTS,  /* weights gone through, zero or not, in all passes */
    OZ_COST_STORED,   /* of them those that are stored */
    OZ_COST_PRODUCTS, /* stored weights times columns */
    OZ_COST_STREAMED, /* bytes of the leaf, in all passes, that the cache of one core does not hold */
    OZ_COST_FETCHED,  /* of them those that no cache of the machine holds */
    OZ_COST_GATHERED, /* inputs of a layer whose activations are rows, that are quantised or become columns */
    OZ_COST_SCATTERED, /* outputs that are added to rows, or become rows again */
    OZ_COST_ONCE,      /* 1: what takes as long whatever the size */
    OZ_COST_PLACES,    /* weights, zero or not, times columns, where zeros are multiplied */
    OZ_COST_TERMS
} oz_cost_term;

typedef struct oz_cost {
    /* "mv", "blocks", "mm", "narrow" (mm of at most 16 columns), "direct" (mm of columns where they lie),
     * "onednn" or "unpack" */
    const char *way;
    const char *format; /* of the leaf, with its variant: "sparse:rows" */
    const char *codec;
    const char *family; /* kernels alike: "f32", "i8", "u8", "nz" or "plain" */
    double amount[OZ_COST_TERMS];
} oz_cost;

typedef struct oz_candidate {
    const char *layer, *leaf; /* "fc1", "0.0" = term.factor */
    const char *kernel;       /* "nm_mv_int8__avx2"; "..__rows": one for columns that is given rows */
    uint64_t rows, cols, batch;
    double predicted_ns, measured_ns; /* on the plan's threads; < 0: cannot run, or not timed */
    /* "chosen"; "slower" on one thread, by which it is chosen; "hardly faster"; or why it cannot run. */
    const char *verdict;
    bool chosen;
    oz_cost cost; /* if it can run */
} oz_candidate;

OZ_API OZ_CHECKED oz_status oz_plan_create(oz_model *m, const oz_plan_options *opt, oz_plan **out,
                                           oz_error *err);
OZ_API void oz_plan_free(oz_plan *p);
OZ_API void oz_plan_memory(const oz_plan *p, oz_memory *out);
/* Calls `each` for every candidate of every leaf, in file order, the chosen one first. Names live as long as
 * the plan, the texts of the cost for ever. */
OZ_API void oz_plan_explain(const oz_plan *p, void *ctx, void (*each)(void *ctx, const oz_candidate *c));
/* The kind of CPU whose fitted costs the plan goes by: "zen5-avx2". */
OZ_API const char *oz_plan_costs(const oz_plan *p);

/* What a machine can do at best, for comparison with what a kernel does. */
typedef enum oz_limit {
    OZ_LIMIT_MULTIPLY_ADD, /* floats in registers; a multiplication and its addition are two operations */
    OZ_LIMIT_DOT,          /* products of bytes in registers, summed in 32 bits; likewise */
    OZ_LIMIT_READ,         /* bytes read, again and again, from a block of `bytes` in all */
    OZ_LIMIT_ROUND_TRIP    /* a line of the cache sent from one thread to another and back */
} oz_limit;
/* Operations, bytes or round trips per ns, of the instruction set, the threads and the executor that `opt`
 * names, by its clock; takes some 20 ms. `bytes` says which level of memory is read; each thread reads its
 * share. Round trips are those of two threads, however many there are; SUPPORT if there is but one or, found
 * out in some 0.1 s, no two run at the same time. May be called from any thread; calls at the same time slow
 * each other. Errors: ARGUMENT (no clock), SUPPORT, MEMORY. */
OZ_API OZ_CHECKED oz_status oz_machine_limit(oz_limit what, uint64_t bytes, const oz_plan_options *opt,
                                             double *per_ns, oz_error *err);
/* The instruction set this CPU would use: "avx512vnni". */
OZ_API const char *oz_isa_name(void);

/* ---- running -------------------------------------------------------------------- */

typedef struct oz_session oz_session;

typedef struct oz_tensor {
    void *data;   /* dense, row major, of the dtype that the model declares; inputs are not written */
    size_t bytes; /* must be at least what the shape needs */
    uint32_t rank;
    int64_t dim[OZ_MAX_RANK]; /* of an output: filled by oz_run */
} oz_tensor;

/* One layer's output before the activation function, while a run is under way. */
typedef struct oz_observation {
    const char *layer;
    size_t layer_index;
    float *data; /* [outer][channels][inner]; the observer may change it */
    size_t outer, channels, inner;
} oz_observation;

/* With allow_nonfinite: a sum that reads an input which is not finite is not finite, either, and any other
 * sum of the same row of the batch may be NaN, because zeros that are not stored may be multiplied, too.
 * Other rows of the batch are as if it were not there. */
typedef struct oz_run_options {
    size_t size;
    void *observer_ctx;
    void (*observer)(void *ctx, const oz_observation *o); /* on the calling thread */
    bool allow_nonfinite;                                 /* inputs are not checked for NaN and infinity */
} oz_run_options;
#define OZ_RUN_INIT                                                                                          \
    { sizeof(oz_run_options), 0, 0, false }

OZ_API OZ_CHECKED oz_status oz_session_create(oz_plan *p, oz_session **out, oz_error *err);
OZ_API void oz_session_free(oz_session *s);
/* Never allocates.  On error the outputs are unspecified but were not overrun.
 * Errors: ARGUMENT, SHAPE (wrong rank, dimension or too few bytes), LIMIT (larger than the
 * plan's batch), NUMBER (an input is not finite). */
OZ_API OZ_CHECKED oz_status oz_run(oz_session *s, const oz_tensor *in, size_t n_in, oz_tensor *out,
                                   size_t n_out, const oz_run_options *opt, oz_error *err);

#ifdef __cplusplus
}
#endif
#endif /* OUNCE_H */
