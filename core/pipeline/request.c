/* request.c - see request.h. */
#include "pipeline/request.h"

#include <string.h>

#include "base/clock.h"
#include "pipeline/clear.h"
#include "pipeline/flight.h"
#include "pipeline/gather.h"
#include "pipeline/look.h"
#include "pipeline/store.h"
#include "pipeline/watch.h"
#include "pipeline/write.h"

static void on_deadline(msi_deadline *d)
{
    mst_request *r = MSI_CONTAINER(d, mst_request, deadline);
    msi_request_finish_with(r, MST_ETIMEDOUT, MST_WHY_TIMED_OUT);
}

/* A short key gets the room of a spare, wherever the memory comes from: see msi_request_answer().
 */
static void *memory_for(msi_lane *lane, size_t key_len)
{
    if (key_len <= MSI_KEY_ROOM && msi_loop_here(lane->loop)) {
        return msi_spares_take(&lane->requests);
    }
    size_t room = key_len < MSI_KEY_ROOM ? MSI_KEY_ROOM : key_len;
    return msi_alloc(lane->cache->allocator, sizeof(mst_request) + room);
}

mst_request *msi_request_new(mst_cache *c, msi_request_kind kind, msi_key_ref k,
                             const mst_options *o, mst_done done, void *arg)
{
    msi_lane *lane = &c->lanes[msi_cache_lane(c, k.hash)];
    mst_request *r = memory_for(lane, k.key.len);
    if (!r) {
        return NULL;
    }
    msi_zero(r, sizeof *r);
    atomic_init(&r->refs, 2); /* of the pipeline, and of the intake */
    r->kind = kind;
    r->cache = c;
    r->memory = *c->allocator;
    r->lane = lane;
    msi_list_init(&r->link);
    msi_list_init(&r->answer_link);
    r->options = *o;
    r->outcome = MST_MISS;
    r->done = done;
    r->arg = arg;
    r->outcome_tier = MST_TIER_NONE;
    r->began_ns = msi_now_ns();
    if (o->traceparent) {
        msi_watch_read(c, &r->context, o->traceparent);
    }
    r->deadline.due = on_deadline;
    int64_t timeout = o->timeout_ms == MST_DEFAULT ? c->settings.timeout_ms : o->timeout_ms;
    r->deadline_ms = timeout > 0 ? msi_now_ms() + (uint64_t) timeout : 0;
    if (k.key.len) {
        memcpy(r + 1, k.key.data, k.key.len);
    }
    r->k = (msi_key_ref){{r + 1, k.key.len}, k.hash};
    return r;
}

void msi_request_retain(mst_request *r)
{
    atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
}

void msi_request_release(mst_request *r)
{
    if (msi_unref(&r->refs)) {
        mst_allocator memory = r->memory;
        for (size_t i = 0; i < r->member_count; i++) {
            msi_request_release(r->members[i]);
        }
        msi_free(&memory, r);
    }
}

void msi_request_discard(mst_request *r)
{
    msi_request_release(r);
    msi_request_release(r);
}

mst_request *msi_request_new_many(mst_cache *c, size_t n)
{
    mst_request *r = msi_zalloc(c->allocator, sizeof *r + n * sizeof r->members[0]);
    if (r) {
        r->refs = 1;
        r->kind = MSI_MANY;
        r->memory = *c->allocator;
        r->members = (mst_request **) (void *) (r + 1);
    }
    return r;
}

void msi_request_add_member(mst_request *many, mst_request *r)
{
    msi_request_retain(r);
    r->cancellable = true;
    many->members[many->member_count++] = r;
}

/* The handle is written before the request can be answered on another thread. */
mst_status msi_request_post(mst_request *r)
{
    mst_request **handle = r->options.request;
    r->options.request = NULL;
    if (handle) {
        *handle = r;
        r->cancellable = true;
        msi_request_retain(r);
    }
    mst_status status = msi_lane_post(r->lane, r);
    if (status == MST_OK) {
        return MST_PENDING;
    }
    if (handle) {
        *handle = NULL;
        msi_request_release(r);
    }
    msi_write_forget(r);
    msi_request_discard(r);
    return status;
}

static void begin_kind(mst_request *r)
{
    switch (r->kind) {
    case MSI_GET:
        msi_flight_begin(r);
        break;
    case MSI_SET:
    case MSI_REMOVE:
    case MSI_TOUCH:
        msi_write_begin(r);
        break;
    case MSI_EXISTS:
        msi_look_begin(r);
        break;
    case MSI_CLEAR:
        msi_clear_begin(r);
        break;
    case MSI_MANY:
        break;
    }
}

