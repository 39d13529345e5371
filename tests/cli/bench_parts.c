/* bench_parts.c - what `memstache bench` reckons with: its histogram, its Zipf numbers and its
 * stamped values, against what they must be. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static int failures;

static void expect(bool holds, const char *what, double a, double b)
{
    if (!holds) {
        fprintf(stderr, "bench_parts: %s: %.17g and %.17g\n", what, a, b);
        failures++;
    }
}

/* A single latency comes back with less than 1 % of error, wherever it lies. */
static void check_error(bench_hist *h)
{
    for (double at = 1; at < 1.8e19; at = at * 1.013 + 1) {
        uint64_t ns = (uint64_t) at;
        memset(h, 0, sizeof *h);
        bench_hist_add(h, ns);
        bench_hist_add(h, UINT64_MAX); /* so that the maximum cannot help */
        double got = (double) bench_hist_at(h, 0.5);
        expect(fabs(got - at) <= at * 0.005 + 1, "latency", at, got);
    }
}

static void check_shares(bench_hist *h, bench_hist *sum)
{
    static const double shares[] = {0, 0.001, 0.25, 0.5, 0.99, 0.999, 1};
    memset(sum, 0, sizeof *sum);
    expect(bench_hist_at(sum, 0.5) == 0, "of nothing", 0, (double) bench_hist_at(sum, 0.5));
    for (uint64_t part = 0; part < 4; part++) {
        memset(h, 0, sizeof *h);
        for (uint64_t ns = 1 + part; ns <= 100000; ns += 4) {
            bench_hist_add(h, ns);
        }
        bench_hist_merge(sum, h);
    }
    expect(sum->total == 100000 && sum->max == 100000, "total, max", (double) sum->total,
           (double) sum->max);
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        double want = fmax(1, shares[i] * 100000), got = (double) bench_hist_at(sum, shares[i]);
        expect(fabs(got - want) <= want * 0.005 + 1, "share", want, got);
    }
}

/* Each rank as often as its weight says: within five standard deviations. */
static void check_zipf(uint64_t keys, double exponent)
{
    enum { DRAWS = 400000, MOST = 1000 };
    uint64_t counts[MOST] = {0};
    double all = 0;
    bench_draw d;
    bench_draw_init(&d, keys, exponent, 7);
    for (int i = 0; i < DRAWS; i++) {
        uint64_t key = bench_draw_key(&d);
        expect(key < keys, "key", (double) key, (double) keys);
        counts[key < MOST ? key : 0]++;
    }
    for (uint64_t k = 1; k <= keys; k++) {
        all += pow((double) k, -exponent);
    }
    for (uint64_t k = 1; k <= keys; k++) {
        double share = pow((double) k, -exponent) / all, want = share * DRAWS;
        double got = (double) counts[k - 1];
        expect(fabs(got - want) <= 5 * sqrt(want * (1 - share)) + 5, "zipf", want, got);
    }
}

static void check_chance(void)
{
    enum { DRAWS = 400000 };
    static const double shares[] = {0, 0.005, 0.1, 0.5, 0.999, 1};
    bench_draw d;
    bench_draw_init(&d, 10, 0, 7);
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        double want = shares[i] * DRAWS, got = 0;
        for (int n = 0; n < DRAWS; n++) {
            got += bench_draw_chance(&d, shares[i]);
        }
        expect(fabs(got - want) <= 5 * sqrt(want * (1 - shares[i])), "chance", want, got);
    }
}

static void check_stamps(void)
{
    enum { MOST = 40 };
    unsigned char value[MOST];
    for (size_t len = BENCH_STAMP; len <= MOST; len++) {
        bench_fill_value(value, len);
        bench_stamp(value, len, 0x0102030405060708u);
        expect(bench_stamped(value, len, 0x0102030405060708u), "stamped", (double) len, 0);
        expect(!bench_stamped(value, len, 0x0102030405060709u), "another", (double) len, 0);
        expect(!bench_stamped(value, len, 0x8102030405060708u), "another", (double) len, 1);
        value[len - 1] ^= 1;
        expect(!bench_stamped(value, len, 0x0102030405060708u), "spoilt", (double) len, 0);
    }
}

static void check_keys(void)
{
    char key[BENCH_KEY];
    bench_key(key, 999999999);
    expect(memcmp(key, "bench:003b9ac9ff", BENCH_KEY) == 0, "key", key[14], key[15]);
}

int main(void)
{
    bench_hist *h = calloc(2, sizeof *h);
    if (!h) {
        return 1;
    }
    check_error(h);
    check_shares(&h[0], &h[1]);
    for (uint64_t keys = 1; keys <= 1000; keys = keys * 3 + 1) {
        static const double exponents[] = {0, 0.5, 0.99, 1, 1.0000001, 1.2, 3, 10};
        for (size_t i = 0; i < sizeof exponents / sizeof exponents[0]; i++) {
            check_zipf(keys, exponents[i]);
        }
    }
    check_chance();
    check_stamps();
    check_keys();
    free(h);
    return failures ? 1 : 0;
}
