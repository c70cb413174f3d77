/* report.h - counting cases, saying which one failed, and living on when a kernel touches a forbidden page.
 */
#ifndef OZ_TESTS_CHECK_REPORT_H
#define OZ_TESTS_CHECK_REPORT_H

#include <stdbool.h>
#include <stdint.h>

/* What all following cases have in common: seed, leaf, shape. */
void report_setting(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Runs one case of the kernel; it passes if `run` returns, no complaint was made and no page was hit. */
void report_case(const char *kernel, void (*run)(void *arg), void *arg);
/* Called by a case: the first complaint of each case is printed, of each kernel the first three. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A case that is not a kernel's run. */
void report_failure(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Kernels that had at least one case. */
bool report_was_run(const char *kernel);
/* Prints "N passed, N failed"; true if there were cases and all passed. */
bool report_summary(void);

#endif
