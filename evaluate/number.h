/* number.h - numbers as people read them, the same in every locale. */
#ifndef OZ_EVALUATE_NUMBER_H
#define OZ_EVALUATE_NUMBER_H

#include <stddef.h>
#include <stdint.h>

#define OZ_MINUS "\xe2\x88\x92" /* U+2212, as wide as a plus sign */

/* A number as text, returned by value so that calls can stand among a printf's arguments. */
typedef struct oz_shown {
    char text[32];
} oz_shown;

oz_shown oz_show_fixed(double v, int decimals);  /* "-0.25"; "-" if not finite */
oz_shown oz_show_signed(double v, int decimals); /* "+0.25", "−0.25", "0.00" */
oz_shown oz_show_digits(double v, int digits);   /* that many significant digits: "0.0312", "31.2", "1,310" */
oz_shown oz_show_count(uint64_t v);              /* "98,304" */
oz_shown oz_show_bytes(uint64_t v);              /* "96 KiB", "97.7 KiB", "1.25 MiB" */
oz_shown oz_show_time(double ns);                /* "1.31 ms" */

#endif
