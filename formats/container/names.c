/* names.c - names are UTF-8 without control bytes, so that they can be printed and be C strings. */
#include "formats/container/names.h"

#include "base/json_text.h"
#include "base/utf8.h"
#include "formats/container/safetensors.h"

#include <inttypes.h>
#include <string.h>

static bool is_control(int ch) {
    return ch < 0x20 || ch == 0x7f;
}

static oz_status copy(const oz_json *j, oz_value v, uint64_t bytes, oz_arena *arena, const char **out,
                      oz_error *err) {
    *out = oz_json_string(j, v, arena);
    return *out ? OZ_OK : oz_out_of_memory(arena, bytes + 1, err);
}

oz_status oz_read_text(const oz_json *j, oz_value v, oz_arena *arena, const char **out, oz_error *err) {
    size_t bytes;
    const char *raw = oz_json_raw(j, v, &bytes);
    if (!raw) return oz_fail(err, OZ_ERR_FORMAT, oz_json_offset(j, v), "", "a string must stand here");
    oz_json_reader r = {.at = raw, .end = raw + bytes};
    for (int ch; (ch = oz_json_read_byte(&r)) >= 0;)
        if (ch == 0)
            return oz_fail(err, OZ_ERR_FORMAT, oz_json_offset(j, v), "", "a string must not hold \\u0000");
    return copy(j, v, bytes, arena, out, err);
}

oz_status oz_read_name(const oz_json *j, oz_value v, uint64_t max_bytes, oz_arena *arena, const char **out,
                       oz_error *err) {
    size_t bytes;
    const char *raw = oz_json_raw(j, v, &bytes);
    if (!raw) return oz_fail(err, OZ_ERR_FORMAT, oz_json_offset(j, v), "", "a name must be a string");
    oz_json_reader r = {.at = raw, .end = raw + bytes};
    uint64_t length = 0;
    for (int ch; (ch = oz_json_read_byte(&r)) >= 0; length++)
        if (is_control(ch))
            return oz_fail(err, OZ_ERR_FORMAT, oz_json_offset(j, v), "",
                           "a name holds the control byte 0x%02x", (unsigned)ch);
    if (length > max_bytes)
        return oz_fail(err, OZ_ERR_LIMIT, oz_json_offset(j, v), "",
                       "a name of %" PRIu64 " bytes; %" PRIu64 " are allowed", length, max_bytes);
    return copy(j, v, bytes, arena, out, err);
}

oz_status oz_name_check(const char *name, uint64_t max_bytes, oz_error *err) {
    size_t bytes = strlen(name);
    if (bytes == 0) return oz_fail(err, OZ_ERR_FORMAT, OZ_NO_OFFSET, "", "a name is empty");
    if (bytes > max_bytes)
        return oz_fail(err, OZ_ERR_LIMIT, OZ_NO_OFFSET, name,
                       "its name has %zu bytes; %" PRIu64 " are allowed", bytes, max_bytes);
    for (size_t i = 0, length; i < bytes; i += length) {
        length = oz_utf8_length(name + i, bytes - i);
        if (length == 0 || is_control((unsigned char)name[i]))
            return oz_fail(err, OZ_ERR_FORMAT, OZ_NO_OFFSET, name,
                           "its name has a byte that is a control or not UTF-8");
    }
    return OZ_OK;
}
