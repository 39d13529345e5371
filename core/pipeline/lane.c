/* lane.c - see lane.h. */
#include "pipeline/lane.h"

#include <string.h>

#include "pipeline/flight.h"
#include "pipeline/request.h"

static void begin_turn(msi_hook *hook)
{
    msi_lane *l = MSI_CONTAINER(hook, msi_lane, begin);
    if (!atomic_load_explicit(&l->any, memory_order_acquire)) {
        return;
    }
    msi_list batch;
    msi_list_init(&batch);
    pthread_mutex_lock(&l->mutex);
    msi_list_splice(&batch, &l->intake);
    atomic_store_explicit(&l->any, false, memory_order_relaxed);
    pthread_mutex_unlock(&l->mutex);
    for (msi_list *at; (at = msi_list_take(&batch));) {
        mst_request *r = MSI_CONTAINER(at, mst_request, link);
        if (!r->kept) {
            r->kept = true;
            msi_loop_keep(l->loop);
        }
        msi_request_begin(r);
        msi_request_release(r);
    }
}

static void answer_turn(msi_hook *hook)
{
    msi_lane *l = MSI_CONTAINER(hook, msi_lane, answer);
    if (msi_list_empty(&l->finished)) {
        return;
    }
    msi_list batch;
    uint64_t n = 0;
    msi_list_init(&batch);
    msi_list_splice(&batch, &l->finished);
    for (msi_list *at = batch.next; at != &batch; at = at->next) {
        n++;
    }
    pthread_mutex_lock(&l->mutex);
    l->completed += n;
    l->pending -= n;
    pthread_mutex_unlock(&l->mutex);
    atomic_fetch_sub(&l->cache->pending, n);
    msi_loop_told(l->loop);
    for (msi_list *at; (at = msi_list_take(&batch));) {
        mst_request *r = MSI_CONTAINER(at, mst_request, answer_link);
        bool kept = r->kept;
        msi_request_answer(r);
        if (kept) {
            msi_loop_unkeep(l->loop);
        }
    }
}

mst_status msi_lane_init(msi_lane *l, mst_cache *c, msi_loop *loop, unsigned index)
{
    memset(l, 0, sizeof *l);
    l->cache = c;
    l->loop = loop;
    l->index = index;
    msi_list_init(&l->intake);
    msi_list_init(&l->finished);
    msi_list_init(&l->begin.link);
    msi_list_init(&l->answer.link);
    l->begin.turn = begin_turn;
    l->answer.turn = answer_turn;
    pthread_mutex_init(&l->mutex, NULL);
    msi_spares_init(&l->requests, c->allocator, sizeof(mst_request) + MSI_KEY_ROOM);
    msi_spares_init(&l->flights, c->allocator, sizeof(msi_flight) + MSI_KEY_ROOM);
    msi_spares_init(&l->values, c->allocator, sizeof(msi_value));
    msi_spares_init(&l->trails, c->allocator, sizeof(msi_trail));
    msi_spares_init(&l->mores, c->allocator, sizeof(msi_trail_more));
    l->lot = msi_mix(c->seed + index);
    for (unsigned i = 0; i < c->tier_count; i++) {
        l->ports[i] = c->tiers[i]->near ? NULL : &c->tiers[i]->ports[index];
    }
    l->took = msi_zalloc(c->allocator, (MSI_COUNTED_KINDS + 1) * sizeof *l->took);
    l->load_took = l->took ? &l->took[MSI_COUNTED_KINDS] : NULL;
    return l->took ? MST_OK : MST_ENOMEM;
}

void msi_lane_fini(msi_lane *l)
{
    msi_slides_fini(&l->slides, l->cache->allocator);
    msi_free(l->cache->allocator, l->took);
    pthread_mutex_destroy(&l->mutex);
    msi_spares_fini(&l->requests);
    msi_spares_fini(&l->flights);
    msi_spares_fini(&l->values);
    msi_spares_fini(&l->trails);
    msi_spares_fini(&l->mores);
}

void msi_lane_open(msi_lane *l)
{
    msi_loop_add_hook(l->loop, &l->begin);
}

