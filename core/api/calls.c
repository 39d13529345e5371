/* calls.c - single keys: check the arguments, try on this thread, else make a request. */
#include "api/calls.h"

#include "api/trace.h"
#include "base/hash_short.h"
#include "pipeline/near.h"
#include "pipeline/request.h"
#include "pipeline/watch.h"
#include "pipeline/write.h"

const mst_options msi_no_options;

mst_status msi_check_key(const mst_cache *c, mst_slice key)
{
    if (!c || !msi_key_ok(key)) {
        return MST_EINVAL;
    }
    return msi_cache_is_closing(c) ? MST_ECLOSED : MST_OK;
}

mst_status msi_check_options(const mst_options *o)
{
    if (o->request) {
        *o->request = NULL;
    }
    if (o->entry.tags || o->entry.tag_count) {
        return MST_ENOTSUP;
    }
    if (o->type && !o->type->descriptor) {
        return MST_EINVAL;
    }
    bool both = (o->flags & MST_F_IF_ABSENT) && (o->flags & MST_F_IF_PRESENT);
    return both ? MST_EINVAL : MST_OK;
}

mst_status msi_check_input(const mst_input *in, const mst_type *type)
{
    bool given = in && (type ? in->object != NULL : in->data != NULL || in->len == 0);
    return given ? MST_OK : MST_EINVAL;
}

mst_status msi_refuse(mst_status status, mst_result *now)
{
    if (now) {
        msi_result_set(now, status, status == MST_ECLOSED ? MST_WHY_CLOSED : MST_WHY_REJECTED);
    }
    return status;
}

static void drop_input(const mst_input *in)
{
    if (in && in->release) {
        in->release(in->owner);
    }
}

/* Everything that a call begins with. */
static inline mst_status check(mst_cache *c, mst_slice key, const mst_options **o)
{
    mst_status status = *o ? msi_check_options(*o) : MST_OK;
    *o = *o ? *o : &msi_no_options;
    return status ? status : msi_check_key(c, key);
}

static msi_key_ref key_ref(const mst_cache *c, mst_slice key)
{
    return (msi_key_ref){key, msi_cache_hash(c, key)};
}

static mst_status post(mst_cache *c, msi_request_kind kind, msi_key_ref k, const mst_options *o,
                       mst_done done, void *arg, mst_result *now)
{
    mst_request *r = msi_request_new(c, kind, k, o, done, arg);
    mst_status status = r ? msi_request_post(r) : MST_ENOMEM;
    return status == MST_PENDING ? status : msi_refuse(status, now);
}

/* ---- reading */

/* The shortest way to a hit: the question, and what is needed when the answer is another one. It
 * lies on the stack, since to keep it in registers would take longer. */
typedef struct question {
    mst_lookup l;
    mst_cache *cache;
    mst_result *result;
} question;

static inline msi_tally *asker(const question *q)
{
    return MSI_CONTAINER(q->l.asker, msi_tally, asker);
}

/* A key of another length than most. */
static __attribute__((noinline)) void hash_any(question *q)
{
    q->l.hash = msi_cache_hash(q->cache, q->l.key);
}

/* May the call take it? Then *q is its question, but for the time. */
static inline bool may_ask(question *q, mst_cache *c, mst_slice key, const mst_options *o,
                           mst_result *now)
{
    if (o || !now || !c || !key.data ||
        msi_last_tally.serial != atomic_load_explicit(&c->state, memory_order_relaxed)) {
        return false;
    }
    q->cache = c;
    q->result = now;
    msi_ask_lookup(&q->l, key, msi_last_tally.tally);
    if (__builtin_expect(msi_hash_is_short(key.len), 1)) {
        q->l.hash = msi_hash_in_place(key.data, key.len, c->seed);
        return true;
    }
    if (msi_key_ok(key)) {
        hash_any(q);
        return true;
    }
    return false;
}

/* By the clock, when nobody keeps the time, and when answers are timed, which is done elsewhere. */
static __attribute__((noinline)) mst_status look_by_clock(question *q)
{
    mst_cache *c = q->cache;
    q->l.now_ms = msi_ticker_read(c->ticker, &asker(q)->pace);
    return msi_is_timed(q->l.now_ms) ? MST_ENOTSUP : c->quick(c->nearest, &q->l, q->result);
}

