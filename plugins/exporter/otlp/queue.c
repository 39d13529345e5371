/* queue.c - see queue.h. */
#include "queue.h"

#include <string.h>
#include <time.h>

/* A span with all that it points to, in one block. */
typedef struct otlp_node {
    struct otlp_node *next;
    mst_span span;
    mst_attribute attributes[];
} otlp_node;

/* ---- copies of spans: the thread of a request does no more than this */

static size_t room_for(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static const char *keep(char **at, const char *text)
{
    char *kept = *at;
    size_t len = room_for(text);
    memcpy(kept, text ? text : "", len);
    *at += len;
    return text ? kept : NULL;
}

static otlp_node *copy_span(const mst_host *host, const mst_span *s)
{
    size_t size = sizeof(otlp_node) + s->attribute_count * sizeof(mst_attribute) +
                  room_for(s->name) + room_for(s->status_text) + room_for(s->trace_state);
    for (size_t i = 0; i < s->attribute_count; i++) {
        size += room_for(s->attributes[i].name) + s->attributes[i].text.len;
    }
    otlp_node *n = host->alloc(host, size);
    if (!n) {
        return NULL;
    }
    char *at = (char *) &n->attributes[s->attribute_count];
    n->next = NULL;
    n->span = *s;
    n->span.name = keep(&at, s->name);
    n->span.status_text = keep(&at, s->status_text);
    n->span.trace_state = keep(&at, s->trace_state);
    n->span.attributes = n->attributes;
    for (size_t i = 0; i < s->attribute_count; i++) {
        mst_attribute *a = &n->attributes[i];
        *a = s->attributes[i];
        a->name = keep(&at, a->name);
        if (a->text.len) {
            memcpy(at, a->text.data, a->text.len);
            a->text.data = at;
            at += a->text.len;
        }
    }
    return n;
}

/* ---- the queue */

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
    q->last = &q->first;
    return MST_OK;
}

void otlp_queue_fini(otlp_queue *q)
{
    if (!q->host) {
        return;
    }
    for (otlp_node *n = q->first, *next; n; n = next) {
        next = n->next;
        q->host->free(q->host, n);
    }
    pthread_cond_destroy(&q->changed);
    pthread_mutex_destroy(&q->mutex);
    q->host = NULL;
}

static otlp_node *copy_all(const mst_host *host, const mst_span *const *spans, size_t n)
{
    otlp_node *first = NULL, **last = &first;
    for (size_t i = 0; i < n; i++) {
        *last = copy_span(host, spans[i]);
        last = *last ? &(*last)->next : last;
    }
    return first;
}

/* Under the mutex: as many as there is room for. What is left is returned. */
static otlp_node *append(otlp_queue *q, otlp_node *n, size_t *taken)
{
    size_t before = q->count;
    while (n && q->count < q->max && !q->stopping) {
        *q->last = n;
        q->last = &n->next;
        n = n->next;
        *q->last = NULL;
        q->count++;
    }
    *taken = q->count - before;
    return n;
}

/* The copies are made without the mutex, and not at all when the queue is full. */
size_t otlp_queue_put(otlp_queue *q, const mst_span *const *spans, size_t n)
{
    size_t taken = 0;
    bool full = atomic_load_explicit(&q->full, memory_order_relaxed);
    otlp_node *left = full ? NULL : copy_all(q->host, spans, n);
    if (!left) {
        return 0;
    }
    pthread_mutex_lock(&q->mutex);
    bool was_empty = q->count == 0;
    left = append(q, left, &taken);
    if (was_empty) {
        q->first_ms = q->host->now_ms(q->host);
    }
    if (q->enough && q->count >= q->enough) { /* else nobody waits for it */
        q->enough = 0;
        pthread_cond_signal(&q->changed);
    }
    atomic_store_explicit(&q->full, q->count == q->max, memory_order_relaxed);
    pthread_mutex_unlock(&q->mutex);
    for (otlp_node *next; left; left = next) {
        next = left->next;
        q->host->free(q->host, left);
    }
    return taken;
}

/* Under the mutex: at most `max` of the oldest. Mostly that is all of them, and nothing is counted.
 */
static otlp_node *cut(otlp_queue *q, size_t max)
{
    otlp_node *first = q->first, **end = &first;
    if (q->count <= max) {
        q->first = NULL;
        q->last = &q->first;
        q->count = 0;
        return first;
    }
    for (size_t i = 0; i < max; i++) {
        end = &(*end)->next;
    }
    q->first = *end;
    *end = NULL;
    q->count -= max;
    return first;
}

void otlp_queue_take(otlp_queue *q, otlp_pile *pile, size_t max)
{
    pthread_mutex_lock(&q->mutex);
    otlp_node *taken = cut(q, max);
    atomic_store_explicit(&q->full, false, memory_order_relaxed);
    pthread_mutex_unlock(&q->mutex);
    for (otlp_node *next; taken; taken = next) {
        next = taken->next;
        otlp_pile_take(pile, otlp_pack_span(q->host, &taken->span));
        q->host->free(q->host, taken);
    }
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
