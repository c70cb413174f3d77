/* rival.c - see rival.h. One socket is the program's standard input and output: writing to a socket whose
 * other end is gone is an error, not a signal. */
#include "cli/bench/rival.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 180000, FAREWELL_MS = 3000 };

/* One line without its end; false if none comes. Lines are short, and a rival speaks only when asked. */
static bool read_line(int channel, char *line, size_t room) {
    size_t n = 0;
    struct pollfd ready = {.fd = channel, .events = POLLIN};
    while (n + 1 < room && poll(&ready, 1, PATIENCE_MS) == 1) {
        char c;
        if (read(channel, &c, 1) != 1) return false;
        if (c == '\n') {
            line[n] = '\0';
            return true;
        }
        line[n++] = c;
    }
    return false;
}

static void become(int channel, const char *command) {
    if (dup2(channel, STDIN_FILENO) >= 0 && dup2(channel, STDOUT_FILENO) >= 0) {
        close(channel);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    }
    _exit(127);
}

static bool spawn(oz_rival *r, const char *command) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return false;
    fcntl(ends[0], F_SETFD, FD_CLOEXEC); /* in a later rival it would hide the end of input from this one */
    r->process = fork();
    if (r->process == 0) {
        close(ends[0]);
        become(ends[1], command);
    }
    close(ends[1]);
    r->channel = ends[0];
    if (r->process > 0) return true;
    close(ends[0]);
    r->process = 0;
    return false;
}

static void command_line(const char *command, const char *spec, const oz_rival_task *t, char *out,
                         size_t room) {
    char name[64] = "", codec[32] = "f32", sparsity[32] = "0";
    sscanf(spec, "%63[^:]:%31[^:]:%31s", name, codec, sparsity);
    int n =
        snprintf(out, room, "exec %s %s batch=%llu threads=%llu codec=%s sparsity=%s cold=%d", command, name,
                 (unsigned long long)t->batch, (unsigned long long)t->threads, codec, sparsity, t->cold);
    if (t->isa) n += snprintf(out + n, room - (size_t)n, " isa=%s", t->isa);
    if (t->net)
        snprintf(out + n, room - (size_t)n, " net=%s", t->net);
    else
        snprintf(out + n, room - (size_t)n, " rows=%llu cols=%llu", (unsigned long long)t->rows,
                 (unsigned long long)t->cols);
}

bool oz_rival_start(oz_rival *r, const char *command, const char *spec, const oz_rival_task *task) {
    char line[sizeof r->said + 16], whole[1000];
    memset(r, 0, sizeof *r);
    snprintf(r->said, sizeof r->said, "it does not start");
    command_line(command ? command : "benchmarks/rivals/run", spec, task, whole, sizeof whole);
    if (!spawn(r, whole)) return false;
    if (!read_line(r->channel, line, sizeof line)) {
        oz_rival_stop(r);
        return false;
    }
    bool ready = strncmp(line, "ready ", 6) == 0;
    const char *text = ready ? line + 6 : strncmp(line, "unable: ", 8) == 0 ? line + 8 : line;
    snprintf(r->said, sizeof r->said, "%.*s", (int)sizeof r->said - 1, text);
    if (!ready) oz_rival_stop(r);
    return ready;
}

static bool ask(oz_rival *r, const char *question, char *answer, size_t room) {
    ssize_t bytes = (ssize_t)strlen(question);
    return r->process && send(r->channel, question, (size_t)bytes, MSG_NOSIGNAL) == bytes &&
           read_line(r->channel, answer, room);
}

bool oz_rival_work(oz_rival *r, double *bytes, double *operations) {
    char line[100];
    return ask(r, "work\n", line, sizeof line) && sscanf(line, "%lf %lf", bytes, operations) == 2 &&
           *bytes > 0 && *operations > 0;
}

bool oz_rival_time(oz_rival *r, double *ns) {
    char line[100], *end;
    if (!ask(r, "time\n", line, sizeof line)) return false;
    *ns = strtod(line, &end);
    return end != line && *ns > 0;
}

/* It ends when its input does; one that does not is ended. */
void oz_rival_stop(oz_rival *r) {
    if (!r->process) return;
    close(r->channel);
    const struct timespec moment = {.tv_nsec = 10000000};
    int waited = 0;
    while (waitpid(r->process, NULL, WNOHANG) == 0) {
        if (waited == FAREWELL_MS) kill(r->process, SIGKILL);
        waited += 10;
        nanosleep(&moment, NULL);
    }
    r->process = 0;
}
