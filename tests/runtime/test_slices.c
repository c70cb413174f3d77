/* test_slices.c - a batch that is run in slices: every image has the bits that it has alone. */
#include <criterion/criterion.h>

#include <string.h>

#include "runtime/session.h"
#include "runtime/slices.h"
#include "tests/runtime/net.h"

enum { MOST = 13, HEIGHT = 12, WIDTH = 8, CHANNELS = 16, MIDDLE = CHANNELS * HEIGHT * WIDTH, ENDS = 10 };

static float x[MOST * 3 * HEIGHT * WIDTH];

typedef struct results {
    float middle[MOST * MIDDLE], end[MOST * ENDS];
} results;

/* A residual block; a tensor from its middle is an output, another is read behind the part that slices run.
 */
static void make_network(net *n) {
    float w[CHANNELS * CHANNELS * 9];
    net_fill(w, CHANNELS * CHANNELS * 9, 2);
    net_weight(n, "c1", "dense,codec=f32", CHANNELS, 27, w);
    net_weight(n, "c2", "dense,codec=f32", CHANNELS, CHANNELS * 9, w);
    net_weight(n, "fc", "dense,codec=f32", ENDS, CHANNELS, w);
    net_must_open(n, "{\"inputs\":{\"x\":[\"N\",3,\"H\",8]},\"outputs\":[\"b\",\"y\"],\"nodes\":["
                     "[\"conv2d\",\"a\",[\"x\"],{\"weight\":\"c1\",\"kernel\":3,\"pad\":1,\"act\":\"relu\"}],"
                     "[\"conv2d\",\"b\",[\"a\"],{\"weight\":\"c2\",\"kernel\":3,\"pad\":1}],"
                     "[\"add\",\"c\",[\"a\",\"b\"],{\"act\":\"relu\"}],"
                     "[\"slice\",\"d\",[\"c\"],{\"axis\":2,\"step\":2}],[\"global_avg_pool\",\"p\",[\"d\"]],"
                     "[\"flatten\",\"q\",[\"p\"],{}],[\"linear\",\"y\",[\"q\"],{\"weight\":\"fc\"}]]}");
}

/* Images [first, first + n) of `height` lines; true if slices ran. */
static bool run(net *n, const oz_plan_options *opt, size_t first, size_t images, size_t height, results *r) {
    oz_plan *plan;
    oz_session *session;
    oz_tensor in = net_tensor(x + first * 3 * height * WIDTH, sizeof *x, 4,
                              (int64_t[]){(int64_t)images, 3, (int64_t)height, WIDTH});
    oz_tensor out[2] = {
        net_room(r->middle + first * CHANNELS * height * WIDTH, images * CHANNELS * height * WIDTH),
        net_room(r->end + first * ENDS, images * ENDS)};
    cr_assert_eq(oz_plan_create(n->model, opt, &plan, &n->err), OZ_OK, "%s", n->err.message);
    cr_assert_eq(oz_session_create(plan, &session, &n->err), OZ_OK, "%s", n->err.message);
    cr_assert_eq(oz_run(session, &in, 1, out, 2, NULL, &n->err), OZ_OK, "%s", n->err.message);
    bool sliced = plan->slice && session->slices[0].plan == plan->slice;
    oz_session_free(session);
    oz_plan_free(plan);
    return sliced;
}

static void compare(size_t height, int threads) {
    static results alone, together;
    net n = {0};
    make_network(&n);
    oz_plan_options opt = OZ_PLAN_INIT;
    opt.reproducible = true;
    opt.max_batch = 1;
    opt.max_free = HEIGHT;
    for (size_t i = 0; i < MOST; i++) cr_assert(!run(&n, &opt, i, 1, height, &alone));
    opt.max_batch = MOST;
    opt.threads = threads;
    bool sliced = run(&n, &opt, 0, MOST, height, &together);
    cr_assert(sliced || threads > 1, "a thread alone takes no slices");
    cr_assert(memcmp(alone.middle, together.middle, MOST * CHANNELS * height * WIDTH * sizeof(float)) == 0);
    for (size_t i = 0; i < MOST * ENDS; i++)
        cr_assert_float_eq(alone.end[i], together.end[i], 1e-4, "%d threads: %zu", threads, i);
    net_free(&n);
}

Test(slices, give_every_image_the_bits_that_it_has_alone) {
    net_fill(x, sizeof x / sizeof *x, 1);
    for (int threads = 1; threads <= 7; threads++) {
        compare(HEIGHT, threads);
        compare(HEIGHT - 3, threads);
    }
}
