/* ticker.h - the time, kept in memory for who asks millions of times a second.
 *
 * Even the kernel's coarse clock takes some fifty instructions to read, a sixth of a near hit. So a
 * thread of the ticker writes it down every other millisecond, for a quarter of a second after
 * readers were in haste; otherwise nobody keeps the time, the memory holds 0, and readers ask the
 * system. Kept time is behind the clock by those two milliseconds and by what the system takes to
 * wake the thread. When that was much, the ticker rests, since it will be so again. It is never
 * ahead.
 */
#ifndef MSI_TICKER_H
#define MSI_TICKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct msi_ticker {
    _Atomic uint64_t kept_ms; /* msi_now_ms() of a moment ago; 0: ask the clock */
    pthread_mutex_t mutex;    /* of the thread, and the next two */
    bool has_thread, is_called;
    pthread_t thread;
    pthread_cond_t called;
    _Atomic bool ending;
    _Atomic uint64_t rests_until_ms; /* cannot be called before */
} msi_ticker;

/* How fast a thread reads: its own, though another may take it over. */
typedef struct msi_pace {
    _Atomic uint64_t ms;
    _Atomic uint32_t reads; /* in that millisecond */
} msi_pace;

/* Cannot fail. The thread is started when it is first called for; without `may_run`, never. */
void msi_ticker_init(msi_ticker *, bool may_run);
/* Nobody reads any more. */
void msi_ticker_fini(msi_ticker *);

/* [any-thread] msi_now_ms(). A reader in haste, by its pace, calls the ticker. */
uint64_t msi_ticker_read(msi_ticker *, msi_pace *);

/* [any-thread] The same without asking the system; 0: nobody keeps the time. */
static inline uint64_t msi_ticker_kept(const msi_ticker *t)
{
    return atomic_load_explicit(&t->kept_ms, memory_order_relaxed);
}

/* [any-thread] Somebody has read the clock: kept time is not behind what this thread has seen. */
static inline void msi_ticker_tell(msi_ticker *t, uint64_t now_ms)
{
    uint64_t kept = msi_ticker_kept(t);
    while (kept && kept < now_ms && !atomic_compare_exchange_weak(&t->kept_ms, &kept, now_ms)) {
    }
}

#endif
