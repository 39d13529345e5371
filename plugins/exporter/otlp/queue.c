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

/* A full queue is seen before the copy is made. */
static bool is_full(otlp_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    bool full = q->count >= q->max;
    pthread_mutex_unlock(&q->mutex);
    return full;
}

bool otlp_queue_put(otlp_queue *q, const mst_span *span)
{
    otlp_node *n = is_full(q) ? NULL : copy_span(q->host, span);
    bool room = false;
    if (n) {
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
        otlp_pile_take(pile, otlp_pack_span(q->host, &at->span));
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
