/* terminal.c - see terminal.h. */
#include "cli/terminal.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted, held;
static bool shows_progress, line_shown;
static double started, shown;

uint64_t oz_terminal_clock_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double now(void) {
    return 1e-9 * (double)oz_terminal_clock_ns();
}

static void on_interrupt(int signal_number) {
    (void)signal_number;
    if (interrupted && !held) _exit(130);
    interrupted = 1;
}

void oz_terminal_start(bool quiet) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_interrupt;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN; /* a file that may not grow further is an error of write() */
    sigaction(SIGXFSZ, &action, NULL);
    const char *term = getenv("TERM");
    shows_progress = !quiet && isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0);
    started = now();
}

bool oz_terminal_interrupted(void) {
    return interrupted != 0;
}

void oz_terminal_hold_interrupts(bool hold) {
    held = hold;
}

bool oz_terminal_progress(void *ctx, const char *stage, uint64_t done, uint64_t total) {
    (void)ctx;
    double t = now();
    if (shows_progress && t - started > 0.5 && t - shown > 0.1) {
        shown = t;
        line_shown = true;
        int filled = total ? (int)(30.0 * (double)done / (double)total) : 0;
        fprintf(stderr, "\r\033[K[%.*s%*s] %3.0f %%  %.60s", filled > 30 ? 30 : filled,
                "##############################", 30 - (filled > 30 ? 30 : filled), "",
                total ? 100.0 * (double)done / (double)total : 0.0, stage);
        fflush(stderr);
    }
    return !interrupted;
}

void oz_terminal_clear(void) {
    if (line_shown) fprintf(stderr, "\r\033[K");
    line_shown = false;
}

int oz_terminal_width(void) {
    struct winsize size;
    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return 0;
    return size.ws_col;
}

bool oz_terminal_colour(void) {
    const char *term = getenv("TERM");
    return isatty(STDOUT_FILENO) && !getenv("NO_COLOR") && !(term && strcmp(term, "dumb") == 0);
}

const oz_host *oz_terminal_host(void) {
    static const oz_host host = {.size = sizeof(oz_host), .progress = oz_terminal_progress};
    return &host;
}

static char *next_buffer(void) {
    static char buffers[16][256];
    static unsigned next;
    return buffers[next++ % 16];
}

const char *oz_size_text(uint64_t bytes) {
    char *text = next_buffer();
    double n = (double)bytes;
    if (bytes < 10000) {
        snprintf(text, 256, "%llu B", (unsigned long long)bytes);
    } else if (n < 1000 * 1024) {
        snprintf(text, 256, "%.1f KiB", n / 1024);
    } else if (n < 1000.0 * 1024 * 1024) {
        snprintf(text, 256, "%.2f MiB", n / (1024 * 1024));
    } else {
        snprintf(text, 256, "%.2f GiB", n / (1024 * 1024 * 1024));
    }
    return text;
}

const char *oz_time_text(double ns) {
    char *text = next_buffer();
    const char *unit = ns < 1e3 ? "ns" : ns < 1e6 ? "us" : ns < 1e9 ? "ms" : "s";
    double scaled = ns < 1e3 ? ns : ns < 1e6 ? ns / 1e3 : ns < 1e9 ? ns / 1e6 : ns / 1e9;
    snprintf(text, 256, "%.3g %s", scaled, unit);
    return text;
}

/* C0 controls, DEL, and the C1 controls U+0080 to U+009F, which terminals obey as well. */
static bool is_control(const char *text, size_t i) {
    unsigned char c = (unsigned char)text[i];
    return c < 0x20 || c == 0x7f || (c >= 0x80 && c < 0xa0 && i && (unsigned char)text[i - 1] == 0xc2);
}

const char *oz_one_line(const char *text) {
    char *out = next_buffer();
    size_t n = 0;
    while (*text && n < 200) {
        size_t line = strcspn(text, "\n");
        int used =
            snprintf(out + n, 256 - n, "%s%.*s", n && line ? "; " : "", (int)(line < 200 ? line : 200), text);
        n = n + (size_t)used < 255 ? n + (size_t)used : 255;
        text += line + (text[line] == '\n');
    }
    out[n] = '\0';
    return oz_safe_text(out);
}

const char *oz_safe_text(const char *text) {
    char *out = next_buffer();
    size_t n = 0;
    for (; text[n] && n < 200; n++) out[n] = is_control(text, n) ? '?' : text[n];
    out[n] = '\0';
    return out;
}
