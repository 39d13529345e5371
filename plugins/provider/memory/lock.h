/* lock.h - the lock of a shard: one word, taken with one exchange and given back with a plain
 * store.
 *
 * A mutex has to ask on every unlock whether somebody sleeps. Here nobody sleeps for longer than a
 * moment, so nobody has to be woken: a shard is held for the time of a few memory accesses, and who
 * meets a holder spins; only when the holder itself does not run does it pay to give the processor
 * away.
 */
#ifndef MEM_LOCK_H
#define MEM_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>

typedef struct mem_mutex {
    _Atomic bool held; /* zeroed: free */
} mem_mutex;

/* The long way, when the first try failed. */
void mem_mutex_wait(mem_mutex *);

static inline void mem_mutex_lock(mem_mutex *m)
{
    if (atomic_exchange_explicit(&m->held, true, memory_order_acquire)) {
        mem_mutex_wait(m);
    }
}

static inline void mem_mutex_unlock(mem_mutex *m)
{
    atomic_store_explicit(&m->held, false, memory_order_release);
}

#endif
