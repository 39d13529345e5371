/* queue.c - see queue.h. */
#include "queue.h"

#include <time.h>

/* A request costs both sides a third of a millisecond, whatever it carries; so that is 400 KB when
 * spans come fast. But others must have room to wait meanwhile: it is at most about half of the
 * queue. */
enum { BATCH_MAX = 2048 };

mst_status otlp_queue_init(otlp_queue *q, const mst_host *host, size_t max)
{
    pthread_condattr_t monotonic;
    if (pthread_condattr_init(&monotonic)) {
        return MST_ENOMEM;
    }
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    int error = pthread_cond_init(&q->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (error) {
        return MST_ENOMEM;
    }
    pthread_mutex_init(&q->mutex, NULL);
    q->host = host;
    q->max = max;
    q->batch = max / 2 < BATCH_MAX ? max / 2 + 1 : BATCH_MAX;
    return MST_OK;
}

void otlp_queue_fini(otlp_queue *q)
{
    if (!q->host) {
        return;
    }
    for (otlp_batch *b = q->first, *next; b; b = next) {
        next = b->next;
        q->host->free(q->host, b);
    }
    pthread_cond_destroy(&q->changed);
    pthread_mutex_destroy(&q->mutex);
    q->host = NULL;
}

/* Under the mutex: the batch that takes so many bytes more. NULL: out of memory. */
static otlp_batch *open_batch(otlp_queue *q, size_t size)
{
    enum { USUAL = 256 }; /* a span of ours takes about 190 */
    otlp_batch *last = q->last;
    if (last && last->count < q->batch && last->room - last->len >= size) {
        return last;
    }
    size_t room = q->batch * USUAL;
    otlp_batch *b = otlp_batch_new(q->host, size > room ? size : room);
    if (b) {
        *(last ? &last->next : &q->first) = b;
        q->last = b;
    }
    return b;
}

/* Under the mutex. */
static size_t append(otlp_queue *q, const mst_span *const *spans, size_t n, size_t size)
{
    size_t room = q->stopping ? 0 : q->max - q->count;
    n = n < room ? n : room;
    otlp_batch *b = n ? open_batch(q, size) : NULL;
    if (!b) {
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        otlp_batch_add(b, spans[i]);
    }
    if (q->count == 0) {
        q->first_ms = q->host->now_ms(q->host);
    }
    q->count += n;
    return n;
}

size_t otlp_queue_put(otlp_queue *q, const mst_span *const *spans, size_t n)
{
    size_t size = 0;
    if (atomic_load_explicit(&q->full, memory_order_relaxed)) {
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        size += otlp_span_room(spans[i]);
    }
    pthread_mutex_lock(&q->mutex);
    size_t taken = append(q, spans, n, size);
    if (q->enough && q->count >= q->enough) { /* else nobody waits for it */
        q->enough = 0;
        pthread_cond_signal(&q->changed);
    }
    atomic_store_explicit(&q->full, q->count == q->max, memory_order_relaxed);
    pthread_mutex_unlock(&q->mutex);
    return taken;
}

otlp_batch *otlp_queue_take(otlp_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    otlp_batch *taken = q->first;
    if (taken) {
        q->first = taken->next;
        q->last = q->first ? q->last : NULL;
        q->count -= taken->count;
    }
    atomic_store_explicit(&q->full, q->count == q->max, memory_order_relaxed);
    pthread_mutex_unlock(&q->mutex);
    return taken;
}

void otlp_queue_stop(otlp_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    q->stopping = true;
    pthread_cond_signal(&q->changed);
    pthread_mutex_unlock(&q->mutex);
}

static struct timespec in_ms(uint64_t ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += (time_t) (ms / 1000);
    t.tv_nsec += (long) (ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

otlp_state otlp_queue_wait(otlp_queue *q, uint64_t at_ms, size_t enough)
{
    uint64_t now = q->host->now_ms(q->host);
    struct timespec end = in_ms(at_ms > now ? at_ms - now : 0);
    int error = 0;
    pthread_mutex_lock(&q->mutex);
    q->enough = enough;
    while (!q->stopping && !error && !(enough && q->count >= enough)) {
        error = pthread_cond_timedwait(&q->changed, &q->mutex, &end);
    }
    q->enough = 0;
    otlp_state state = {q->count, q->first_ms, q->stopping};
    pthread_mutex_unlock(&q->mutex);
    return state;
}