static inline mst_status look_quickly(question *q)
{
    mst_cache *c = q->cache;
    q->l.now_ms = msi_ticker_kept(c->ticker);
    mst_status status = __builtin_expect(msi_is_timed(q->l.now_ms), 0)
                            ? look_by_clock(q)
                            : c->quick(c->nearest, &q->l, q->result);
    if (__builtin_expect(status == MST_OK, 1)) {
        msi_tally_add(asker(q), MSI_COUNT_now_hits, 1);
    }
    return status;
}

/* What the near tiers from `first` on say; told to the recorder. */
static inline mst_status look(mst_cache *c, unsigned first, mst_slice key, uint64_t hash,
                              msi_tally *own, const mst_options *o, bool defer, mst_result *now)
{
    mst_status status = msi_near_get(c, first, key, hash, own, o, defer, now);
    msi_trace_lookup(c, hash, o, now);
    return status;
}

/* Hits are counted where they are found, in near.h. */
static inline void count_miss(mst_cache *c, msi_tally *own, mst_status status)
{
    if (status != MST_OK) {
        msi_count_in(&c->counters, own, MSI_COUNT_now_misses, 1);
    }
}

/* (Parameters in the order of the public call, so that to hand them on moves nothing.) */
static __attribute__((noinline)) mst_status
get_now(mst_cache *c, mst_slice key, const mst_options *o, mst_result *now, unsigned first)
{
    mst_status status = now ? check(c, key, &o) : MST_EINVAL;
    if (status) {
        return msi_refuse(status, now);
    }
    uint64_t hash = msi_cache_hash(c, key);
    msi_tally *own = msi_tally_mine(&c->counters);
    status = look(c, first, key, hash, own, o, false, now);
    count_miss(c, own, status);
    msi_watch_look(c, "get", key, hash, o, now);
    return status;
}

mst_status mst_get_now(mst_cache *c, mst_slice key, const mst_options *o, mst_result *now)
{
    question q;
    if (!may_ask(&q, c, key, o, now)) {
        return get_now(c, key, o, now, 0);
    }
    mst_status status = look_quickly(&q);
    return __builtin_expect(status == MST_OK, 1)
               ? MST_OK
               : get_now(q.cache, q.l.key, NULL, q.result, status == MST_MISS);
}

static __attribute__((noinline)) mst_status get(mst_cache *c, unsigned first, mst_slice key,
                                                const mst_options *o, mst_result *now,
                                                mst_done done, void *arg)
{
    mst_status status = check(c, key, &o);
    if (status) {
        return msi_refuse(status, now);
    }
    uint64_t hash = msi_cache_hash(c, key);
    if (now && c->near_count && !(o->flags & MST_F_FAR)) {
        msi_tally *own = msi_tally_mine(&c->counters);
        status = look(c, first, key, hash, own, o, true, now);
        if (status == MST_OK || (status == MST_MISS && msi_cache_all_near(c))) {
            count_miss(c, own, status);
            msi_watch_look(c, "get", key, hash, o, now);
            return status;
        }
    } else {
        msi_trace_lookup(c, hash, o, NULL);
    }
    return post(c, MSI_GET, (msi_key_ref){key, hash}, o, done, arg, now);
}

mst_status mst_get(mst_cache *c, mst_slice key, const mst_options *o, mst_result *now,
                   mst_done done, void *arg)
{
    question q;
    if (!may_ask(&q, c, key, o, now)) {
        return get(c, 0, key, o, now, done, arg);
    }
    mst_status status = look_quickly(&q);
    return __builtin_expect(status == MST_OK, 1)
               ? MST_OK
               : get(q.cache, status == MST_MISS, q.l.key, NULL, q.result, done, arg);
}

static __attribute__((noinline)) mst_status get_or_load(mst_cache *c, unsigned first, mst_slice key,
                                                        const mst_loader *loader,
                                                        const mst_options *o, mst_result *now,
                                                        mst_done done, void *arg)
{
    mst_status status = check(c, key, &o);
    if (!status && (!loader || !loader->load)) {
        status = MST_EINVAL;
    }
    if (status) {
        return msi_refuse(status, now);
    }
    uint64_t hash = msi_cache_hash(c, key);
    if (now && !(o->flags & MST_F_FAR)) {
        msi_tally *own = msi_tally_mine(&c->counters);
        if (look(c, first, key, hash, own, o, true, now) == MST_OK) {
            msi_watch_look(c, "get_or_load", key, hash, o, now);
            return MST_OK;
        }
    } else {
        msi_trace_lookup(c, hash, o, NULL);
    }
    mst_request *r = msi_request_new(c, MSI_GET, (msi_key_ref){key, hash}, o, done, arg);
    if (!r) {
        return msi_refuse(MST_ENOMEM, now);
    }
    r->loader = *loader;
    status = msi_request_post(r);
    return status == MST_PENDING ? status : msi_refuse(status, now);
}

