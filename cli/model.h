/* model.h - what several verbs do with models: open them, say what they are called. */
#ifndef OZ_CLI_MODEL_H
#define OZ_CLI_MODEL_H

#include "cli/verb.h"

/* Opens, or prints why not and gives the exit code (0 = open). */
int oz_open_model(const char *path, oz_model **out);
/* Plan options from the common ones. */
oz_plan_options oz_plan_from(const oz_common *common, uint32_t max_batch);
/* Threads that have come to share a core, as after another program's turn, do so until the scheduler has seen
 * them at work for two or three of its ticks. So long what is timed is run before. */
enum { OZ_SETTLE_NS = 25000000 };
/* Keeps the threads of a plan at work for that time. */
void oz_settle_threads(const oz_plan_options *opt);
/* "x f32 [N, 3, 32, 32]" in a buffer of 128. */
void oz_describe_tensor(const oz_tensor_info *t, char out[128]);
/* The file's name without folders and ".safetensors". */
const char *oz_short_name(const char *path);

#endif
