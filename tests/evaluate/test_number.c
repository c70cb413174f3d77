/* Numbers as text, whatever the locale. */
#include "evaluate/number.h"

#include <criterion/criterion.h>
#include <locale.h>
#include <math.h>

#define SAYS(got, want) cr_assert_str_eq((got).text, want)

static void check_all(void) {
    SAYS(oz_show_fixed(-0.25, 2), "-0.25");
    SAYS(oz_show_fixed(0.005, 2), "0.01");
    SAYS(oz_show_fixed(-0.001, 2), "0.00");
    SAYS(oz_show_fixed(12.0, 0), "12");
    SAYS(oz_show_fixed(NAN, 1), "-");
    SAYS(oz_show_fixed(INFINITY, 1), "-");
    SAYS(oz_show_fixed(1e300, 1), "-");
    SAYS(oz_show_signed(-1.25, 1), OZ_MINUS "1.3");
    SAYS(oz_show_signed(0.5, 1), "+0.5");
    SAYS(oz_show_signed(-0.04, 1), "0.0");
    SAYS(oz_show_count(0), "0");
    SAYS(oz_show_count(999), "999");
    SAYS(oz_show_count(98304), "98,304");
    SAYS(oz_show_count(UINT64_MAX), "18,446,744,073,709,551,615");
    SAYS(oz_show_digits(0.03121, 3), "0.0312");
    SAYS(oz_show_digits(31.21, 3), "31.2");
    SAYS(oz_show_digits(1310.4, 3), "1,310");
    SAYS(oz_show_digits(0.0, 3), "0");
    SAYS(oz_show_bytes(512), "512 bytes");
    SAYS(oz_show_bytes(96 * 1024), "96 KiB");
    SAYS(oz_show_bytes(100000), "97.7 KiB");
    SAYS(oz_show_bytes(1310720), "1.25 MiB");
    SAYS(oz_show_bytes(1024 * 1024 - 1), "1.00 MiB");
    SAYS(oz_show_time(950.0), "950 ns");
    SAYS(oz_show_time(1.307e6), "1.31 ms");
    SAYS(oz_show_time(2.5e9), "2.50 s");
}

Test(number, plain) {
    check_all();
}

Test(number, in_a_locale_with_decimal_commas) {
    if (!setlocale(LC_ALL, "de_DE.UTF-8") && !setlocale(LC_ALL, "fr_FR.UTF-8"))
        cr_skip_test("no such locale");
    check_all();
}
