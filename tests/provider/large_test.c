/* The memory of large values: it is there, it is the caller's alone, and it goes back. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixtures/fake_host.h"
#include "large.h"

enum { MAX_BYTES = 64 << 20, KEPT = MAX_BYTES / 256 };

static fake_host host;
static mem_large large;

static void open_large(void)
{
    fake_host_init(&host, "large");
    mem_large_init(&large, &host.host, MAX_BYTES);
}

static void close_large(void)
{
    mem_large_fini(&large);
    cr_assert_eq(atomic_load(&host.blocks), 0);
}

static uint64_t resident(void)
{
    unsigned long all = 0, pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    cr_assert(f && fscanf(f, "%lu %lu", &all, &pages) == 2);
    fclose(f);
    return (uint64_t) pages * (uint64_t) sysconf(_SC_PAGESIZE);
}

Test(large, goes_back_to_the_system)
{
    enum { N = 100, SIZE = 500000 };
    uint8_t *block[N];
    open_large();
    uint64_t before = resident(), charge = mem_large_charge(SIZE);
    for (int i = 0; i < N; i++) {
        block[i] = mem_large_take(&large, SIZE);
        memset(block[i], i, SIZE);
    }
    uint64_t full = resident() - before;
    cr_assert_gt(full, N * charge / 100 * 95);
    for (int i = 0; i < N; i++) {
        mem_large_give(&large, block[i], SIZE);
        cr_assert_lt(mem_large_excess(&large), MAX_BYTES / 10);
    }
    mem_large_trim(&large);
    cr_assert_eq(mem_large_excess(&large), 0);
    uint64_t left = resident() - before;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    cr_assert(full < N * charge / 100 * 105, "%lu", (unsigned long) full);
    cr_assert(left < KEPT + (1 << 20), "%lu", (unsigned long) left);
#endif
    cr_assert_lt(left, full);
    close_large();
}

/* Blocks of all sizes, some of them kept and used again in another size. */
Test(large, blocks_do_not_overlap)
{
    enum { N = 64 };
    uint8_t *block[N] = {NULL};
    size_t size[N];
    open_large();
    srand(7);
    for (int i = 0; i < 50000; i++) {
        int at = rand() % N;
        if (block[at]) {
            cr_assert_eq(block[at][0], at);
            cr_assert_eq(block[at][size[at] / 2], at);
            cr_assert_eq(block[at][size[at] - 1], at);
            mem_large_give(&large, block[at], size[at]);
        }
        size[at] = 1 + (size_t) rand() % (i % 100 == 0 ? 2 << 20 : 100000);
        block[at] = mem_large_take(&large, size[at]);
        cr_assert_not_null(block[at]);
        block[at][0] = block[at][size[at] / 2] = block[at][size[at] - 1] = (uint8_t) at;
        if (i % 50 == 0) {
            mem_large_trim(&large);
            cr_assert_eq(mem_large_excess(&large), 0);
        }
    }
    for (int i = 0; i < N; i++) {
        mem_large_give(&large, block[i], size[i]);
    }
    close_large();
}

/* As many as max_bytes can be charged for fit, of the size that wastes most addresses, too. */
Test(large, room_for_all_that_is_charged)
{
    static void *block[MAX_BYTES / 4096];
    open_large();
    for (uint64_t size = MEM_LARGE_LEAST + 1; size <= 1 << 20; size = 2 * size - 1) {
        uint64_t n = MAX_BYTES / mem_large_charge(size);
        for (uint64_t i = 0; i < n; i++) {
            block[i] = mem_large_take(&large, size);
            cr_assert_not_null(block[i]);
        }
        for (uint64_t i = 0; i < n; i++) {
            mem_large_give(&large, block[i], size);
        }
    }
    close_large();
}
