/* histogram.h - how many values of which size there were, in buckets that are an eighth of their
 * power of two wide, so that what is read from one is at most 12.5 % too large. From 1 to 2^40,
 * which is 18 minutes in nanoseconds; what is larger is taken for that.
 *
 * A bucket includes its upper end, so that 2^n is the end of one. 0 is counted as 1. */
#ifndef MSI_HISTOGRAM_H
#define MSI_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

enum {
    MSI_HISTOGRAM_PARTS = 8, /* of a power of two */
    MSI_HISTOGRAM_POWERS = 40,
    MSI_HISTOGRAM_BUCKETS = (MSI_HISTOGRAM_POWERS - 2) * MSI_HISTOGRAM_PARTS
};

/* All zero: empty. Readers may look at any time. */
typedef struct msi_histogram {
    _Atomic uint64_t counts[MSI_HISTOGRAM_BUCKETS];
    _Atomic uint64_t sum, max;
} msi_histogram;

static inline unsigned msi_histogram_bucket(uint64_t value)
{
    const uint64_t last = ((uint64_t) 1 << MSI_HISTOGRAM_POWERS) - 1;
    uint64_t v = value ? value - 1 : 0;
    if (v < MSI_HISTOGRAM_PARTS) {
        return (unsigned) v;
    }
    v = v < last ? v : last;
    unsigned power = 63u - (unsigned) __builtin_clzll(v);
    return (power - 2) * MSI_HISTOGRAM_PARTS + (unsigned) (v >> (power - 3) & 7);
}

/* The largest value of a bucket. */
static inline uint64_t msi_histogram_upper(unsigned bucket)
{
    if (bucket < MSI_HISTOGRAM_PARTS) {
        return bucket + 1;
    }
    unsigned power = bucket / MSI_HISTOGRAM_PARTS + 2, part = bucket % MSI_HISTOGRAM_PARTS;
    return (uint64_t) (MSI_HISTOGRAM_PARTS + part + 1) << (power - 3);
}

/* One thread writes, as into all that belongs to one loop. */
void msi_histogram_record(msi_histogram *, uint64_t value);
/* [any-thread] */
void msi_histogram_record_shared(msi_histogram *, uint64_t value);
/* Adds what `from` has; one thread writes `to`. */
void msi_histogram_merge(msi_histogram *to, const msi_histogram *from);
uint64_t msi_histogram_count(const msi_histogram *);

#endif
