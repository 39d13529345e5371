/* many.c - batches: the near tiers are asked in one call, what is left becomes one request per key,
 * which meet again in the same turn of a loop and leave it in one submit(). A batch that the near
 * tiers answer whole allocates nothing, unless it is a long one. */
#include <string.h>

#include "api/calls.h"
#include "api/trace.h"
#include "pipeline/gather.h"
#include "pipeline/lane.h"
#include "pipeline/request.h"
#include "pipeline/watch.h"
#include "pipeline/write.h"

enum { FEW = 32 }; /* so many keys need no memory of their own */

typedef struct many {
    mst_cache *cache;
    const mst_slice *keys;
    const mst_input *inputs; /* of a set */
    size_t n;
    const mst_options *options;
    msi_request_kind kind;
    const mst_loader_many *loader; /* NULL: a get is a miss when nobody has it */
    msi_gather *gather;
    msi_key_ref *refs;
    mst_result *results; /* the caller's, until there is a batch */
    mst_request *handle; /* NULL: not wanted */
} many;

static mst_status check(many *m)
{
    m->options = m->options ? m->options : &msi_no_options;
    mst_status status = msi_check_options(m->options);
    if (!status) {
        status = m->cache && m->keys && m->n ? MST_OK : MST_EINVAL;
    }
    if (!status) {
        status = msi_check_key(m->cache, m->keys[0]); /* the others: take_keys() */
    }
    if (!status && m->kind == MSI_SET) {
        status = m->inputs ? MST_OK : MST_EINVAL;
    }
    for (size_t i = 0; !status && m->kind == MSI_SET && i < m->n; i++) {
        status = msi_check_input(&m->inputs[i], m->options->type);
    }
    return status;
}

/* All keys, hashed, if all of them are good. Each is looked at once. */
static mst_status take_keys(many *m)
{
    const mst_cache *c = m->cache;
    for (size_t i = 0; i < m->n; i++) {
        mst_slice key = m->keys[i];
        if (!msi_key_ok(key)) {
            return MST_EINVAL;
        }
        m->refs[i] = (msi_key_ref){key, msi_cache_hash(c, key)};
    }
    return MST_OK;
}

static void drop_input(const mst_input *in)
{
    if (in->release) {
        in->release(in->owner);
    }
}

static void drop_inputs(const many *m)
{
    for (size_t i = 0; m->inputs && i < m->n; i++) {
        drop_input(&m->inputs[i]);
    }
}

/* Sets, removals on this thread; those that have to go through the loop stay MST_PENDING. */
static size_t write_now(many *m)
{
    size_t done = 0;
    for (size_t i = 0; i < m->n; i++) {
        mst_result *r = &m->results[i];
        const mst_input *in = m->inputs ? &m->inputs[i] : NULL;
        msi_result_set(r, MST_PENDING, MST_WHY_NONE);
        done += msi_write_now(m->cache, m->kind, &m->refs[i], in, m->options, r) != MST_PENDING;
    }
    return done;
}

/* Nearly always all of them are of the nearest tier, and counted in one step. */
static void count_hits(const many *m, size_t hits)
{
    msi_counters *c = &m->cache->counters;
    for (size_t i = 0; m->cache->near_count > 1 && i < m->n; i++) {
        if (m->results[i].status == MST_OK && m->results[i].tier > 0) {
            msi_count(c, MSI_COUNT_now_hits + (unsigned) m->results[i].tier, 1);
            hits--;
        }
    }
    msi_count(c, MSI_COUNT_now_hits, hits);
}

static size_t read_now(many *m)
{
    mst_cache *c = m->cache;
    if (!c->near_count || (m->options->flags & MST_F_FAR)) {
        for (size_t i = 0; i < m->n; i++) {
            msi_result_set(&m->results[i], MST_PENDING, MST_WHY_NONE);
            msi_trace_lookup(c, m->refs[i].hash, m->options, NULL);
        }
        return 0;
    }
    size_t hits = msi_near_get_many(c, m->refs, m->n, m->options, m->results), misses = 0;
    for (size_t i = 0; i < m->n; i++) {
        msi_trace_lookup(c, m->refs[i].hash, m->options, &m->results[i]);
    }
    count_hits(m, hits);
    for (size_t i = 0; hits < m->n && i < m->n; i++) {
        mst_result *r = &m->results[i];
        if (r->status == MST_MISS && (m->loader || !msi_cache_all_near(c))) {
            msi_result_set(r, MST_PENDING, MST_WHY_NONE);
        }
        misses += r->status == MST_MISS;
    }
    for (size_t i = 0; m->options->traceparent && i < m->n; i++) {
        if (m->results[i].status != MST_PENDING) {
            msi_watch_near(c, "get", m->refs[i], m->options, &m->results[i]);
        }
    }
    if (misses) {
        msi_count(&c->counters, MSI_COUNT_now_misses, misses);
    }
    return hits + misses;
}

