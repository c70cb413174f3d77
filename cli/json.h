/* json.h - the command's JSON output, by Jansson. This is the only file of cli/ that includes it. */
#ifndef OZ_CLI_JSON_H
#define OZ_CLI_JSON_H

#include <jansson.h>

#include <ounce/ounce.h>

json_t *oz_json_bytes(const oz_bytes *b);
/* Text that came from a file: bytes that are no UTF-8 become '?'. */
json_t *oz_json_text(const char *text);
/* Prints and releases the value; returns the exit code. */
int oz_json_print(json_t *value);

#endif
