/* made_up.h - a comparison with invented figures of plausible size, for reports to be tested on. */
#ifndef TESTS_EVALUATE_MADE_UP_H
#define TESTS_EVALUATE_MADE_UP_H

#include "evaluate/comparison.h"

/* Two bases, a ready-made model, sixteen methods, three budgets, eight more for the curves; judged. */
oz_comparison *made_up_comparison(void);

#endif
