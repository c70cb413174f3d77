/* test_onednn.c - what oneDNN must not do to the program around it: take threads of its own, or run where the
 * frame of a signal would overwrite the heap. */
#include "kernels/onednn.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/kernel.h"

enum { ROWS = 256, DEPTH = 576, PANELS = 200, FAR = 1 << 20 };

static atomic_bool done;
static atomic_int arrived, misplaced;
static uintptr_t stack;

/* A handler runs below the code that it interrupts: on the stack of its thread, if that code was. */
static void handle(int signal_number) {
    (void)signal_number;
    char here;
    uintptr_t at = (uintptr_t)&here;
    if ((at < stack ? stack - at : at - stack) > FAR) atomic_fetch_add(&misplaced, 1);
    atomic_fetch_add(&arrived, 1);
}

static void *send_signals(void *thread) {
    while (!atomic_load(&done)) pthread_kill(*(pthread_t *)thread, SIGUSR1);
    return NULL;
}

static void multiply(int panels) {
    float *w = calloc(ROWS * DEPTH, sizeof *w), *x = calloc(DEPTH * OZ_COLUMNS, sizeof *x);
    float *y = calloc(ROWS * OZ_COLUMNS, sizeof *y);
    cr_assert(w && x && y);
    for (int i = 0; i < panels; i++) cr_assert(oz_dnnl_panel(w, ROWS, DEPTH, x, OZ_COLUMNS, y));
    free(w);
    free(x);
    free(y);
}

Test(onednn, signals_leave_the_heap_alone) {
    if (!oz_dnnl_available()) cr_skip_test("built without oneDNN");
    char here;
    stack = (uintptr_t)&here;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handle;
    cr_assert_eq(sigaction(SIGUSR1, &action, NULL), 0);
    pthread_t self = pthread_self(), sender;
    cr_assert_eq(pthread_create(&sender, NULL, send_signals, &self), 0);
    multiply(PANELS);
    atomic_store(&done, true);
    cr_assert_eq(pthread_join(sender, NULL), 0);
    cr_assert_gt(arrived, 0);
    cr_assert_eq(misplaced, 0, "%d of %d signals wrote elsewhere than on the stack", misplaced, arrived);
}

Test(onednn, leaves_the_signal_mask_as_it_was) {
    if (!oz_dnnl_available()) cr_skip_test("built without oneDNN");
    sigset_t before, after;
    sigemptyset(&before);
    sigaddset(&before, SIGUSR2);
    cr_assert_eq(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
    multiply(1);
    cr_assert_eq(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
    cr_assert(sigismember(&after, SIGUSR2));
    cr_assert_not(sigismember(&after, SIGINT));
}

static int threads(void) {
    DIR *tasks = opendir("/proc/self/task");
    int n = 0;
    while (tasks && readdir(tasks)) n++;
    if (tasks) closedir(tasks);
    return n;
}

Test(onednn, stays_on_the_calling_thread) {
    if (!oz_dnnl_available()) cr_skip_test("built without oneDNN");
    int before = threads();
    multiply(2);
    cr_assert_eq(threads(), before);
}
