/* counters.c - see counters.h. Which threads have a tally, and what becomes of it.
 *
 * A thread does not give its tally back when it ends: the destructor of a key may still be on its
 * way when the key and the cache are deleted, and would write into memory that is gone. Instead a
 * thread that needs a tally asks the kernel whether the owner of an older one is still there, and
 * takes over what a dead one has left, figures and all. It asks for a few only, in turns, so that
 * the first call of a thread stays cheap however many threads there are; there are then not many
 * more tallies than threads at a time. */
#include "pipeline/counters.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/hash.h"

enum { PROBES = 8 };

_Thread_local msi_tally_hint msi_last_tally MSI_TLS;

msi_tally *msi_tally_search(const msi_counters *c)
{
    msi_tally *own = c->has_key ? pthread_getspecific(c->key) : NULL;
    if (own) {
        msi_last_tally = (msi_tally_hint){c->serial, own};
    }
    return own;
}

void msi_counters_init(msi_counters *c, const mst_allocator *allocator, const mst_space *space)
{
    c->allocator = allocator;
    c->space = space;
    c->serial = (msi_random_seed() | 1) * MSI_SERIAL_STEP; /* 0 is nobody's */
    pthread_mutex_init(&c->mutex, NULL);
    c->has_key = pthread_key_create(&c->key, NULL) == 0;
}

void msi_counters_fini(msi_counters *c)
{
    if (!c->allocator) {
        return;
    }
    if (c->has_key) {
        pthread_key_delete(c->key);
    }
    for (msi_tally *t = atomic_load_explicit(&c->tallies, memory_order_acquire), *next; t;
         t = next) {
        next = t->next;
        msi_free_aligned(c->allocator, t);
    }
    pthread_mutex_destroy(&c->mutex);
    c->allocator = NULL;
}

#ifdef SYS_tgkill
static long this_thread(void)
{
    return syscall(SYS_gettid);
}

/* Signal 0 is not sent, only the thread looked for. */
static bool is_gone(long thread)
{
    int before = errno;
    bool gone = syscall(SYS_tgkill, getpid(), thread, 0) != 0 && errno == ESRCH;
    errno = before;
    return gone;
}
#else
static long this_thread(void)
{
    return -1;
}

static bool is_gone(long thread)
{
    (void) thread;
    return false;
}
#endif

/* Under the mutex. The number of a thread is given again after its end: so a tally with the number
 * of this thread, which has none, belongs to nobody. */
static bool is_free(const msi_tally *t, long self)
{
    return t->owner == 0 || (t->owner == self && self > 0) || is_gone(t->owner);
}

/* One that nobody has any more; NULL. What a thread wrote before its end is seen by those who are
 * told of the end. */
static msi_tally *take_over(msi_counters *c, long self)
{
    msi_tally *found = NULL;
    pthread_mutex_lock(&c->mutex);
    for (int i = 0; i < PROBES && !found; i++) {
        msi_tally *t =
            c->probe ? c->probe : atomic_load_explicit(&c->tallies, memory_order_relaxed);
        if (!t) {
            break;
        }
        c->probe = t->next;
        if (is_free(t, self)) {
            t->owner = self;
            __atomic_store_n(&t->asker.word, NULL, __ATOMIC_RELAXED);
            found = t;
        }
    }
    pthread_mutex_unlock(&c->mutex);
    return found;
}

/* The allocator is the host program's, and so not called under the mutex. */
static msi_tally *add_tally(msi_counters *c, long self)
{
    msi_tally *t = msi_zalloc_aligned(c->allocator, sizeof *t);
    if (t) {
        t->owner = self;
        t->asker.struct_size = sizeof t->asker;
        t->asker.space = c->space;
        pthread_mutex_lock(&c->mutex);
        t->next = atomic_load_explicit(&c->tallies, memory_order_relaxed);
        atomic_store_explicit(&c->tallies, t, memory_order_release);
        pthread_mutex_unlock(&c->mutex);
    }
    return t;
}

static void disown(msi_counters *c, msi_tally *t)
{
    pthread_mutex_lock(&c->mutex);
    t->owner = 0;
    pthread_mutex_unlock(&c->mutex);
}

/* This thread's tally from now on; NULL when memory is short. */
static msi_tally *new_own(msi_counters *c)
{
    long self = this_thread();
    msi_tally *t = take_over(c, self);
    t = t ? t : add_tally(c, self);
    if (t && pthread_setspecific(c->key, t)) {
        disown(c, t);
        return NULL;
    }
    return t;
}

void msi_count_first(msi_counters *c, msi_counter which, uint64_t n)
{
    msi_tally *own = c->has_key ? new_own(c) : NULL;
    if (own) {
        msi_tally_add(own, which, n);
    } else {
        atomic_fetch_add_explicit(&c->shared.n[which], n, memory_order_relaxed);
    }
}

void msi_counted_all(const msi_counters *c, uint64_t *into)
{
    for (unsigned i = 0; i < MSI_COUNTERS; i++) {
        into[i] = msi_counted(c, (msi_counter) i);
    }
}

uint64_t msi_counted(const msi_counters *c, msi_counter which)
{
    uint64_t sum = atomic_load_explicit(&c->shared.n[which], memory_order_relaxed);
    for (const msi_tally *t = atomic_load_explicit(&c->tallies, memory_order_acquire); t;
         t = t->next) {
        sum += atomic_load_explicit(&t->n[which], memory_order_relaxed);
    }
    return sum;
}
