/* json_check.h - the grammar of RFC 8259 over untrusted text, before any token is made. */
#ifndef OZ_BASE_JSON_CHECK_H
#define OZ_BASE_JSON_CHECK_H

#include "base/error.h"

/* Accepts one object or array (with white space around it) whose strings are UTF-8 with proper escapes and
 * whose nesting is at most OZ_JSON_DEPTH, and counts its keys and values.  `origin` is added to the offset of
 * errors.  Duplicate keys are not looked for here.  Errors: FORMAT, LIMIT (nesting, 2 GiB of text). */
oz_status oz_json_check(const char *text, size_t bytes, uint64_t origin, uint32_t *tokens, oz_error *err);

#endif