/* Give back the places of the pending keys of lanes before `last`. */
static void unreserve(many *m, unsigned last)
{
    mst_cache *c = m->cache;
    for (size_t i = 0; i < m->n; i++) {
        unsigned lane = msi_cache_lane(c, m->refs[i].hash);
        if (m->results[i].status == MST_PENDING && lane < last) {
            msi_lane_unreserve(&c->lanes[lane], 1);
        }
    }
}

/* Places for all pending keys, or for none: a batch is refused as a whole. */
static mst_status reserve(many *m)
{
    mst_cache *c = m->cache;
    for (unsigned lane = 0; lane < c->lane_count; lane++) {
        uint64_t n = 0;
        for (size_t i = 0; i < m->n; i++) {
            n += m->results[i].status == MST_PENDING && msi_cache_lane(c, m->refs[i].hash) == lane;
        }
        mst_status status = n ? msi_lane_reserve(&c->lanes[lane], n) : MST_OK;
        if (status) {
            unreserve(m, lane);
            return status;
        }
    }
    return MST_OK;
}

/* One key of the batch on its way to the loop; its place is reserved. What fails is its own result.
 */
static void enlist_one(many *m, msi_batch *b, size_t i, msi_list *list)
{
    mst_cache *c = m->cache;
    const mst_input *in = m->inputs ? &m->inputs[i] : NULL;
    mst_request *r = msi_request_new(c, m->kind, m->refs[i], m->options, NULL, NULL);
    mst_status status = MST_ENOMEM;
    if (r) {
        r->options.request = NULL; /* the batch has one for all */
        r->batch = b;
        r->batch_index = i;
        if (m->handle) {
            msi_request_add_member(m->handle, r);
        }
        if (m->gather) {
            msi_gather_add(m->gather, r);
        }
        status = m->kind == MSI_GET ? MST_OK : msi_write_announce(r, in);
    } else if (in) {
        drop_input(in);
    }
    if (!status) {
        msi_list_append(list, &r->link);
    } else {
        msi_lane_unreserve(&c->lanes[msi_cache_lane(c, m->refs[i].hash)], 1);
        b->results[i] = msi_result(status, MST_WHY_REJECTED);
        if (m->gather) {
            msi_gather_skip(m->gather);
        }
        atomic_fetch_sub(&b->left, 1); /* never the last: post() counts, too */
    }
}

/* The keys of one lane, posted in one step. */
static void post_lane(many *m, msi_batch *b, unsigned lane)
{
    msi_list list;
    msi_list_init(&list);
    for (size_t i = 0; i < m->n; i++) {
        /* In this order: the results of other lanes may be being written. */
        if (msi_cache_lane(m->cache, m->refs[i].hash) == lane &&
            b->results[i].status == MST_PENDING) {
            enlist_one(m, b, i, &list);
        }
    }
    if (!msi_list_empty(&list)) {
        msi_lane_post_reserved(&m->cache->lanes[lane], &list);
    }
}

/* The batch is refused: what was answered goes, and the inputs that nobody has taken. */
static mst_status refuse_all(many *m, msi_batch *b, mst_status status)
{
    mst_request_release(m->handle);
    msi_gather_free(m->gather);
    for (size_t i = 0; i < m->n; i++) {
        if (m->inputs && (!m->results || m->results[i].status == MST_PENDING)) {
            drop_input(&m->inputs[i]);
        }
        if (m->results) {
            mst_result_release(&m->results[i]);
        }
    }
    msi_free(m->cache->allocator, b);
    return status;
}

