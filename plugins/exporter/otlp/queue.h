/* queue.h - spans that wait to be sent, at most so many. [any-thread] */
#ifndef OTLP_QUEUE_H
#define OTLP_QUEUE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "spans.h"

typedef struct otlp_queue {
    const mst_host *host;
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* on the monotonic clock */
    size_t max, count;
    size_t batch; /* what one request carries, but for a few that came together with the last */
    _Atomic bool full;        /* a hint */
    size_t enough;            /* what the thread waits for; 0: it does not */
    otlp_batch *first, *last; /* it may take more */
    uint64_t first_ms;        /* when the queue was last empty and got a span; host->now_ms() */
    bool stopping;
} otlp_queue;

mst_status otlp_queue_init(otlp_queue *, const mst_host *, size_t max);
void otlp_queue_fini(otlp_queue *);

/* How many of them there was room and memory for. */
size_t otlp_queue_put(otlp_queue *, const mst_span *const *, size_t n);
/* The oldest; NULL: there are none. To be given to host->free(). */
otlp_batch *otlp_queue_take(otlp_queue *);
/* Wakes who waits: see otlp_queue_wait(). */
void otlp_queue_stop(otlp_queue *);

typedef struct otlp_state {
    size_t count;
    uint64_t first_ms;
    bool stopping;
} otlp_state;
/* Waits until `at_ms` of host->now_ms(), until `enough` spans are there (0: however many), or until
 * the end. */
otlp_state otlp_queue_wait(otlp_queue *, uint64_t at_ms, size_t enough);

#endif
