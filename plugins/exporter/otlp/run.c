/* run.c - the thread that sends: spans when enough of them wait or the oldest has waited long
 * enough, metrics at their times.
 *
 * Spans that could not be sent stay in hand and are sent again, later each time, with a random part
 * so that many programs do not come back in the same moment; after GIVE_UP_MS they are dropped.
 * Metrics are not kept: what is sent next says more.
 */
#include <stdio.h>
#include <stdlib.h>

#include "otlp.h"

enum { FIRST_PAUSE_MS = 500, LAST_PAUSE_MS = 30000, GIVE_UP_MS = 60000 };

typedef struct runner {
    otlp *o;
    otlp_batch *batch;    /* spans in hand; NULL */
    uint64_t since_ms;    /* of the first attempt with it */
    uint64_t pause_until; /* no request before, after one that failed */
    uint64_t pause_ms;    /* the last pause; 0: the last request was answered */
    uint64_t next_metrics_ms;
    unsigned seed;
    bool failing; /* the log has been told */
} runner;

static uint64_t now_ms(const runner *r)
{
    return r->o->host->now_ms(r->o->host);
}

/* ---- what became of a request */

static void tell(runner *r, bool failed)
{
    char line[300];
    const mst_host *host = r->o->host;
    if (failed && !r->failing) {
        snprintf(line, sizeof line, "cannot send to %.80s: %s", r->o->sender.endpoint,
                 r->o->sender.why);
        host->log(host, MST_LOG_WARN, line);
    } else if (!failed && r->failing) {
        host->log(host, MST_LOG_INFO, "the collector answers again");
    }
    r->failing = failed;
}

/* Twice as long each time, and up to half of it again at random; or what the collector says. */
static void pause_after_failure(runner *r, uint64_t retry_ms)
{
    uint64_t pause = r->pause_ms ? 2 * r->pause_ms : FIRST_PAUSE_MS;
    pause = pause < LAST_PAUSE_MS ? pause : LAST_PAUSE_MS;
    r->pause_ms = pause;
    pause = retry_ms > pause ? retry_ms : pause;
    pause = pause < GIVE_UP_MS ? pause : GIVE_UP_MS;
    r->pause_until = now_ms(r) + pause + (uint64_t) rand_r(&r->seed) % (pause / 2 + 1);
}

static otlp_outcome deliver(runner *r, const char *path, ProtobufCBinaryData body,
                            uint64_t *rejected)
{
    uint64_t retry_ms;
    otlp_outcome outcome = otlp_send(&r->o->sender, path, body, rejected, &retry_ms);
    r->o->host->free(r->o->host, body.data);
    tell(r, outcome != OTLP_SENT || *rejected);
    if (outcome != OTLP_SENT) {
        r->o->metrics->add(r->o->failures, 1);
    }
    if (outcome == OTLP_AGAIN) {
        pause_after_failure(r, retry_ms);
    } else {
        r->pause_ms = r->pause_until = 0;
    }
    return outcome;
}

/* ---- spans */

static void end_batch(runner *r, uint64_t dropped)
{
    uint64_t count = r->batch->count;
    dropped = dropped < count ? dropped : count;
    r->o->metrics->add(r->o->dropped, dropped);
    r->o->metrics->add(r->o->sent, count - dropped);
    r->o->host->free(r->o->host, r->batch);
    r->batch = NULL;
}

static void send_spans(runner *r, bool last)
{
    uint64_t rejected, now = now_ms(r);
    if (!r->batch) {
        r->batch = otlp_queue_take(&r->o->queue);
        r->since_ms = now;
    }
    if (!r->batch) {
        return;
    }
    ProtobufCBinaryData body = otlp_traces_request(r->o->host, &r->o->resource, r->batch);
    otlp_outcome outcome = deliver(r, "/v1/traces", body, &rejected);
    bool over = last || now_ms(r) - r->since_ms >= GIVE_UP_MS;
    if (outcome == OTLP_SENT) {
        end_batch(r, rejected);
    } else if (outcome == OTLP_REFUSED || over) {
        end_batch(r, UINT64_MAX);
    }
}

/* ---- metrics */

static void send_metrics(runner *r)
{
    otlp *o = r->o;
    otlp_pile metrics = {.host = o->host};
    uint64_t rejected, now_ns = o->host->wall_ms(o->host) * 1000000;
    mst_status status = otlp_collect(o->host, o->metrics, o->start_ns, now_ns, &metrics);
    if (status == MST_OK && metrics.count) {
        deliver(r, "/v1/metrics", otlp_metrics_request(o->host, &o->resource, &metrics), &rejected);
    }
    otlp_pile_free(&metrics);
    r->next_metrics_ms = now_ms(r) + (uint64_t) o->interval_ms;
}

/* ---- the thread */

/* When there is something to do; spans may say so earlier. */
static uint64_t next_time(const runner *r, const otlp_state *queue)
{
    uint64_t at = r->o->interval_ms >= 0 ? r->next_metrics_ms : UINT64_MAX / 2;
    if (r->batch) {
        return r->pause_until;
    }
    if (queue->count && queue->first_ms + (uint64_t) r->o->delay_ms < at) {
        at = queue->first_ms + (uint64_t) r->o->delay_ms;
    }
    uint64_t a_while = now_ms(r) + 3600000;
    at = at < a_while ? at : a_while;
    return at > r->pause_until ? at : r->pause_until;
}

/* What is left, in the time that there is: it ends with the first request that fails. */
static void say_farewell(runner *r)
{
    otlp_state queue;
    r->pause_ms = 0;
    do {
        send_spans(r, true);
        queue = otlp_queue_wait(&r->o->queue, 0, 0);
    } while (queue.count && !r->pause_ms);
    if (r->o->interval_ms >= 0 && !r->pause_ms) {
        send_metrics(r);
    }
    r->o->metrics->add(r->o->dropped, queue.count);
}

void otlp_run(otlp *o)
{
    runner r = {.o = o, .seed = (unsigned) o->host->now_ns(o->host)};
    otlp_state queue = {.count = 0};
    r.next_metrics_ms = now_ms(&r) + (uint64_t) o->interval_ms;
    for (;;) {
        bool free_to_send = now_ms(&r) >= r.pause_until;
        queue = otlp_queue_wait(&o->queue, next_time(&r, &queue), free_to_send ? 1 : 0);
        if (queue.stopping) {
            break;
        }
        uint64_t now = now_ms(&r);
        if (now < r.pause_until) {
            continue;
        }
        bool waited = queue.count && now >= queue.first_ms + (uint64_t) o->delay_ms;
        if (r.batch || waited || queue.count >= o->queue.batch) {
            send_spans(&r, false);
        } else if (queue.count) {
            queue =
                otlp_queue_wait(&o->queue, queue.first_ms + (uint64_t) o->delay_ms, o->queue.batch);
        }
        if (o->interval_ms >= 0 && now >= r.next_metrics_ms && now_ms(&r) >= r.pause_until) {
            send_metrics(&r);
        }
    }
    say_farewell(&r);
    otlp_ended(o);
}
