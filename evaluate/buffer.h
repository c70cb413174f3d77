/* buffer.h - a text that was written, as the buffer that its caller frees. */
#ifndef OZ_EVALUATE_BUFFER_H
#define OZ_EVALUATE_BUFFER_H

#include "base/text.h"

#include <ounce/tools.h>

/* Copies into a buffer, frees the text. Errors: MEMORY (also if the text failed). */
oz_status oz_buffer_from_text(oz_text *t, oz_buffer *out, oz_error *err);

#endif
