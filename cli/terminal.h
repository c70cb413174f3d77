/* terminal.h - what a person sees: progress on stderr, sizes and names in words; and Ctrl-C.
 *
 * Progress shows on a terminal, for work that lasts more than half a second. The first Ctrl-C makes the
 * library's progress callback say stop, so that whoever writes a file can remove it; a second ends the
 * process. */
#ifndef OZ_CLI_TERMINAL_H
#define OZ_CLI_TERMINAL_H

#include <ounce/tools.h>

#include <stddef.h>

void oz_terminal_start(bool quiet);
bool oz_terminal_progress(void *ctx, const char *stage, uint64_t done, uint64_t total);
void oz_terminal_clear(void); /* removes the progress line before other output */
bool oz_terminal_interrupted(void);
void oz_terminal_hold_interrupts(bool hold); /* while held, a second one does not end the process */
uint64_t oz_terminal_clock_ns(void);
int oz_terminal_width(void); /* of stdout; 0 if it is no terminal */
bool oz_terminal_colour(void);
/* The host services of every call: progress and nothing else. */
const oz_host *oz_terminal_host(void);

/* "96.0 KiB" in one of a few rotating buffers. */
const char *oz_size_text(uint64_t bytes);
/* "1.23 ms" likewise. */
const char *oz_time_text(double ns);
/* Text from a file, with control bytes made harmless, likewise (cut at 200 bytes). */
const char *oz_safe_text(const char *text);
/* A text of lines, such as a recipe, the same way on one line: "; " stands where a line ended. */
const char *oz_one_line(const char *text);

#endif
