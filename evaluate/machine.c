/* machine.c - the machine that figures were measured on, as a report names it. */
#include "evaluate/comparison.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The processor's name from Linux's list, if there is one; else the architecture stays unnamed. */
static void read_cpu_name(char *out, size_t room) {
    char line[256];
    FILE *f = fopen("/proc/cpuinfo", "r");
    snprintf(out, room, "unknown processor");
    while (f && fgets(line, sizeof line, f)) {
        char *value = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !value) continue;
        value += strspn(value, ": \t");
        value[strcspn(value, "\n")] = 0;
        snprintf(out, room, "%s", value);
        break;
    }
    if (f) fclose(f);
}

void oz_machine_describe(oz_machine *m, const char *isa, int threads) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    *m = (oz_machine){
        .isa = isa ? isa : oz_isa_name(), .cores = cores > 0 ? (int)cores : 1, .threads = threads};
    read_cpu_name(m->cpu, sizeof m->cpu);
}
