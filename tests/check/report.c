/* report.c - see report.h. */
#include "tests/check/report.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_KERNELS = 4096, MOST_COMPLAINTS = 3 };

typedef struct kernel {
    const char *name; /* the table's own text: compared by address first */
    unsigned cases, failures;
} kernel;

static kernel kernels[MOST_KERNELS];
static size_t n_kernels;
static kernel *current;
static bool complained;
static unsigned long passed, failed;
static char setting[320];
static sigjmp_buf escape;

static kernel *find(const char *name) {
    for (size_t i = n_kernels; i-- > 0;)
        if (kernels[i].name == name || strcmp(kernels[i].name, name) == 0) return &kernels[i];
    return NULL;
}

static kernel *find_or_add(const char *name) {
    kernel *k = find(name);
    if (k) return k;
    if (n_kernels == MOST_KERNELS) {
        fprintf(stderr, "more than %d kernels\n", MOST_KERNELS);
        exit(2);
    }
    kernels[n_kernels] = (kernel){.name = name};
    return &kernels[n_kernels++];
}

void report_setting(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(setting, sizeof setting, format, args);
    va_end(args);
}

static void say(const char *name, const char *format, va_list args) {
    printf("FAIL %s: %s: ", name, setting);
    vprintf(format, args);
    printf("\n");
}

void complain(const char *format, ...) {
    if (complained) return;
    complained = true;
    if (current->failures++ >= MOST_COMPLAINTS) return;
    va_list args;
    va_start(args, format);
    say(current->name, format, args);
    va_end(args);
}

void report_failure(const char *format, ...) {
    va_list args;
    va_start(args, format);
    say("checks", format, args);
    va_end(args);
    failed++;
}

/* A kernel holds nothing that a jump out of it could leave behind. */
static void on_fault(int signal_number) {
    siglongjmp(escape, signal_number);
}

static void catch_faults(void) {
    static bool done;
    struct sigaction action = {.sa_handler = on_fault};
    if (done) return;
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    sigaction(SIGILL, &action, NULL);
    done = true;
}

void report_case(const char *name, void (*run)(void *arg), void *arg) {
    catch_faults();
    current = find_or_add(name);
    current->cases++;
    complained = false;
    int fault = sigsetjmp(escape, 1);
    if (fault == 0)
        run(arg);
    else
        complain(fault == SIGILL ? "illegal instruction" : "touches memory beyond its data");
    if (complained)
        failed++;
    else
        passed++;
}

bool report_was_run(const char *name) {
    return find(name) != NULL;
}

bool report_summary(void) {
    printf("%lu passed, %lu failed\n", passed, failed);
    return failed == 0 && passed != 0;
}
