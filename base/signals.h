/* signals.h - keeping the application's signals off a thread. */
#ifndef OZ_BASE_SIGNALS_H
#define OZ_BASE_SIGNALS_H

#include <signal.h>

/* Blocks, for the calling thread and those that it creates, all signals but those that an instruction itself
 * raises (a mapped file that was cut short): these reach their handler from wherever that is. */
void oz_hold_signals(sigset_t *before);

#endif