mst_status mst_get_or_load(mst_cache *c, mst_slice key, const mst_loader *loader,
                           const mst_options *o, mst_result *now, mst_done done, void *arg)
{
    question q;
    if (!loader || !loader->load || !may_ask(&q, c, key, o, now)) {
        return get_or_load(c, 0, key, loader, o, now, done, arg);
    }
    mst_status status = look_quickly(&q);
    return __builtin_expect(status == MST_OK, 1) ? MST_OK
                                                 : get_or_load(q.cache, status == MST_MISS, q.l.key,
                                                               loader, NULL, q.result, done, arg);
}

mst_status mst_exists(mst_cache *c, mst_slice key, const mst_options *o, mst_result *now,
                      mst_done done, void *arg)
{
    mst_status status = check(c, key, &o);
    if (status) {
        return msi_refuse(status, now);
    }
    msi_key_ref k = key_ref(c, key);
    if (now) {
        status = msi_near_exists(c, k, now);
        if (status == MST_OK || msi_cache_all_near(c)) {
            msi_count(&c->counters, MSI_COUNT_now_answers + MSI_EXISTS, 1);
            msi_watch_look(c, "exists", key, k.hash, o, now);
            return status;
        }
    }
    return post(c, MSI_EXISTS, k, o, done, arg, now);
}

/* ---- writing */

static mst_status change(mst_cache *c, msi_request_kind kind, mst_slice key, const mst_input *in,
                         const mst_options *o, mst_result *now, mst_done done, void *arg)
{
    msi_key_ref k = key_ref(c, key);
    if (now) {
        if (c->expect) {
            c->expect(c->nearest, k.hash);
        }
        mst_status status = msi_write_now(c, kind, &k, in, o, now);
        if (status != MST_PENDING) {
            msi_watch_look(c,
                           kind == MSI_SET     ? "set"
                           : kind == MSI_TOUCH ? "touch"
                                               : "remove",
                           key, k.hash, o, now);
            return status;
        }
    }
    mst_request *r = msi_request_new(c, kind, k, o, done, arg);
    if (!r) {
        drop_input(in);
        return msi_refuse(MST_ENOMEM, now);
    }
    mst_status status = msi_write_announce(r, in);
    status = status ? status : msi_request_post(r);
    return status == MST_PENDING ? status : msi_refuse(status, now);
}

mst_status mst_set(mst_cache *c, mst_slice key, const mst_input *in, const mst_options *o,
                   mst_result *now, mst_done done, void *arg)
{
    mst_status status = check(c, key, &o);
    if (!status) {
        status = msi_check_input(in, o->type);
    }
    if (status) {
        drop_input(in);
        return msi_refuse(status, now);
    }
    return change(c, MSI_SET, key, in, o, now, done, arg);
}

mst_status mst_remove(mst_cache *c, mst_slice key, const mst_options *o, mst_result *now,
                      mst_done done, void *arg)
{
    mst_status status = check(c, key, &o);
    return status ? msi_refuse(status, now) : change(c, MSI_REMOVE, key, NULL, o, now, done, arg);
}

mst_status mst_touch(mst_cache *c, mst_slice key, const mst_options *o, mst_result *now,
                     mst_done done, void *arg)
{
    mst_status status = check(c, key, &o);
    return status ? msi_refuse(status, now) : change(c, MSI_TOUCH, key, NULL, o, now, done, arg);
}

mst_status mst_clear(mst_cache *c, const mst_options *o, mst_done done, void *arg)
{
    o = o ? o : &msi_no_options;
    mst_status status = c ? msi_check_options(o) : MST_EINVAL;
    if (status) {
        return status;
    }
    return post(c, MSI_CLEAR, (msi_key_ref){{"", 0}, 0}, o, done, arg, NULL);
}