/* The answers that are there already move from the caller's array into it. */
static msi_batch *new_batch(many *m, mst_done_many done, void *arg)
{
    msi_batch *b = msi_batch_new(m->cache, m->n, done, arg);
    const mst_result pending = msi_result(MST_PENDING, MST_WHY_NONE);
    for (size_t i = 0; b && i < m->n; i++) {
        b->results[i] = m->results ? m->results[i] : pending;
        if (m->results) {
            m->results[i] = pending;
        }
    }
    return b;
}

/* What is pending goes to the loops. The batch counts this function as one more, so that it is not
 * told before all its keys are on their way. */
static mst_status post(many *m, size_t pending, mst_done_many done, void *arg)
{
    msi_batch *b = new_batch(m, done, arg);
    if (!b) {
        return refuse_all(m, NULL, MST_ENOMEM);
    }
    m->results = b->results;
    mst_status status = MST_OK;
    if (m->options->request) {
        m->handle = msi_request_new_many(m->cache, pending);
        status = m->handle ? MST_OK : MST_ENOMEM;
    }
    if (!status && m->loader) {
        m->gather = msi_gather_new(m->cache, m->loader, pending);
        status = m->gather ? MST_OK : MST_ENOMEM;
    }
    if (!status) {
        status = reserve(m);
    }
    if (status) {
        return refuse_all(m, b, status);
    }
    if (m->handle) {
        *m->options->request = m->handle;
    }
    b->left = pending + 1;
    for (unsigned lane = 0; lane < m->cache->lane_count; lane++) {
        post_lane(m, b, lane);
    }
    if (m->gather) {
        msi_gather_skip(m->gather);
    }
    msi_batch_posted(b);
    return MST_PENDING;
}

static mst_status answer(many *m, mst_result *now, mst_done_many done, void *arg)
{
    m->results = now;
    size_t answered = !now ? 0 : m->kind == MSI_GET ? read_now(m) : write_now(m);
    /* The results may be gone already once they are posted. */
    return answered < m->n ? post(m, m->n - answered, done, arg) : MST_OK;
}

static mst_status start(many *m, mst_result *now, mst_done_many done, void *arg)
{
    mst_status status = check(m);
    if (status) {
        drop_inputs(m);
        return status;
    }
    mst_cache *c = m->cache;
    msi_key_ref few[FEW];
    m->refs = m->n <= FEW ? few : msi_alloc(c->allocator, m->n * sizeof *m->refs);
    status = m->refs ? take_keys(m) : MST_ENOMEM;
    if (status) {
        drop_inputs(m);
    } else {
        status = answer(m, now, done, arg);
    }
    if (m->refs != few) {
        msi_free(c->allocator, m->refs);
    }
    return status;
}

/* A refusal stands in every result as well. */
static mst_status run(many *m, mst_result *now, mst_done_many done, void *arg)
{
    mst_status status = start(m, now, done, arg);
    for (size_t i = 0; status < 0 && now && i < m->n; i++) {
        msi_refuse(status, &now[i]);
    }
    return status;
}

mst_status mst_get_many(mst_cache *c, const mst_slice *keys, size_t n, const mst_options *o,
                        mst_result *now, mst_done_many done, void *arg)
{
    many m = {.cache = c, .keys = keys, .n = n, .options = o, .kind = MSI_GET};
    return run(&m, now, done, arg);
}

mst_status mst_get_many_or_load(mst_cache *c, const mst_slice *keys, size_t n,
                                const mst_loader_many *loader, const mst_options *o,
                                mst_result *now, mst_done_many done, void *arg)
{
    bool given = loader && loader->load;
    many m = {.cache = c, .keys = keys, .n = n, .options = o, .kind = MSI_GET, .loader = loader};
    m.keys = given ? keys : NULL; /* refused */
    return run(&m, now, done, arg);
}

mst_status mst_set_many(mst_cache *c, const mst_slice *keys, const mst_input *inputs, size_t n,
                        const mst_options *o, mst_result *now, mst_done_many done, void *arg)
{
    many m = {.cache = c, .keys = keys, .inputs = inputs, .n = n, .options = o, .kind = MSI_SET};
    return run(&m, now, done, arg);
}

mst_status mst_remove_many(mst_cache *c, const mst_slice *keys, size_t n, const mst_options *o,
                           mst_result *now, mst_done_many done, void *arg)
{
    many m = {.cache = c, .keys = keys, .n = n, .options = o, .kind = MSI_REMOVE};
    return run(&m, now, done, arg);
}
