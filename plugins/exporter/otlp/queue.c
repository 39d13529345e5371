/* queue.c - see queue.h. */
#include "queue.h"

#include <time.h>

typedef struct otlp_node {
    struct otlp_node *next;
    ProtobufCBinaryData packed;
} otlp_node;

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
        q->host->free(q->host, n->packed.data);
        q->host->free(q->host, n);
    }
    pthread_cond_destroy(&q->changed);
    pthread_mutex_destroy(&q->mutex);
    q->host = NULL;
}

bool otlp_queue_put(otlp_queue *q, ProtobufCBinaryData packed)
{
    otlp_node *n = packed.data ? q->host->alloc(q->host, sizeof *n) : NULL;
    bool room = false;
    if (n) {
        n->next = NULL;
        n->packed = packed;
        pthread_mutex_lock(&q->mutex);
        room = q->count < q->max && !q->stopping;
        if (room) {
            q->first_ms = q->count ? q->first_ms : q->host->now_ms(q->host);
            *q->last = n;
            q->last = &n->next;
            q->count++;
            if (q->count == q->enough) { /* else nobody waits for it */
                pthread_cond_signal(&q->changed);
            }
        }
        pthread_mutex_unlock(&q->mutex);
    }
    if (!room) {
        q->host->free(q->host, packed.data);
        q->host->free(q->host, n);
    }
    return room;
}

void otlp_queue_take(otlp_queue *q, otlp_pile *pile, size_t max)
{
    otlp_node *taken;
    size_t n = 0;
    pthread_mutex_lock(&q->mutex);
    taken = q->first;
    otlp_node **end = &q->first;
    while (*end && n < max) {
        end = &(*end)->next;
        n++;
    }
    q->first = *end;
    *end = NULL;
    q->last = q->first ? q->last : &q->first;
    q->count -= n;
    pthread_mutex_unlock(&q->mutex);
    if (n == 0) {
        return;
    }
    for (otlp_node *at = taken, *next; at; at = next) {
        next = at->next;
        otlp_pile_take(pile, at->packed);
        q->host->free(q->host, at);
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
