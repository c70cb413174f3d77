/* options.h - command lines into structs, and tables of options into help. */
#ifndef OZ_CLI_OPTIONS_H
#define OZ_CLI_OPTIONS_H

#include "cli/verb.h"

/* Fills `fields` (zeroed, verb->fields bytes). Prints what is wrong and returns false. `--help` sets *help.
 */
bool oz_options_parse(const oz_verb *verb, int argc, char **argv, void *fields, bool *help);
void oz_options_help(const oz_verb *verb);
/* "160KiB", "1.5MiB", "96k", "1000" -> bytes, at least one; false if it is none. */
bool oz_parse_size(const char *text, uint64_t *bytes);
/* A whole number from 1; false if it is none. */
bool oz_parse_count(const char *text, uint64_t *out);
void oz_texts_add(oz_texts *list, const char *text);

#endif
