/* queue.c - see queue.h. */
#include "queue.h"

#include <string.h>
#include <time.h>

/* Spans that came together, with all that they point to: attributes, then texts. */
typedef struct otlp_block {
    struct otlp_block *next;
    size_t count;
    mst_span spans[];
} otlp_block;

/* ---- copies of spans: the thread of a request does no more than this */

/* A text that is cut must not end within a character of UTF-8. */
static size_t length_of(mst_slice text)
{
    enum { TEXT_MAX = 256 };
    const unsigned char *p = text.data;
    size_t len = text.len;
    if (len > TEXT_MAX) {
        len = TEXT_MAX;
        while (len > 0 && (p[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    return len;
}

static size_t room_for(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static size_t room_for_texts(const mst_span *s)
{
    size_t room = room_for(s->name) + room_for(s->status_text) + room_for(s->trace_state);
    for (size_t i = 0; i < s->attribute_count; i++) {
        room += room_for(s->attributes[i].name) + length_of(s->attributes[i].text) + 1;
    }
    return room;
}

static const char *keep(char **at, const char *text)
{
    char *kept = *at;
    size_t len = room_for(text);
    memcpy(kept, text ? text : "", len);
    *at += len;
    return text ? kept : NULL;
}

/* Texts of attributes need not end in a NUL, those of protobuf-c do. */
static mst_slice keep_slice(char **at, mst_slice text)
{
    mst_slice kept = {*at, length_of(text)};
    memcpy(*at, kept.len ? text.data : "", kept.len);
    (*at)[kept.len] = '\0';
    *at += kept.len + 1;
    return kept;
}

static void keep_span(mst_span *to, const mst_span *s, mst_attribute *attributes, char **at)
{
    *to = *s;
    to->name = keep(at, s->name);
    to->status_text = keep(at, s->status_text);
    to->trace_state = keep(at, s->trace_state);
    to->attributes = attributes;
    for (size_t i = 0; i < s->attribute_count; i++) {
        mst_attribute *a = &attributes[i];
        *a = s->attributes[i];
        a->name = keep(at, a->name);
        a->text = keep_slice(at, a->text);
    }
}

static otlp_block *copy(const mst_host *host, const mst_span *const *spans, size_t n)
{
    size_t attributes = 0, texts = 0;
    for (size_t i = 0; i < n; i++) {
        attributes += spans[i]->attribute_count;
        texts += room_for_texts(spans[i]);
    }
    otlp_block *b = host->alloc(host, sizeof *b + n * sizeof b->spans[0] +
                                          attributes * sizeof(mst_attribute) + texts);
    if (!b) {
        return NULL;
    }
    mst_attribute *a = (mst_attribute *) (void *) &b->spans[n];
    char *at = (char *) &a[attributes];
    b->count = n;
    for (size_t i = 0; i < n; i++) {
        keep_span(&b->spans[i], spans[i], a, &at);
        a += spans[i]->attribute_count;
    }
    return b;
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
    for (otlp_block *b = q->first, *next; b; b = next) {
        next = b->next;
        q->host->free(q->host, b);
    }
    pthread_cond_destroy(&q->changed);
    pthread_mutex_destroy(&q->mutex);
    q->host = NULL;
}

/* Under the mutex: as many of its spans as there is room for. Without any it stays the caller's. */
static size_t append(otlp_queue *q, otlp_block *b)
{
    size_t room = q->stopping ? 0 : q->max - q->count;
    b->count = b->count < room ? b->count : room;
    b->next = NULL;
    if (b->count) {
        *q->last = b;
        q->last = &b->next;
    }
    q->count += b->count;
    return b->count;
}

/* The copies are made without the mutex, and not at all when the queue is full. */
size_t otlp_queue_put(otlp_queue *q, const mst_span *const *spans, size_t n)
{
    bool full = atomic_load_explicit(&q->full, memory_order_relaxed);
    otlp_block *b = full ? NULL : copy(q->host, spans, n);
    if (!b) {
        return 0;
    }
    pthread_mutex_lock(&q->mutex);
    bool was_empty = q->count == 0;
    size_t taken = append(q, b);
    if (was_empty) {
        q->first_ms = q->host->now_ms(q->host);
    }
    if (q->enough && q->count >= q->enough) { /* else nobody waits for it */
        q->enough = 0;
        pthread_cond_signal(&q->changed);
    }
    atomic_store_explicit(&q->full, q->count == q->max, memory_order_relaxed);
    pthread_mutex_unlock(&q->mutex);
    if (!taken) {
        q->host->free(q->host, b);
    }
    return taken;
}

/* Under the mutex: the oldest, in whole blocks. Mostly that is all of them, and nothing is counted.
 */
static otlp_block *cut(otlp_queue *q, size_t enough)
{
    otlp_block *first = q->first, **end = &first;
    if (q->count <= enough) {
        end = q->last;
        q->count = 0;
    }
    for (size_t n = 0; q->count && n < enough; end = &(*end)->next) {
        n += (*end)->count;
        q->count -= (*end)->count;
    }
    q->first = *end;
    *end = NULL;
    q->last = q->first ? q->last : &q->first;
    return first;
}

void otlp_queue_take(otlp_queue *q, otlp_pile *pile, size_t enough)
{
    pthread_mutex_lock(&q->mutex);
    otlp_block *taken = cut(q, enough);
    atomic_store_explicit(&q->full, q->count == q->max, memory_order_relaxed);
    pthread_mutex_unlock(&q->mutex);
    for (otlp_block *next; taken; taken = next) {
        next = taken->next;
        for (size_t i = 0; i < taken->count; i++) {
            otlp_pile_take(pile, otlp_pack_span(q->host, &taken->spans[i]));
        }
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
