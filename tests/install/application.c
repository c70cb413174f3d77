/* application.c - the smallest program that uses an installed Ounce; -DWITH_TOOLS adds the tools. */
#include <ounce/ounce.h>
#ifdef WITH_TOOLS
#include <ounce/tools.h>
#endif
#include <stdio.h>

int main(void) {
    oz_error error;
    oz_model *model = NULL;
    if (oz_version() != OZ_VERSION) return 1;
    if (oz_model_open("absent.safetensors", NULL, &model, &error) != OZ_ERR_IO || model) return 2;
    oz_model_free(model);
#ifdef WITH_TOOLS
    if (oz_verify("absent.safetensors", NULL, &error) != OZ_ERR_IO) return 3;
#endif
    printf("%s: %s\n", oz_version_string(), error.message);
    return 0;
}
