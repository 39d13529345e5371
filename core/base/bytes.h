/* bytes.h - a growing byte buffer with a limit from birth; also what a serializer writes into. */
#ifndef MSI_BYTES_H
#define MSI_BYTES_H

#include <memstache/codec.h>

#include "base/alloc.h"

typedef struct msi_bytes {
    mst_sink sink; /* first: the sink's functions find the buffer by it */
    const mst_allocator *allocator;
    uint8_t *data;
    size_t len, cap, max;
    mst_status status; /* of the first append that failed; later ones fail alike */
} msi_bytes;

void msi_bytes_init(msi_bytes *, const mst_allocator *, size_t max);
void msi_bytes_fini(msi_bytes *);
mst_status msi_bytes_append(msi_bytes *, const void *data, size_t len);
void *msi_bytes_reserve(msi_bytes *, size_t len); /* NULL: see status */
/* Take the memory (free with msi_free()); the buffer is empty afterwards. */
uint8_t *msi_bytes_take(msi_bytes *, size_t *len);

#endif
