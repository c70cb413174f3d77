/* onednn_conv.c - one convolution of oneDNN with bias, from NCHW to NCHW as its caller has them. Two ways are
 * tried, and the faster one stays: on those layouts as they are, and in the layouts that oneDNN would choose,
 * between two reorders. Weights are in its own layout in both. */
#include "onednn.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

struct convolution {
    long batch, channels, size, outputs, kernel, stride, groups, out;
    float *x, *w, *bias, *y;
};

struct step {
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t args[4];
    int count;
};

struct way {
    struct step steps[3]; /* reorder, convolution, reorder */
    int count;
    const char *layouts, *implementation;
};

struct state {
    struct convolution c;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    struct way way;
};

/* conv3-16x32-64s2 or dw3-64x112s2. */
static struct convolution read_name(const char *name) {
    struct convolution c = {.stride = 1};
    char step = 's', rest;
    int got = sscanf(name, "conv%ld-%ldx%ld-%ld%c%ld%c", &c.kernel, &c.channels, &c.size, &c.outputs, &step,
                     &c.stride, &rest);
    c.groups = 1;
    bool known = got == 4 || got == 6;
    if (!known) {
        got = sscanf(name, "dw%ld-%ldx%ld%c%ld%c", &c.kernel, &c.channels, &c.size, &step, &c.stride, &rest);
        c.outputs = c.groups = c.channels;
        known = got == 3 || got == 5;
    }
    if (!known || step != 's' || c.kernel < 1 || c.channels < 1 || c.size < 1 || c.outputs < 1 ||
        c.stride < 1 || c.channels * c.size * c.size > 1 << 28)
        unable("this adapter times layers and single convolutions");
    c.out = (c.size + 2 * (c.kernel / 2) - c.kernel) / c.stride + 1;
    return c;
}

static float *random_floats(long count, unsigned seed) {
    float *floats = allocate((size_t)count * sizeof *floats);
    for (long i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        floats[i] = (float)(seed >> 8) / 8388608.0f - 1.0f;
    }
    return floats;
}

static long weights_of(const struct convolution *c) {
    return c->outputs * (c->channels / c->groups) * c->kernel * c->kernel;
}

static dnnl_memory_t hold(struct state *s, const_description description, void *data) {
    dnnl_memory_t memory;
    must(dnnl_memory_create(&memory, description, s->engine, data), "hold a tensor");
    return memory;
}

static dnnl_memory_t room(struct state *s, const_description description) {
    return hold(s, description, allocate(dnnl_memory_desc_get_size(description)));
}

static void add(struct step *step, int arg, dnnl_memory_t memory) {
    step->args[step->count++] = (dnnl_exec_arg_t){arg, memory};
}

static void execute(struct state *s, const struct step *step) {
    must(dnnl_primitive_execute(step->primitive, s->stream, step->count, step->args), "execute");
}

static struct step reorder(struct state *s, const_description from, dnnl_memory_t a, const_description to,
                           dnnl_memory_t b) {
    struct step step = {0};
    dnnl_primitive_desc_t plan;
    must(dnnl_reorder_primitive_desc_create(&plan, from, s->engine, to, s->engine, NULL), "plan a reorder");
    must(dnnl_primitive_create(&step.primitive, plan), "make a reorder");
    add(&step, DNNL_ARG_FROM, a);
    add(&step, DNNL_ARG_TO, b);
    return step;
}

static dnnl_memory_desc_t describe_weights(const struct convolution *c, dnnl_format_tag_t tag) {
    dnnl_dims_t plain = {c->outputs, c->channels, c->kernel, c->kernel};
    dnnl_dims_t grouped = {c->groups, c->outputs / c->groups, c->channels / c->groups, c->kernel, c->kernel};
    return c->groups == 1
               ? describe_tensor(4, plain, dnnl_f32, tag == dnnl_format_tag_any ? tag : dnnl_oihw)
               : describe_tensor(5, grouped, dnnl_f32, tag == dnnl_format_tag_any ? tag : dnnl_goihw);
}

static dnnl_primitive_desc_t plan(struct state *s, dnnl_format_tag_t tag) {
    const struct convolution *c = &s->c;
    dnnl_dims_t in = {c->batch, c->channels, c->size, c->size}, bias = {c->outputs};
    dnnl_dims_t out = {c->batch, c->outputs, c->out, c->out};
    dnnl_dims_t strides = {c->stride, c->stride}, pads = {c->kernel / 2, c->kernel / 2};
    dnnl_memory_desc_t x = describe_tensor(4, in, dnnl_f32, tag), y = describe_tensor(4, out, dnnl_f32, tag);
    dnnl_memory_desc_t w = describe_weights(c, dnnl_format_tag_any);
    dnnl_memory_desc_t b = describe_tensor(1, bias, dnnl_f32, dnnl_a);
    dnnl_primitive_desc_t made;
#if DNNL_VERSION_MAJOR >= 3
    dnnl_dims_t dilates = {0, 0};
    must(dnnl_convolution_forward_primitive_desc_create(&made, s->engine, dnnl_forward_inference,
                                                        dnnl_convolution_direct, x, w, b, y, strides, dilates,
                                                        pads, pads, NULL),
         "plan this convolution");
#else
    dnnl_convolution_desc_t operation;
    must(dnnl_convolution_forward_desc_init(&operation, dnnl_forward_inference, dnnl_convolution_direct, &x,
                                            &w, &b, &y, strides, pads, pads),
         "plan this convolution");
    must(dnnl_primitive_desc_create(&made, &operation, NULL, s->engine, NULL), "plan this convolution");
#endif
    return made;
}

