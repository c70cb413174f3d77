/* verify.c - ounce verify: structure, hashes, finite weights. */
#include <stdio.h>

#include "cli/json.h"
#include "cli/terminal.h"
#include "cli/verb.h"

typedef struct oz_verify_fields {
    oz_common common;
} oz_verify_fields;

static int run(const void *fields) {
    const oz_verify_fields *f = fields;
    int code = EXIT_DONE;
    json_t *list = f->common.json ? json_array() : NULL;
    for (size_t i = 0; i < f->common.arguments.count; i++) {
        const char *path = f->common.arguments.text[i];
        oz_error err = {0};
        oz_status status = oz_verify(path, oz_terminal_host(), &err);
        if (f->common.json) {
            json_array_append_new(list, json_pack("{s:o, s:b, s:o}", "file", oz_json_text(path), "ok",
                                                  status == OZ_OK, "error",
                                                  status == OZ_OK ? json_null() : oz_json_text(err.message)));
        }
        if (status != OZ_OK) {
            int one = oz_report_error(path, &err);
            code = one == EXIT_BAD_FILE ? (code ? code : EXIT_CHECK_FAILED) : one;
        } else if (!f->common.json && !f->common.quiet) {
            printf("%s: whole\n", path);
        }
    }
    if (list) oz_json_print(list);
    return code;
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
