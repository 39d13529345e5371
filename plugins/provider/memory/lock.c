/* lock.c - waiting for a shard: see lock.h. */
#define _POSIX_C_SOURCE 200809L /* nanosleep, sched_yield */
#include "lock.h"

#include <sched.h>
#include <time.h>

enum {
    SPINS = 200, /* some microseconds: longer than any holder that runs needs */
    YIELDS = 20,
    NAP_NS = 50000
};

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void step_aside(int round)
{
    const struct timespec nap = {.tv_nsec = NAP_NS};
    if (round < SPINS) {
        relax();
    } else if (round < SPINS + YIELDS) {
        sched_yield();
    } else {
        nanosleep(&nap, NULL);
    }
}

void mem_mutex_wait(mem_mutex *m)
{
    int round = 0;
    do {
        while (atomic_load_explicit(&m->held, memory_order_relaxed)) {
            step_aside(round);
            round += round < SPINS + YIELDS;
        }
    } while (atomic_exchange_explicit(&m->held, true, memory_order_acquire));
}
