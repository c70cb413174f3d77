/* json_text.c - undoing escapes, comparing without copies, and reading decimals exactly.
 *
 * strtod reads the decimal point of the host's locale, so it is given numbers without a point: the digits as
 * one whole number and a corrected exponent.  768 significant digits decide every rounding; of what comes
 * after them only whether it is zero. */
#include "base/json_text.h"

#include "base/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static uint32_t read_code_unit(oz_json_reader *r) {
    uint32_t unit = 0;
    for (int i = 0; i < 4; i++) {
        uint32_t ch = (uint8_t)*r->at++;
        unit = unit * 16 + (ch <= '9' ? ch - '0' : (ch | 0x20) - 'a' + 10);
    }
    return unit;
}

/* After "\u": fills r->escaped, last byte first. */
static void read_code_point(oz_json_reader *r) {
    uint32_t code = read_code_unit(r);
    if (code >= 0xd800 && code <= 0xdbff) {
        r->at += 2; /* the second \u, which the checker has seen */
        code = 0x10000 + ((code - 0xd800) << 10) + (read_code_unit(r) - 0xdc00);
    }
    char forward[4];
    r->left = (uint8_t)oz_utf8_encode(code, forward);
    for (uint8_t i = 0; i < r->left; i++) r->escaped[i] = forward[r->left - 1 - i];
}

int oz_json_read_byte(oz_json_reader *r) {
    if (r->left > 0) return (uint8_t)r->escaped[--r->left];
    if (r->at == r->end) return -1;
    char ch = *r->at++;
    if (ch != '\\') return (uint8_t)ch;
    ch = *r->at++;
    switch (ch) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'u':
        read_code_point(r);
        return (uint8_t)r->escaped[--r->left];
    default:
        return (uint8_t)ch;
    }
}

int oz_json_compare(const char *a, size_t a_bytes, const char *b, size_t b_bytes) {
    oz_json_reader left = {.at = a, .end = a + a_bytes}, right = {.at = b, .end = b + b_bytes};
    for (;;) {
        int x = oz_json_read_byte(&left), y = oz_json_read_byte(&right);
        if (x != y) return x - y;
        if (x < 0) return 0;
    }
}

/* ---- numbers ---------------------------------------------------------------------- */

enum { MAX_DIGITS = 770, MAX_EXPONENT = 1000000000 };

typedef struct decimal {
    char digits[MAX_DIGITS + 32]; /* with room for "e-", the exponent and the NUL */
    size_t used;
    int64_t exponent; /* of ten, for the digits as a whole number */
    bool rest;        /* something other than zero was left out */
} decimal;

static void add_digit(decimal *d, char digit, bool fraction) {
    bool leading_zero = d->used == 0 && digit == '0';
    bool kept = d->used < MAX_DIGITS;
    if (kept && !leading_zero) d->digits[d->used++] = digit;
    if (!kept && digit != '0') d->rest = true;
    if (fraction && kept) d->exponent--;
    if (!fraction && !kept) d->exponent++;
}

static int64_t read_exponent(const char *text, const char *end) {
    bool negative = *text == '-';
    if (*text == '-' || *text == '+') text++;
    int64_t exponent = 0;
    for (; text < end; text++)
        if (exponent < MAX_EXPONENT * INT64_C(10)) exponent = exponent * 10 + (*text - '0');
    return negative ? -exponent : exponent;
}

static decimal read_decimal(const char *text, size_t bytes) {
    decimal d = {.used = 0};
    const char *end = text + bytes;
    bool fraction = false;
    for (; text < end && *text != 'e' && *text != 'E'; text++) {
        if (*text == '.')
            fraction = true;
        else
            add_digit(&d, *text, fraction);
    }
    if (text < end) d.exponent += read_exponent(text + 1, end);
    return d;
}

bool oz_json_number(const char *text, size_t bytes, double *out) {
    bool negative = *text == '-';
    decimal d = read_decimal(text + negative, bytes - negative);
    double value = 0;
    if (d.used > 0) {
        if (d.rest) d.digits[d.used - 1] |= 1; /* '0' becomes '1', an even digit its odd neighbour */
        int64_t exponent = d.exponent;
        if (exponent > MAX_EXPONENT) exponent = MAX_EXPONENT;
        if (exponent < -MAX_EXPONENT) exponent = -MAX_EXPONENT;
        snprintf(d.digits + d.used, sizeof d.digits - d.used, "e%" PRId64, exponent);
        int saved = errno;
        value = strtod(d.digits, NULL);
        errno = saved;
    }
    if (!isfinite(value)) return false;
    *out = negative ? -value : value;
    return true;
}
