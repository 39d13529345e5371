/* wait.c - blocking forms: ask, and wait on a condition until the answer or the deadline. The
 * waiter lives on the heap, so that an answer that comes too late finds it. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "api/calls.h"
#include "pipeline/near.h"

typedef struct waiter {
    _Atomic uint32_t refs; /* who waits, and who answers */
    mst_allocator memory;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool answered;
    size_t n;
    mst_result results[];
} waiter;

static waiter *waiter_new(mst_cache *c, size_t n)
{
    if (n > (SIZE_MAX - sizeof(waiter)) / sizeof(mst_result)) {
        return NULL;
    }
    waiter *w = msi_zalloc(c->allocator, sizeof *w + n * sizeof w->results[0]);
    if (w) {
        pthread_condattr_t attr;
        w->refs = 2;
        w->memory = *c->allocator;
        w->n = n;
        pthread_mutex_init(&w->mutex, NULL);
        pthread_condattr_init(&attr);
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        pthread_cond_init(&w->cond, &attr);
        pthread_condattr_destroy(&attr);
    }
    return w;
}

static void release(waiter *w, uint32_t refs)
{
    if (atomic_fetch_sub(&w->refs, refs) != refs) {
        return;
    }
    for (size_t i = 0; i < w->n; i++) {
        mst_result_release(&w->results[i]);
    }
    pthread_mutex_destroy(&w->mutex);
    pthread_cond_destroy(&w->cond);
    mst_allocator memory = w->memory;
    msi_free(&memory, w);
}

static void answered_many(void *arg, mst_result *results, size_t n)
{
    waiter *w = arg;
    pthread_mutex_lock(&w->mutex);
    for (size_t i = 0; i < n; i++) {
        w->results[i] = mst_result_take(&results[i]);
    }
    w->answered = true;
    pthread_cond_signal(&w->cond);
    pthread_mutex_unlock(&w->mutex);
    release(w, 1);
}

static void answered(void *arg, mst_result *result)
{
    answered_many(arg, result, 1);
}

/* The loop keeps the deadline; this one is later, for a lent loop that nobody runs. */
static int64_t give_up_ms(const mst_cache *c, const mst_options *o)
{
    enum { GRACE_MS = 250 };
    int64_t timeout = o->timeout_ms == MST_DEFAULT ? c->settings.timeout_ms : o->timeout_ms;
    return timeout > 0 ? timeout + GRACE_MS : -1;
}

static bool wait_answered(waiter *w, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    int error = 0;
    pthread_mutex_lock(&w->mutex);
    while (!w->answered && error != ETIMEDOUT) {
        error = ms < 0 ? pthread_cond_wait(&w->cond, &w->mutex)
                       : pthread_cond_timedwait(&w->cond, &w->mutex, &until);
    }
    bool ok = w->answered;
    pthread_mutex_unlock(&w->mutex);
    return ok;
}

/* Wait for what `started` says is pending, and move the answers to `out`. */
static mst_status wait_for(waiter *w, mst_status started, int64_t ms, mst_result *out)
{
    if (started != MST_PENDING) {
        release(w, 2); /* done() will not run */
        return started;
    }
    if (wait_answered(w, ms)) {
        for (size_t i = 0; i < w->n; i++) {
            out[i] = mst_result_take(&w->results[i]);
        }
    } else {
        for (size_t i = 0; i < w->n; i++) {
            out[i] = msi_result(MST_ETIMEDOUT, MST_WHY_TIMED_OUT);
        }
    }
    release(w, 1);
    return out[0].status;
}

/* What every blocking form begins with: a waiter, or why not. */
static waiter *begin(mst_cache *c, size_t n, const mst_options **o, mst_result *out,
                     mst_status *status)
{
    waiter *w = NULL;
    *o = *o ? *o : &msi_no_options;
    *status = MST_OK;
    if (!c || !out || n == 0) {
        *status = MST_EINVAL;
    } else if (msi_runtime_on_loop(c->runtime)) {
        *status = MST_EDEADLOCK;
    } else {
        w = waiter_new(c, n);
        *status = w ? MST_OK : MST_ENOMEM;
    }
    for (size_t i = 0; !w && out && i < n; i++) {
        out[i] = msi_result(*status, MST_WHY_REJECTED);
    }
    return w;
}

