/* counters.h - what a cache counts. Cells are spread over cache lines by thread, so that counting a
 * near hit costs one uncontended atomic addition. */
#ifndef MSI_COUNTERS_H
#define MSI_COUNTERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

/* Answered on the caller's thread: each of these counts as started and completed. */
#define MSI_NOW_MAP(XX) XX(now_hits) XX(now_misses) XX(now_sets) XX(now_removes) XX(now_others)
/* Answered by a lane; which of started and completed they belong to stands in the lane's ledger. */
#define MSI_LATER_MAP(XX)                                                                          \
    XX(near_hits)                                                                                  \
    XX(far_hits)                                                                                   \
    XX(misses)                                                                                     \
    XX(coalesced)                                                                                  \
    XX(loads)                                                                                      \
    XX(load_failures)                                                                              \
    XX(sets) XX(removes) XX(timeouts) XX(cancels) XX(rejected) XX(superseded) XX(invalidations)

typedef enum msi_counter {
#define MSI_COUNTER_ID(name) MSI_COUNT_##name,
    MSI_NOW_MAP(MSI_COUNTER_ID) MSI_LATER_MAP(MSI_COUNTER_ID)
#undef MSI_COUNTER_ID
        MSI_COUNTERS
} msi_counter;

enum { MSI_COUNTER_CELLS = 16 };

typedef struct msi_counters {
    struct {
        _Alignas(64) _Atomic uint64_t n[MSI_COUNTERS];
    } cells[MSI_COUNTER_CELLS];
} msi_counters;

/* pthread_self() is an address: its pages tell threads apart without thread-local storage. */
static inline void msi_count(msi_counters *c, msi_counter which, uint64_t n)
{
    uint64_t self = (uint64_t) (uintptr_t) pthread_self();
    unsigned cell = (unsigned) ((self >> 12) * 0x9E3779B97F4A7C15u >> 60);
    atomic_fetch_add_explicit(&c->cells[cell].n[which], n, memory_order_relaxed);
}

static inline uint64_t msi_counted(const msi_counters *c, msi_counter which)
{
    uint64_t sum = 0;
    for (int i = 0; i < MSI_COUNTER_CELLS; i++) {
        sum += atomic_load_explicit(&c->cells[i].n[which], memory_order_relaxed);
    }
    return sum;
}

#endif
