#include "evaluate/buffer.h"

#include <string.h>

enum { BUFFER_ALIGN = 64 };

oz_status oz_buffer_from_text(oz_text *t, oz_buffer *out, oz_error *err) {
    void *data = t->failed ? NULL : oz_alloc(NULL, t->bytes, BUFFER_ALIGN);
    *out = (oz_buffer){data, data ? t->bytes : 0};
    if (data && t->bytes) memcpy(data, t->data, t->bytes);
    oz_text_free(t);
    return data ? OZ_OK : oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, "", "no memory for the report");
}