/* The body of a blocking form: CALL is the asynchronous one. */
#define WAIT(CALL)                                                                                 \
    do {                                                                                           \
        mst_status status;                                                                         \
        waiter *w = begin(c, 1, &o, r, &status);                                                   \
        return w ? wait_for(w, CALL, give_up_ms(c, o), r) : status;                                \
    } while (0)

mst_status mst_get_wait(mst_cache *c, mst_slice key, const mst_options *o, mst_result *r)
{
    WAIT(mst_get(c, key, o, r, answered, w));
}

mst_status mst_remove_wait(mst_cache *c, mst_slice key, const mst_options *o, mst_result *r)
{
    WAIT(mst_remove(c, key, o, r, answered, w));
}

mst_status mst_exists_wait(mst_cache *c, mst_slice key, const mst_options *o, mst_result *r)
{
    WAIT(mst_exists(c, key, o, r, answered, w));
}

mst_status mst_touch_wait(mst_cache *c, mst_slice key, const mst_options *o, mst_result *r)
{
    WAIT(mst_touch(c, key, o, r, answered, w));
}

mst_status mst_get_or_load_wait(mst_cache *c, mst_slice key, const mst_loader *loader,
                                const mst_options *o, mst_result *r)
{
    WAIT(mst_get_or_load(c, key, loader, o, r, answered, w));
}

static void drop_inputs(const mst_input *inputs, size_t n)
{
    for (size_t i = 0; inputs && i < n; i++) {
        if (inputs[i].release) {
            inputs[i].release(inputs[i].owner);
        }
    }
}

mst_status mst_set_wait(mst_cache *c, mst_slice key, const mst_input *in, const mst_options *o,
                        mst_result *r)
{
    mst_status status;
    waiter *w = begin(c, 1, &o, r, &status);
    if (!w) {
        drop_inputs(in, 1);
        return status;
    }
    return wait_for(w, mst_set(c, key, in, o, r, answered, w), give_up_ms(c, o), r);
}

mst_status mst_clear_wait(mst_cache *c, const mst_options *o, mst_result *r)
{
    mst_status status;
    waiter *w = begin(c, 1, &o, r, &status);
    if (!w) {
        return status;
    }
    status = mst_clear(c, o, answered, w);
    if (status != MST_PENDING) {
        *r = msi_result(status, MST_WHY_REJECTED);
    }
    return wait_for(w, status, give_up_ms(c, o), r);
}

/* Results carry their own status; the call fails only when it was refused as a whole. */
static mst_status wait_many(waiter *w, mst_status started, int64_t ms, mst_result *r)
{
    wait_for(w, started, ms, r);
    return started < 0 ? started : MST_OK;
}

mst_status mst_get_many_wait(mst_cache *c, const mst_slice *keys, size_t n, const mst_options *o,
                             mst_result *r)
{
    mst_status status;
    waiter *w = begin(c, n, &o, r, &status);
    return w ? wait_many(w, mst_get_many(c, keys, n, o, r, answered_many, w), give_up_ms(c, o), r)
             : status;
}

mst_status mst_get_many_or_load_wait(mst_cache *c, const mst_slice *keys, size_t n,
                                     const mst_loader_many *loader, const mst_options *o,
                                     mst_result *r)
{
    mst_status status;
    waiter *w = begin(c, n, &o, r, &status);
    return w ? wait_many(w, mst_get_many_or_load(c, keys, n, loader, o, r, answered_many, w),
                         give_up_ms(c, o), r)
             : status;
}

mst_status mst_set_many_wait(mst_cache *c, const mst_slice *keys, const mst_input *inputs, size_t n,
                             const mst_options *o, mst_result *r)
{
    mst_status status;
    waiter *w = begin(c, n, &o, r, &status);
    if (!w) {
        drop_inputs(inputs, n);
        return status;
    }
    return wait_many(w, mst_set_many(c, keys, inputs, n, o, r, answered_many, w), give_up_ms(c, o),
                     r);
}

mst_status mst_remove_many_wait(mst_cache *c, const mst_slice *keys, size_t n, const mst_options *o,
                                mst_result *r)
{
    mst_status status;
    waiter *w = begin(c, n, &o, r, &status);
    return w ? wait_many(w, mst_remove_many(c, keys, n, o, r, answered_many, w), give_up_ms(c, o),
                         r)
             : status;
}
