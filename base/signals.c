/* signals.c - see signals.h. */
#include "base/signals.h"

#include <pthread.h>

void oz_hold_signals(sigset_t *before) {
    sigset_t held;
    sigfillset(&held);
    sigdelset(&held, SIGBUS);
    sigdelset(&held, SIGFPE);
    sigdelset(&held, SIGILL);
    sigdelset(&held, SIGSEGV);
    pthread_sigmask(SIG_BLOCK, &held, before);
}
