/* ticker.c - see ticker.h. */
#include "base/ticker.h"

#include "base/clock.h"
#include "base/thread.h"

enum {
    HASTE = 1024,  /* reads while the coarse clock stands still, which is some milliseconds */
    PERIOD_MS = 2, /* as often as the clock is read */
    TERM_MS = 256, /* so long, then readers have to be in haste again */
    LATE_MS = 16,  /* between two readings: the machine is too busy */
    REST_MS = 1000 /* not to be called after that */
};

void msi_ticker_init(msi_ticker *t, bool may_run)
{
    *t = (msi_ticker){.rests_until_ms = may_run ? 0 : UINT64_MAX};
    pthread_mutex_init(&t->mutex, NULL);
    pthread_cond_init(&t->called, NULL);
}

/* ---- its thread */

/* Others may have told of a later moment than the one that was read here before. */
static void keep_time(msi_ticker *t)
{
    const struct timespec period = {.tv_nsec = PERIOD_MS * 1000000};
    uint64_t now = msi_now_ms(), last = now, end = now + TERM_MS;
    atomic_store(&t->kept_ms, now);
    while (now < end && now - last <= LATE_MS && !atomic_load(&t->ending)) {
        nanosleep(&period, NULL);
        last = now;
        now = msi_now_ms();
        msi_ticker_tell(t, now);
    }
    atomic_store(&t->kept_ms, 0);
    if (now - last > LATE_MS) {
        atomic_store_explicit(&t->rests_until_ms, now + REST_MS, memory_order_relaxed);
    }
}

static void *run(void *arg)
{
    msi_ticker *t = arg;
    pthread_mutex_lock(&t->mutex);
    while (!atomic_load(&t->ending)) {
        if (t->is_called) {
            t->is_called = false;
            pthread_mutex_unlock(&t->mutex);
            keep_time(t);
            pthread_mutex_lock(&t->mutex);
        } else {
            pthread_cond_wait(&t->called, &t->mutex);
        }
    }
    pthread_mutex_unlock(&t->mutex);
    return NULL;
}

void msi_ticker_fini(msi_ticker *t)
{
    if (t->has_thread) {
        pthread_mutex_lock(&t->mutex);
        atomic_store(&t->ending, true);
        pthread_cond_signal(&t->called);
        pthread_mutex_unlock(&t->mutex);
        pthread_join(t->thread, NULL);
    }
    pthread_cond_destroy(&t->called);
    pthread_mutex_destroy(&t->mutex);
}

/* ---- its readers */

/* One of several readers in haste is enough, so nobody waits. */
static void call(msi_ticker *t)
{
    if (pthread_mutex_trylock(&t->mutex)) {
        return;
    }
    t->has_thread = t->has_thread || msi_thread_start(&t->thread, run, t);
    t->is_called = true;
    pthread_cond_signal(&t->called);
    pthread_mutex_unlock(&t->mutex);
}

uint64_t msi_ticker_read(msi_ticker *t, msi_pace *pace)
{
    uint64_t now = msi_now_ms();
    uint32_t reads = atomic_load_explicit(&pace->reads, memory_order_relaxed) + 1;
    if (atomic_load_explicit(&pace->ms, memory_order_relaxed) != now) {
        atomic_store_explicit(&pace->ms, now, memory_order_relaxed);
        reads = 0;
    }
    atomic_store_explicit(&pace->reads, reads, memory_order_relaxed);
    if (reads == HASTE && now >= atomic_load_explicit(&t->rests_until_ms, memory_order_relaxed)) {
        call(t);
    }
    return now;
}
