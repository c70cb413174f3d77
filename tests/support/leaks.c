/* leaks.c - a leak fails the test that leaks, and so does a crash in its teardown.
 *
 * Criterion runs each test in a process of its own and has its verdict before fixtures are torn down
 * and the process exits: what LeakSanitizer says at exit is printed and forgotten, and a crash in a
 * fixture is a warning.  Here teardown and leak check become the last part of the test itself.  The
 * linker sends the call that every Test() makes to the wrapper below (-Wl,--wrap).  A test that fails
 * earlier is torn down by Criterion as usual. */
#include <criterion/criterion.h>
#include <sanitizer/lsan_interface.h>

void __real_criterion_internal_test_main(void (*test)(void));
void __wrap_criterion_internal_test_main(void (*test)(void));

static void (*plain_test)(void);
static void (*parameterized_test)(void *);

/* Criterion hands the process a packed copy of the test's description. */
__attribute__((no_sanitize("alignment"))) static void tear_down(struct criterion_test_extra_data *fixture) {
    if (!fixture || !fixture->fini) return;
    fixture->fini();
    fixture->fini = NULL;
}

static void finish(void) {
    tear_down(criterion_current_test->data);
    tear_down(criterion_current_suite->data);
    cr_assert(__lsan_do_recoverable_leak_check() == 0, "the test leaks memory");
}

static void run_plain(void) {
    plain_test();
    finish();
}

static void run_parameterized(void *parameter) {
    parameterized_test(parameter);
    finish();
}

__attribute__((no_sanitize("alignment"))) void __wrap_criterion_internal_test_main(void (*test)(void)) {
    bool parameterized = criterion_current_test->data->kind_ == CR_TEST_PARAMETERIZED;
    plain_test = test;
    parameterized_test = (void (*)(void *))test;
    __real_criterion_internal_test_main(parameterized ? (void (*)(void))run_parameterized : run_plain);
}
