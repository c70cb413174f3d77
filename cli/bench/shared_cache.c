/* shared_cache.c - see shared_cache.h. */
#include "cli/bench/shared_cache.h"

#include <math.h>

#include "cli/bench/machine.h"
#include "cli/model.h"
#include "cli/terminal.h"

/* Of the best pace; memory has half of it or less. */
#define AS_FAST 0.8

static int pace(const oz_common *common, double bytes, double *per_ns) {
    oz_plan_options opt = oz_plan_from(common, 1);
    oz_error err = {0};
    opt.threads = 1;
    opt.clock_ns = oz_terminal_clock_ns;
    if (oz_machine_limit(OZ_LIMIT_READ, (uint64_t)bytes, &opt, per_ns, &err) == OZ_OK) return EXIT_DONE;
    return oz_report_error(NULL, &err);
}

int oz_bench_shared_cache(const oz_common *common, double *bytes) {
    const double own = (double)oz_cache_bytes(2), last = fmax((double)oz_cache_bytes(3), own);
    double best = 0;
    *bytes = own;
    for (double size = 2 * own; own > 0 && size <= last; size *= 1.414) {
        double now;
        int code = pace(common, size, &now);
        if (code) return code;
        if (now < AS_FAST * best) break;
        best = fmax(best, now);
        *bytes = size;
    }
    return EXIT_DONE;
}
