/* gather.c - see gather.h. The requests may belong to several loops, the call is made on the loop
 * of the first load that was noted: that one cannot close before the load has ended. */
#include "pipeline/gather.h"

#include "pipeline/flight.h"

struct msi_gather {
    mst_cache *cache;
    mst_loader_many loader;
    _Atomic size_t refs;      /* requests that are not answered, who posts them, and the call */
    _Atomic size_t undecided; /* requests, and who posts them */
    _Atomic size_t noted;
    msi_task task;
    uv_work_t work;
    msi_lane *lane; /* kept open by the work */
    mst_load *loads[];
};

msi_gather *msi_gather_new(mst_cache *c, const mst_loader_many *loader, size_t n)
{
    msi_gather *g = msi_alloc(c->allocator, sizeof *g + n * sizeof g->loads[0]);
    if (g) {
        g->cache = c;
        g->loader = *loader;
        atomic_init(&g->refs, n + 2);
        atomic_init(&g->undecided, n + 1);
        atomic_init(&g->noted, 0);
    }
    return g;
}

void msi_gather_free(msi_gather *g)
{
    if (g) {
        msi_free(g->cache->allocator, g);
    }
}

static void release(msi_gather *g)
{
    if (atomic_fetch_sub_explicit(&g->refs, 1, memory_order_acq_rel) == 1) {
        msi_free(g->cache->allocator, g);
    }
}

static void call(msi_gather *g)
{
    g->loader.load(g->loader.arg, g->loads, atomic_load(&g->noted));
}

static void run_call(uv_work_t *w)
{
    call(w->data);
}

static void call_returned(uv_work_t *w, int error)
{
    (void) error; /* nobody cancels it */
    msi_gather *g = w->data;
    msi_lane *lane = g->lane;
    release(g);
    msi_lane_leave(lane);
}

static void fail_all(msi_gather *g)
{
    for (size_t i = 0; i < atomic_load(&g->noted); i++) {
        mst_load_fail(g->loads[i], MST_ENOMEM);
    }
}

static void call_on_loop(msi_task *task)
{
    msi_gather *g = MSI_CONTAINER(task, msi_gather, task);
    msi_lane *lane = g->loads[0]->flight->lane;
    if (g->loader.flags & MST_LOAD_BLOCKING) {
        g->work.data = g;
        g->lane = lane;
        if (uv_queue_work(lane->loop->uv, &g->work, run_call, call_returned) == 0) {
            msi_lane_enter(lane);
            return;
        }
        fail_all(g);
    } else {
        msi_loop *loop = lane->loop;
        call(g);
        msi_loop_forget_now(loop);
    }
    release(g);
}

static void decide(msi_gather *g)
{
    if (atomic_fetch_sub_explicit(&g->undecided, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (atomic_load(&g->noted) > 0) {
        g->task.run = call_on_loop;
        msi_loop_post(g->loads[0]->flight->lane->loop, &g->task);
    } else {
        release(g);
    }
}

/* [loop] The loader of each request. */
static void note(void *arg, mst_load *load)
{
    mst_request *r = arg;
    msi_gather *g = r->gather;
    g->loads[atomic_fetch_add(&g->noted, 1)] = load;
    msi_gather_decided(r);
}

void msi_gather_add(msi_gather *g, mst_request *r)
{
    r->gather = g;
    r->loader = (mst_loader){.load = note, .arg = r};
}

void msi_gather_skip(msi_gather *g)
{
    decide(g);
    release(g);
}

void msi_gather_decided(mst_request *r)
{
    if (r->gather && !r->decided) {
        r->decided = true;
        decide(r->gather);
    }
}

void msi_gather_leave(mst_request *r)
{
    if (r->gather) {
        msi_gather_decided(r);
        release(r->gather);
        r->gather = NULL;
    }
}