/* Weights in the layout that the plan wants. */
static dnnl_memory_t lay_out_weights(struct state *s, const_description wanted) {
    dnnl_memory_desc_t plain = describe_weights(&s->c, dnnl_oihw);
    dnnl_memory_t laid = room(s, wanted);
    struct step step = reorder(s, REF(plain), hold(s, REF(plain), s->c.w), wanted, laid);
    execute(s, &step);
    must(dnnl_stream_wait(s->stream), "finish");
    return laid;
}

static struct way make_way(struct state *s, dnnl_format_tag_t tag) {
    const struct convolution *c = &s->c;
    struct way way = {.layouts = tag == dnnl_nchw ? "NCHW inside" : "its own layouts between reorders"};
    dnnl_dims_t in = {c->batch, c->channels, c->size, c->size}, out = {c->batch, c->outputs, c->out, c->out};
    dnnl_dims_t channels = {c->outputs};
    dnnl_memory_desc_t x = describe_tensor(4, in, dnnl_f32, dnnl_nchw),
                       y = describe_tensor(4, out, dnnl_f32, dnnl_nchw),
                       b = describe_tensor(1, channels, dnnl_f32, dnnl_a);
    dnnl_primitive_desc_t made = plan(s, tag);
    must(dnnl_primitive_desc_query(made, dnnl_query_impl_info_str, 0, &way.implementation),
         "name the kernel");
    const_description own_x = dnnl_primitive_desc_query_md(made, dnnl_query_src_md, 0),
                      own_y = dnnl_primitive_desc_query_md(made, dnnl_query_dst_md, 0),
                      own_w = dnnl_primitive_desc_query_md(made, dnnl_query_weights_md, 0);
    dnnl_memory_t from = hold(s, REF(x), c->x), to = hold(s, REF(y), c->y);
    bool same_x = dnnl_memory_desc_equal(REF(x), own_x), same_y = dnnl_memory_desc_equal(REF(y), own_y);
    dnnl_memory_t laid_x = same_x ? from : room(s, own_x), laid_y = same_y ? to : room(s, own_y);
    if (!same_x) way.steps[way.count++] = reorder(s, REF(x), from, own_x, laid_x);
    struct step *step = &way.steps[way.count++];
    must(dnnl_primitive_create(&step->primitive, made), "make this convolution");
    add(step, DNNL_ARG_SRC, laid_x);
    add(step, DNNL_ARG_WEIGHTS, lay_out_weights(s, own_w));
    add(step, DNNL_ARG_BIAS, hold(s, REF(b), c->bias));
    add(step, DNNL_ARG_DST, laid_y);
    if (!same_y) way.steps[way.count++] = reorder(s, own_y, laid_y, REF(y), to);
    return way;
}

static void run(void *context, size_t copy) {
    struct state *s = context;
    (void)copy;
    for (int i = 0; i < s->way.count; i++) execute(s, &s->way.steps[i]);
    must(dnnl_stream_wait(s->stream), "finish");
}

static double expected(const struct convolution *c, long image, long row, long oy, long ox) {
    long per = c->channels / c->groups, first = row / (c->outputs / c->groups) * per;
    double sum = (double)c->bias[row];
    for (long i = 0; i < per * c->kernel * c->kernel; i++) {
        long channel = i / (c->kernel * c->kernel), tap = i % (c->kernel * c->kernel);
        long y = oy * c->stride + tap / c->kernel - c->kernel / 2,
             x = ox * c->stride + tap % c->kernel - c->kernel / 2;
        if (y < 0 || x < 0 || y >= c->size || x >= c->size) continue;
        sum += (double)c->w[row * per * c->kernel * c->kernel + i] *
               (double)c->x[((image * c->channels + first + channel) * c->size + y) * c->size + x];
    }
    return sum;
}

/* At evenly spread places. */
static double error(void *context) {
    const struct convolution *c = &((struct state *)context)->c;
    double wrong = 0, right = 0;
    long places = c->batch * c->outputs * c->out * c->out;
    for (long i = 0; i < places; i += places / 256 + 1) {
        long pixel = i % (c->out * c->out), plane = i / (c->out * c->out);
        double want = expected(c, plane / c->outputs, plane % c->outputs, pixel / c->out, pixel % c->out);
        wrong += (want - (double)c->y[i]) * (want - (double)c->y[i]);
        right += want * want;
    }
    return sqrt(wrong / right);
}

static double time_way(struct state *s, struct way way) {
    s->way = way;
    return best_ns(run, s, 1);
}

int serve_convolution(struct layer *layer) {
    const long batch = layer->batch;
    struct state s = {.c = read_name(layer->net)};
    struct convolution *c = &s.c;
    c->batch = batch;
    c->x = random_floats(batch * c->channels * c->size * c->size, 1);
    c->w = random_floats(weights_of(c), 2);
    c->bias = random_floats(c->outputs, 3);
    c->y = allocate((size_t)(batch * c->outputs * c->out * c->out) * sizeof *c->y);
    omp_set_num_threads(layer->threads);
    must(dnnl_engine_create(&s.engine, dnnl_cpu, 0), "start");
    must(dnnl_stream_create(&s.stream, s.engine, dnnl_stream_default_flags), "start");
    struct way plain = make_way(&s, dnnl_nchw), own = make_way(&s, dnnl_format_tag_any);
    s.way = time_way(&s, plain) < time_way(&s, own) ? plain : own;
    const dnnl_version_t *v = dnnl_version();
    ready(NAME, "%d.%d.%d (convolution f32, %s, %s)", v->major, v->minor, v->patch, s.way.layouts,
          s.way.implementation);
    layer->check = error;
    return serve(layer, 1, run, NULL, &s);
}
