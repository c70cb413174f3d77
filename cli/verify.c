/* verify.c - ounce verify: structure, hashes, finite weights. */
#include <stdio.h>

#include "cli/json.h"
#include "cli/terminal.h"
#include "cli/verb.h"

typedef struct oz_verify_fields {
    oz_common common;
} oz_verify_fields;

static json_t *verdict_json(const char *path, oz_status status, const oz_error *err) {
    if (status == OZ_OK) return json_pack("{s:o, s:b}", "file", oz_json_text(path), "ok", 1);
    json_t *offset = err->offset == OZ_NO_OFFSET ? json_null() : json_integer((json_int_t)err->offset);
    return json_pack("{s:o, s:b, s:s, s:o, s:o, s:o}", "file", oz_json_text(path), "ok", 0, "status",
                     oz_status_name(status), "where", oz_json_text(err->where), "offset", offset, "error",
                     oz_json_text(err->message));
}

/* A file that can be read but is not what it should be is a failed check, not an error. */
static int verify(const char *path, const oz_common *common, json_t *list) {
    oz_error err = {0};
    oz_status status = oz_verify(path, oz_terminal_host(), &err);
    if (list) json_array_append_new(list, verdict_json(path, status, &err));
    if (status == OZ_OK) {
        if (!list && !common->quiet) printf("%s: whole\n", path);
        return EXIT_DONE;
    }
    int code = oz_report_error(path, &err);
    return code == EXIT_BAD_FILE ? EXIT_CHECK_FAILED : code;
}

static int run(const void *fields) {
    const oz_common *common = &((const oz_verify_fields *)fields)->common;
    json_t *list = common->json ? json_array() : NULL;
    int worst = EXIT_DONE;
    for (size_t i = 0; i < common->arguments.count; i++) {
        int code = verify(common->arguments.text[i], common, list);
        if (code > worst) worst = code;
        if (code == EXIT_INTERRUPTED) break;
    }
    if (list) oz_json_print(list);
    return worst;
}

const oz_verb oz_verb_verify = {
    .name = "verify",
    .summary = "Check a model's structure, hashes, and that every weight is finite",
    .usage = "MODEL...",
    .examples = "  ounce verify model.safetensors\n  ounce verify *.safetensors --json\n",
    .fields = sizeof(oz_verify_fields),
    .min_arguments = 1,
    .max_arguments = 65536,
    .run = run};