void msi_lane_opened(msi_lane *l)
{
    msi_loop_add_hook(l->loop, &l->answer);
}

/* The bound is the cache's: one counter for all lanes, beside their ledgers. */
static mst_status take_places(mst_cache *c, uint64_t n)
{
    uint64_t max = (uint64_t) c->settings.max_pending;
    if (n <= max && atomic_fetch_add(&c->pending, n) <= max - n) {
        return MST_OK;
    }
    if (n <= max) {
        atomic_fetch_sub(&c->pending, n);
    }
    msi_count(&c->counters, MSI_COUNT_rejected, n);
    return MST_EBUSY;
}

/* Under the mutex. */
static mst_status enter(msi_lane *l, uint64_t n)
{
    mst_cache *c = l->cache;
    if (msi_cache_is_closing(c)) {
        return MST_ECLOSED;
    }
    mst_status status = take_places(c, n);
    if (!status) {
        l->started += n;
        l->pending += n;
    }
    return status;
}

mst_status msi_lane_reserve(msi_lane *l, uint64_t n)
{
    pthread_mutex_lock(&l->mutex);
    mst_status status = enter(l, n);
    pthread_mutex_unlock(&l->mutex);
    return status;
}

void msi_lane_unreserve(msi_lane *l, uint64_t n)
{
    pthread_mutex_lock(&l->mutex);
    l->started -= n;
    l->pending -= n;
    pthread_mutex_unlock(&l->mutex);
    atomic_fetch_sub(&l->cache->pending, n);
}

/* A request of the loop's own thread: it turns before it blocks, and uv_run() must not find that
 * there is nothing to do. */
static void keep_for(msi_lane *l, mst_request *r)
{
    r->kept = l->loop->lent;
    if (r->kept) {
        msi_loop_keep(l->loop);
    }
}

/* Under the mutex, with the wake: once a request can be answered, its done() may close the runtime.
 */
static void take_in(msi_lane *l, msi_list *requests, bool here)
{
    msi_list_splice(&l->intake, requests);
    atomic_store_explicit(&l->any, true, memory_order_release);
    if (here) {
        msi_loop_again(l->loop);
    } else {
        msi_loop_wake(l->loop);
    }
}

mst_status msi_lane_post(msi_lane *l, mst_request *r)
{
    bool here = msi_loop_here(l->loop);
    msi_list one;
    msi_list_init(&one);
    msi_list_append(&one, &r->link);
    pthread_mutex_lock(&l->mutex);
    mst_status status = enter(l, 1);
    if (!status) {
        take_in(l, &one, here);
    }
    pthread_mutex_unlock(&l->mutex);
    if (!status && here) {
        keep_for(l, r);
    }
    return status;
}

void msi_lane_post_reserved(msi_lane *l, msi_list *requests)
{
    bool here = msi_loop_here(l->loop);
    for (msi_list *at = requests->next; here && at != requests; at = at->next) {
        keep_for(l, MSI_CONTAINER(at, mst_request, link));
    }
    pthread_mutex_lock(&l->mutex);
    take_in(l, requests, here);
    pthread_mutex_unlock(&l->mutex);
}

void msi_lane_drop_result(msi_lane *l, mst_result *r)
{
    if (r->release == msi_value_release) {
        msi_value_drop(r->owner, &l->values);
        r->release = NULL;
    }
    mst_result_release(r);
}

void msi_lane_enter(msi_lane *l)
{
    l->busy++;
    msi_loop_keep(l->loop);
}

void msi_lane_leave(msi_lane *l)
{
    l->busy--;
    msi_loop_unkeep(l->loop);
}

static uint64_t pending(msi_lane *l)
{
    pthread_mutex_lock(&l->mutex);
    uint64_t n = l->pending;
    pthread_mutex_unlock(&l->mutex);
    return n;
}

bool msi_lane_answered(msi_lane *l)
{
    return l->visitors == 0 && pending(l) <= l->endless;
}

bool msi_lane_idle(msi_lane *l)
{
    return l->visitors == 0 && l->busy == 0 && pending(l) == 0;
}
