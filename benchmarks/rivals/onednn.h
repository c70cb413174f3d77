/* onednn.h - what the layers and the convolutions of the oneDNN adapter share, for its versions 2 and 3. */
#ifndef OUNCE_RIVALS_ONEDNN_H
#define OUNCE_RIVALS_ONEDNN_H

#include "adapter.h"

#include <dnnl.h>

#if DNNL_VERSION_MAJOR >= 3
#define NAME "onednn3"
#define REF(description) (description)
typedef const_dnnl_memory_desc_t const_description;
#else
#define NAME "onednn"
#define REF(description) (&(description))
typedef const dnnl_memory_desc_t *const_description;
#endif

/* Ends the process in words if the call failed. */
void must(dnnl_status_t status, const char *what);
dnnl_memory_desc_t describe_tensor(int rank, const dnnl_dims_t dims, dnnl_data_type_t type,
                                   dnnl_format_tag_t tag);

/* Times the convolution that layer->net names (nets.py). Returns the exit status. */
int serve_convolution(struct layer *layer);

#endif
