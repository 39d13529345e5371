/* Buckets cover everything, do not overlap, and are as narrow as they promise. */
#include <criterion/criterion.h>
#include <pthread.h>

#include "base/histogram.h"

Test(histogram, every_value_lies_in_its_bucket)
{
    for (uint64_t v = 1; v < (uint64_t) 1 << 41; v += 1 + v / 37) {
        unsigned b = msi_histogram_bucket(v);
        cr_assert_lt(b, MSI_HISTOGRAM_BUCKETS);
        if (v <= (uint64_t) 1 << MSI_HISTOGRAM_POWERS) {
            cr_assert_leq(v, msi_histogram_upper(b), "%llu", (unsigned long long) v);
            cr_assert(b == 0 || v > msi_histogram_upper(b - 1), "%llu", (unsigned long long) v);
        }
    }
}

Test(histogram, the_ends)
{
    cr_assert_eq(msi_histogram_bucket(0), 0);
    cr_assert_eq(msi_histogram_bucket(1), 0);
    cr_assert_eq(msi_histogram_bucket(UINT64_MAX), MSI_HISTOGRAM_BUCKETS - 1);
    cr_assert_eq(msi_histogram_upper(MSI_HISTOGRAM_BUCKETS - 1),
                 (uint64_t) 1 << MSI_HISTOGRAM_POWERS);
}

/* What is read from a bucket, its upper end, is at most 12.5 % too large. */
Test(histogram, buckets_are_narrow)
{
    for (unsigned b = 1; b < MSI_HISTOGRAM_BUCKETS; b++) {
        uint64_t least = msi_histogram_upper(b - 1) + 1, most = msi_histogram_upper(b);
        cr_assert_leq((most - least) * 8, least, "bucket %u", b);
    }
}

Test(histogram, powers_of_two_end_buckets)
{
    for (unsigned power = 0; power <= MSI_HISTOGRAM_POWERS; power++) {
        uint64_t end = (uint64_t) 1 << power;
        cr_assert_eq(msi_histogram_upper(msi_histogram_bucket(end)), end, "2^%u", power);
    }
}

Test(histogram, merges)
{
    static msi_histogram a, b;
    msi_histogram_record(&a, 5);
    msi_histogram_record(&a, 1000);
    msi_histogram_record_shared(&b, 1000);
    msi_histogram_record_shared(&b, 70000);
    msi_histogram_merge(&a, &b);
    cr_assert_eq(msi_histogram_count(&a), 4);
    cr_assert_eq(a.sum, 5 + 1000 + 1000 + 70000);
    cr_assert_eq(a.max, 70000);
    cr_assert_eq(a.counts[msi_histogram_bucket(1000)], 2);
}

enum { THREADS = 4, EACH = 50000 };

static msi_histogram together;

static void *record(void *arg)
{
    for (uint64_t i = 1; i <= EACH; i++) {
        msi_histogram_record_shared(&together, i * *(uint64_t *) arg);
    }
    return NULL;
}

Test(histogram, nothing_is_lost_between_threads)
{
    pthread_t threads[THREADS];
    uint64_t factors[THREADS];
    for (uint64_t i = 0; i < THREADS; i++) {
        factors[i] = i + 1;
        cr_assert_eq(pthread_create(&threads[i], NULL, record, &factors[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    cr_assert_eq(msi_histogram_count(&together), THREADS * EACH);
    cr_assert_eq(together.max, (uint64_t) THREADS * EACH);
    cr_assert_eq(together.sum, (uint64_t) EACH * (EACH + 1) / 2 * (1 + 2 + 3 + 4));
}
