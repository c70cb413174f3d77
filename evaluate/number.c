/* number.c - decimals by integer arithmetic: printf's would follow the host's locale. */
#include "evaluate/number.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const double POWER[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};

static oz_shown show(const char *sign, double magnitude, int decimals) {
    oz_shown s;
    if (decimals > 9) decimals = 9;
    double scale = POWER[decimals > 0 ? decimals : 0];
    if (!(magnitude * scale < 1e18)) {
        snprintf(s.text, sizeof s.text, "-");
        return s;
    }
    uint64_t all = (uint64_t)(magnitude * scale + 0.5), unit = (uint64_t)scale;
    if (all == 0) sign = "";
    if (decimals > 0)
        snprintf(s.text, sizeof s.text, "%s%" PRIu64 ".%0*" PRIu64, sign, all / unit, decimals, all % unit);
    else
        snprintf(s.text, sizeof s.text, "%s%" PRIu64, sign, all);
    return s;
}

oz_shown oz_show_fixed(double v, int decimals) {
    return show(v < 0.0 ? "-" : "", fabs(v), decimals);
}

oz_shown oz_show_signed(double v, int decimals) {
    return show(v < 0.0 ? OZ_MINUS : "+", fabs(v), decimals);
}

oz_shown oz_show_count(uint64_t v) {
    char digits[24];
    oz_shown s;
    int n = snprintf(digits, sizeof digits, "%" PRIu64, v), at = 0;
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0) s.text[at++] = ',';
        s.text[at++] = digits[i];
    }
    s.text[at] = 0;
    return s;
}

oz_shown oz_show_digits(double v, int digits) {
    if (v == 0.0) return show("", 0.0, 0);
    int before = (int)floor(log10(fabs(v))) + 1, decimals = digits - before;
    if (decimals <= 0 && fabs(v) < 1e18 && v > 0.0) return oz_show_count((uint64_t)(v + 0.5));
    return oz_show_fixed(v, decimals > 0 ? decimals : 0);
}

static oz_shown with_unit(oz_shown number, const char *unit) {
    oz_shown s;
    snprintf(s.text, sizeof s.text, "%.22s %s", number.text, unit);
    return s;
}

oz_shown oz_show_bytes(uint64_t v) {
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    double size = (double)v;
    while (size >= 1023.95 && unit < 4) size /= 1024.0, unit++;
    if (unit == 0) return with_unit(oz_show_count(v), units[0]);
    int decimals = size == floor(size) ? 0 : size < 10.0 ? 2 : 1;
    return with_unit(show("", size, decimals), units[unit]);
}

oz_shown oz_show_time(double ns) {
    if (ns < 999.5) return with_unit(oz_show_digits(ns, 3), "ns");
    if (ns < 999.5e3) return with_unit(oz_show_digits(ns / 1e3, 3), "\xc2\xb5s");
    if (ns < 999.5e6) return with_unit(oz_show_digits(ns / 1e6, 3), "ms");
    return with_unit(oz_show_digits(ns / 1e9, 3), "s");
}
