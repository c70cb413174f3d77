/* machine.c - see machine.h. */
#include "cli/bench/machine.h"

#include <stdio.h>
#include <string.h>

/* The C library's word for it is ten times too large on some virtual machines. */
uint64_t oz_cache_bytes(int index) {
    char path[80];
    unsigned long long kilobytes = 0;
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/size", index);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    if (fscanf(file, "%lluK", &kilobytes) != 1) kilobytes = 0;
    fclose(file);
    return 1024 * (uint64_t)kilobytes;
}

const char *oz_processor_field(const char *name) {
    static char line[200];
    FILE *file = fopen("/proc/cpuinfo", "r");
    const char *value = "";
    while (file && !*value && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        char *colon = strchr(line, ':');
        if (colon && strncmp(line, name, strlen(name)) == 0 && strchr("\t :", line[strlen(name)]))
            value = colon[1] == ' ' ? colon + 2 : colon + 1;
    }
    if (file) fclose(file);
    return value;
}
