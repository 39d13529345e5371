/* spares.h - a few contexts of a compression library that wait for the next call. Compiled into the
 * compressors whose library can use a context again (zstd, lz4, gzip).
 *
 * Making a context costs more than compressing a small value: it is a few hundred kilobytes of
 * tables, which malloc() gives back to the system each time. Calls come from many threads, each
 * takes a context for itself, and a lock would be held for nothing but an exchange of a pointer.
 */
#ifndef COMPRESSOR_SPARES_H
#define COMPRESSOR_SPARES_H

#include <stdatomic.h>
#include <stddef.h>

enum { SPARES_MAX = 4 };

typedef struct mst_spares {
    _Atomic(void *) contexts[SPARES_MAX];
} mst_spares;

/* NULL: none waits. Now the context is the caller's. */
static inline void *mst_spares_take(mst_spares *spares)
{
    void *context = NULL;
    for (int i = 0; i < SPARES_MAX && !context; i++) {
        if (atomic_load_explicit(&spares->contexts[i], memory_order_relaxed)) {
            context = atomic_exchange(&spares->contexts[i], NULL);
        }
    }
    return context;
}

/* NULL: it waits. Else there was no room, and it is still the caller's. */
static inline void *mst_spares_keep(mst_spares *spares, void *context)
{
    for (int i = 0; i < SPARES_MAX; i++) {
        void *none = NULL;
        if (atomic_compare_exchange_strong(&spares->contexts[i], &none, context)) {
            return NULL;
        }
    }
    return context;
}

#endif
