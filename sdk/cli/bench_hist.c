/* bench_hist.c - latencies in a log-linear histogram, as HdrHistogram has it: every power of two is
 * cut into 128 cells, so that a cell is at most 1/128 wide of what it counts, and its middle is
 * wrong by half of that. Below 256 ns every nanosecond has its own. 58 KiB for all of 64 bits, so
 * nothing is ever out of range. */
#include "bench.h"

enum { HALF = 1 << BENCH_HIST_BITS };

static size_t cell_of(uint64_t ns)
{
    if (ns < 2 * HALF) {
        return (size_t) ns;
    }
    unsigned shift = 63u - (unsigned) __builtin_clzll(ns) - BENCH_HIST_BITS;
    return ((size_t) shift << BENCH_HIST_BITS) + (size_t) (ns >> shift);
}

static uint64_t middle_of(size_t cell)
{
    if (cell < 2 * HALF) {
        return cell;
    }
    unsigned shift = (unsigned) (cell >> BENCH_HIST_BITS) - 1;
    uint64_t low = (uint64_t) (cell - ((size_t) shift << BENCH_HIST_BITS)) << shift;
    return low + ((uint64_t) 1 << shift) / 2;
}

void bench_hist_add(bench_hist *h, uint64_t ns)
{
    h->cells[cell_of(ns)]++;
    h->total++;
    h->max = ns > h->max ? ns : h->max;
}

void bench_hist_merge(bench_hist *h, const bench_hist *from)
{
    for (size_t i = 0; i < BENCH_HIST_CELLS; i++) {
        h->cells[i] += from->cells[i];
    }
    h->total += from->total;
    h->max = from->max > h->max ? from->max : h->max;
}

uint64_t bench_hist_at(const bench_hist *h, double share)
{
    double want = share * (double) h->total;
    uint64_t seen = 0;
    for (size_t i = 0; i < BENCH_HIST_CELLS; i++) {
        seen += h->cells[i];
        if (seen && (double) seen >= want) {
            uint64_t ns = middle_of(i);
            return ns < h->max ? ns : h->max;
        }
    }
    return h->max;
}
