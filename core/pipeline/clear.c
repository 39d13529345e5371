/* clear.c - see clear.h. The far tiers first, then the near ones: what a fetch brings back in
 * between goes with them, and what is still under way is superseded. */
#include "pipeline/clear.h"

#include <string.h>

#include "base/clock.h"

typedef struct clear_job clear_job;

/* One lane's share: the ports of its loop. */
typedef struct part {
    msi_task task;
    clear_job *job;
    msi_lane *lane;
    unsigned outstanding;
} part;

struct clear_job {
    mst_request *request;
    unsigned parts_left;    /* [loop] of lane 0 */
    _Atomic int32_t failed; /* a status: the last failure */
    uv_work_t work;
    part parts[];
};

/* Every key of the space from in-process tiers before `last`. A tier that cannot fails it. */
static mst_status clear_near(mst_cache *c, unsigned last)
{
    mst_status status = MST_OK;
    for (unsigned i = 0; i < last; i++) {
        if (c->tiers[i]->near) {
            mst_op op, *ops = &op;
            msi_near_op(&op, c, MST_OP_CLEAR, (msi_key_ref){{NULL, 0}, 0}, msi_now_ms());
            msi_tier_call(c->tiers[i], &ops, 1);
            status = op.status < 0 ? op.status : status;
        }
    }
    return status;
}

static void near_work(uv_work_t *w)
{
    clear_job *job = w->data;
    mst_cache *c = job->request->cache;
    mst_status status = clear_near(c, c->tier_count);
    if (status) {
        atomic_store(&job->failed, status);
    }
    msi_claims_supersede_all(&c->claims);
}

static void near_done(uv_work_t *w, int error)
{
    (void) error; /* nobody cancels it */
    clear_job *job = w->data;
    mst_request *r = job->request;
    mst_status status = atomic_load(&job->failed);
    msi_free(r->cache->allocator, job);
    msi_lane_leave(r->lane);
    int why = msi_cache_closed(r->cache, status) ? MST_WHY_CLOSED
              : status                           ? MST_WHY_TIER_FAILED
                                                 : MST_WHY_REMOVED;
    msi_request_finish_with(r, status, why);
    msi_request_release(r);
}

static void part_done(msi_task *task)
{
    clear_job *job = MSI_CONTAINER(task, part, task)->job;
    if (--job->parts_left > 0) {
        return;
    }
    job->work.data = job;
    if (uv_queue_work(job->request->lane->loop->uv, &job->work, near_work, near_done)) {
        near_work(&job->work);
        near_done(&job->work, 0);
    }
}

/* On the part's own loop. */
static void part_count_down(part *p)
{
    if (--p->outstanding == 0) {
        msi_lane *lane = p->lane; /* the job may end as soon as it is posted */
        p->task.run = part_done;
        msi_loop_post(p->job->request->lane->loop, &p->task);
        msi_lane_leave(lane);
    }
}

static void far_cleared(msi_op *op, mst_status status)
{
    part *p = op->owner;
    msi_op_free(op);
    if (status < 0) {
        atomic_store(&p->job->failed, status);
    }
    part_count_down(p);
}

static void part_run(msi_task *task)
{
    part *p = MSI_CONTAINER(task, part, task);
    mst_cache *c = p->lane->cache;
    p->outstanding = 1; /* this function */
    msi_lane_enter(p->lane);
    for (unsigned i = 0; i < c->tier_count; i++) {
        msi_tier *t = c->tiers[i];
        if (t->near || (t->blocking && p->lane->index > 0)) {
            continue; /* a blocking provider has one instance for all loops */
        }
        msi_op *op =
            msi_op_new(p->lane->ports[i], MST_OP_CLEAR, &c->space, (mst_slice){NULL, 0}, 0);
        if (!op) {
            atomic_store(&p->job->failed, MST_ENOMEM);
            continue;
        }
        p->outstanding++;
        msi_op_send(op, far_cleared, p);
    }
    part_count_down(p);
}

void msi_clear_begin(mst_request *r)
{
    mst_cache *c = r->cache;
    clear_job *job = msi_zalloc(c->allocator, sizeof *job + c->lane_count * sizeof job->parts[0]);
    if (!job) {
        msi_request_finish_with(r, MST_ENOMEM, MST_WHY_REJECTED);
        return;
    }
    msi_claims_supersede_all(&c->claims);
    msi_request_retain(r);
    msi_lane_enter(r->lane);
    job->request = r;
    job->parts_left = c->lane_count;
    for (unsigned i = 0; i < c->lane_count; i++) {
        part *p = &job->parts[i];
        p->job = job;
        p->lane = &c->lanes[i];
        p->task.run = part_run;
        msi_loop_post(p->lane->loop, &p->task);
    }
}

/* ---- coherence */

static bool uses(const mst_cache *c, const msi_tier *t, unsigned *index)
{
    for (unsigned i = 0; i < c->tier_count; i++) {
        if (c->tiers[i] == t) {
            *index = i;
            return true;
        }
    }
    return false;
}

static void drop_key(mst_cache *c, unsigned index, mst_slice key)
{
    msi_key_ref k = {key, msi_cache_hash(c, key)};
    msi_stripe *stripe = msi_claims_lock(&c->claims, k.hash);
    msi_claim_supersede(stripe, k.hash, k.key, false);
    for (unsigned i = 0; i < index; i++) {
        if (c->tiers[i]->near && msi_near_remove(c, i, k) == MST_OK) {
            msi_count(&c->counters, MSI_COUNT_invalidations, 1);
        }
    }
    msi_claims_unlock(stripe);
}

void msi_cache_invalidated(mst_cache *c, const msi_tier *t, const mst_slice *keys, size_t n)
{
    unsigned index;
    size_t prefix = c->space.prefix.len;
    if (!uses(c, t, &index)) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const char *key = keys[i].data;
        if (keys[i].len > prefix && memcmp(key, c->space.prefix.data, prefix) == 0) {
            drop_key(c, index, (mst_slice){key + prefix, keys[i].len - prefix});
        }
    }
}

void msi_cache_flushed(mst_cache *c, const msi_tier *t)
{
    unsigned index;
    if (uses(c, t, &index)) {
        msi_claims_supersede_all(&c->claims);
        if (clear_near(c, index)) {
            msi_log_write(
                &c->log, MST_LOG_ERROR,
                "tier \"%s\" was flushed, and a nearer one cannot be cleared: it may hold "
                "what has changed",
                t->name);
        }
        msi_count(&c->counters, MSI_COUNT_invalidations, 1);
    }
}