void msi_request_begin(mst_request *r)
{
    if (r->answered) {
        return; /* cancelled before it began */
    }
    r->lane->endless += !r->begun && !r->deadline_ms; /* may begin again behind a busy write */
    r->begun = true;
    if (r->deadline_ms && !msi_deadline_armed(&r->deadline) &&
        msi_loop_arm(r->lane->loop, &r->deadline, r->deadline_ms)) {
        msi_request_finish_with(r, MST_ENOMEM, MST_WHY_REJECTED);
        return;
    }
    begin_kind(r);
}

/* A get that was answered, not failed. */
static msi_counter counter_of_get(const mst_result *result)
{
    switch (result->why) {
    case MST_WHY_HIT:
        return MSI_COUNT_hits + (unsigned) result->tier;
    case MST_WHY_LOADED:
        return MSI_COUNT_loaded;
    case MST_WHY_COALESCED:
        return MSI_COUNT_coalesced;
    case MST_WHY_ABSENT:
        return MSI_COUNT_absent;
    case MST_WHY_UNDECODABLE:
        return MSI_COUNT_undecodable;
    case MST_WHY_TIER_FAILED:
        return MSI_COUNT_tier_failed;
    default:
        return MSI_COUNT_misses;
    }
}

/* The one counter that an answer belongs to. */
static msi_counter counter_of(const mst_request *r)
{
    const mst_result *result = &r->result;
    if (result->why == MST_WHY_TIMED_OUT) {
        return MSI_COUNT_timeouts + r->kind;
    }
    if (result->why == MST_WHY_CANCELED) {
        return MSI_COUNT_cancels + r->kind;
    }
    if (result->status < 0) {
        return MSI_COUNT_errors + r->kind;
    }
    return r->kind == MSI_GET ? counter_of_get(result) : MSI_COUNT_answers + r->kind;
}

/* How long it took, by the clock of this round; a request that came on another thread while the
 * round went on has taken no time. */
static void note_answer(mst_request *r, uint64_t now)
{
    msi_count(&r->cache->counters, counter_of(r), 1);
    msi_histogram_record(&r->lane->took[r->kind], now > r->began_ns ? now - r->began_ns : 0);
}

void msi_request_finish(mst_request *r, mst_result *result)
{
    if (r->answered) {
        mst_result_release(result);
        return;
    }
    r->answered = true;
    r->result = *result;
    *result = (mst_result){0};
    uint64_t now = msi_loop_now_ns(r->lane->loop);
    note_answer(r, now);
    if (r->cache->watch || r->trail) {
        msi_watch_answered(r, now);
    }
    msi_gather_leave(r);
    msi_loop_disarm(r->lane->loop, &r->deadline);
    if (r->begun) {
        r->lane->endless -= !r->deadline_ms;
        msi_list_remove(&r->link); /* nobody's waiter any more */
    }
    if (!r->writing) {
        msi_write_forget(r);
    }
    if (r->cancellable && atomic_exchange(&r->state, MSI_DONE) == MSI_CANCELLING &&
        !r->cancel_ran) {
        r->cancel_awaited = true; /* the lane must live until the task has come */
        msi_lane_enter(r->lane);
    }
    msi_list_append(&r->lane->finished, &r->answer_link);
    msi_loop_again(r->lane->loop);
}

void msi_request_finish_with(mst_request *r, mst_status status, int why)
{
    mst_result result = msi_result(status, why);
    msi_request_finish(r, &result);
}

void msi_request_answer(mst_request *r)
{
    if (r->batch) {
        r->batch->results[r->batch_index] = r->result;
        msi_batch_count_down(r->batch, r->lane);
    } else {
        if (r->done) {
            r->done(r->arg, &r->result);
        }
        msi_lane_drop_result(r->lane, &r->result);
    }
    if (r->k.key.len > MSI_KEY_ROOM) {
        msi_request_release(r);
    } else if (msi_unref(&r->refs)) {
        msi_spares_give(&r->lane->requests, r);
    }
}

/* ---- cancellation: by a task, so that all that happens to a request happens on its loop */

static void run_cancel(msi_task *task)
{
    mst_request *r = MSI_CONTAINER(task, mst_request, cancel);
    r->cancel_ran = true;
    if (r->cancel_awaited) {
        msi_lane_leave(r->lane);
    } else {
        msi_request_finish_with(r, MST_ECANCELED, MST_WHY_CANCELED);
    }
    msi_request_release(r);
}

/* Only who moves the state from live may touch the lane: an answered request's may be gone. */
void mst_cancel(mst_request *r)
{
    int live = MSI_LIVE;
    for (size_t i = 0; r && i < r->member_count; i++) {
        mst_cancel(r->members[i]);
    }
    if (!r || r->kind == MSI_MANY ||
        !atomic_compare_exchange_strong(&r->state, &live, MSI_CANCELLING)) {
        return;
    }
    msi_request_retain(r);
    r->cancel.run = run_cancel;
    msi_loop_post(r->lane->loop, &r->cancel);
}

void mst_request_release(mst_request *r)
{
    if (r) {
        msi_request_release(r);
    }
}
