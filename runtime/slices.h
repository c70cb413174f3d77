/* slices.h - a batch of images, taken through the first nodes of a graph a few images at a time.
 *
 * Node after node a large batch goes to memory and back. Where all that a node does to an image is the same
 * whatever stands beside it - convolutions of floats, pools, arithmetic - a thread rather takes a slice of
 * the batch through all such nodes, so that their tensors stay in its cache, and asks no other thread
 * meanwhile. Each thread has a session of its own for that, of a plan whose batch is a slice.
 *
 * One image is the same bits in any slice, and so for any number of threads. */
#ifndef OZ_RUNTIME_SLICES_H
#define OZ_RUNTIME_SLICES_H

#include "runtime/plan.h"

/* Finds the nodes, and how many images make a slice; once kernels are chosen. */
oz_status oz_plan_slices(oz_plan *p, oz_error *err);
void oz_plan_drop_slices(oz_plan *p);
/* Runs those nodes of a run that is bound. Returns how many were run: 0 if slices do not pay for so many
 * images. */
size_t oz_run_slices(struct oz_session *s);

#endif
