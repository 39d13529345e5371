/* bench_draw.c - keys, values, and which key comes next.
 *
 * Zipf numbers come by rejection-inversion: W. Hormann and G. Derflinger, "Rejection-inversion to
 * generate variates from monotone discrete distributions", ACM TOMACS 6 (1996). It is exact, needs
 * no table, whatever the number of keys, and throws away few of its draws. Random bits are those of
 * splitmix64, seeded by the number of the thread: a run can be repeated.
 */
#include <math.h>
#include <string.h>

#include "bench.h"

void bench_key(char key[BENCH_KEY], uint64_t number)
{
    static const char digits[] = "0123456789abcdef";
    memcpy(key, "bench:", 6);
    for (size_t i = BENCH_KEY; i-- > 6; number >>= 4) {
        key[i] = digits[number & 15];
    }
}

uint64_t bench_random(bench_draw *d)
{
    uint64_t x = d->state += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

void bench_fill_value(unsigned char *value, size_t len)
{
    bench_draw d = {.state = 1};
    for (size_t i = 0; i < len; i++) { /* four random bits a byte */
        value[i] = (unsigned char) ('a' + (bench_random(&d) & 15));
    }
}

void bench_stamp(unsigned char *value, size_t len, uint64_t number)
{
    memcpy(value, &number, BENCH_STAMP);
    memcpy(value + len - BENCH_STAMP, &number, BENCH_STAMP);
}

bool bench_stamped(const void *value, size_t len, uint64_t number)
{
    const unsigned char *p = value;
    unsigned char stamp[2 * BENCH_STAMP];
    size_t n = len < sizeof stamp ? len : sizeof stamp; /* shorter ones overlap: the last wins */
    bench_stamp(stamp, n, number);
    return memcmp(p, stamp, n - BENCH_STAMP) == 0 &&
           memcmp(p + len - BENCH_STAMP, stamp + n - BENCH_STAMP, BENCH_STAMP) == 0;
}

/* (exp(x) - 1) / x and log(1 + x) / x, also where x is next to nothing. */
static double expm1_over(double x)
{
    return fabs(x) > 1e-8 ? expm1(x) / x : 1 + x / 2;
}

static double log1p_over(double x)
{
    return fabs(x) > 1e-8 ? log1p(x) / x : 1 - x / 2;
}

/* The weight of rank x, its integral from 1, and the inverse of that. */
static double weight(const bench_draw *d, double x)
{
    return exp(-d->exponent * log(x));
}

static double integral(const bench_draw *d, double x)
{
    double l = log(x);
    return expm1_over((1 - d->exponent) * l) * l;
}

static double inverse(const bench_draw *d, double y)
{
    double t = y * (1 - d->exponent);
    return exp(log1p_over(t < -1 ? -1 : t) * y); /* less than -1: rounding only */
}

void bench_draw_init(bench_draw *d, uint64_t keys, double zipf, uint64_t seed)
{
    *d = (bench_draw){.keys = keys, .state = seed * 0xd1342543de82ef95u, .exponent = zipf};
    if (zipf > 0) {
        d->first = integral(d, 1.5) - 1;
        d->last = integral(d, (double) keys + 0.5);
        d->sure = 2 - inverse(d, integral(d, 2.5) - weight(d, 2));
    }
}

/* At least 0 and less than 1. */
static double draw_share(bench_draw *d)
{
    return (double) (bench_random(d) >> 11) * 0x1p-53;
}

bool bench_draw_chance(bench_draw *d, double share)
{
    return draw_share(d) < share;
}

static uint64_t draw_zipf(bench_draw *d)
{
    for (;;) {
        double y = d->last + draw_share(d) * (d->first - d->last), x = inverse(d, y);
        double rank = floor(x + 0.5);
        rank = rank < 1 ? 1 : rank > (double) d->keys ? (double) d->keys : rank;
        if (rank - x <= d->sure || y >= integral(d, rank + 0.5) - weight(d, rank)) {
            return (uint64_t) rank - 1;
        }
    }
}

uint64_t bench_draw_key(bench_draw *d)
{
    /* 32 bits are plenty: there are at most 10^9 keys. */
    return d->exponent > 0 ? draw_zipf(d) : (bench_random(d) >> 32) * d->keys >> 32;
}
