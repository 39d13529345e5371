/* histogram.c - see histogram.h. Who writes alone adds with a load and a store, like a tally. */
#include "base/histogram.h"

static uint64_t get(const _Atomic uint64_t *n)
{
    return atomic_load_explicit(n, memory_order_relaxed);
}

static void put(_Atomic uint64_t *n, uint64_t value)
{
    atomic_store_explicit(n, value, memory_order_relaxed);
}

void msi_histogram_record(msi_histogram *h, uint64_t value)
{
    _Atomic uint64_t *n = &h->counts[msi_histogram_bucket(value)];
    put(n, get(n) + 1);
    put(&h->sum, get(&h->sum) + value);
    if (value > get(&h->max)) {
        put(&h->max, value);
    }
}

void msi_histogram_record_shared(msi_histogram *h, uint64_t value)
{
    uint64_t max = get(&h->max);
    atomic_fetch_add_explicit(&h->counts[msi_histogram_bucket(value)], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->sum, value, memory_order_relaxed);
    while (value > max && !atomic_compare_exchange_weak_explicit(
                              &h->max, &max, value, memory_order_relaxed, memory_order_relaxed)) {
    }
}

void msi_histogram_merge(msi_histogram *to, const msi_histogram *from)
{
    for (unsigned i = 0; i < MSI_HISTOGRAM_BUCKETS; i++) {
        put(&to->counts[i], get(&to->counts[i]) + get(&from->counts[i]));
    }
    put(&to->sum, get(&to->sum) + get(&from->sum));
    if (get(&from->max) > get(&to->max)) {
        put(&to->max, get(&from->max));
    }
}

uint64_t msi_histogram_count(const msi_histogram *h)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < MSI_HISTOGRAM_BUCKETS; i++) {
        count += get(&h->counts[i]);
    }
    return count;
}
