/* close.c - draining a runtime and taking it apart.
 *
 *   1 drain  every loop answers what was asked, and for a moment lets far tiers take what is stored
 *            without anybody waiting
 *   2 stop   the exporters stop; then every loop stops its ports, which fail what a tier has not
 *            answered, and waits until nothing is under way; then the first one stops the
 *            in-process tiers
 *   3 close  the admin socket, then the loops' handles; their threads end
 *   4 free
 *
 * A step begins when all loops are through the one before; the first loop counts. Memory for this
 * is taken when the runtime is opened, so that closing cannot fail. */
#include "api/admin.h"
#include "api/closing.h"
#include "api/exporters.h"
#include "api/trace.h"
#include "api/tracing.h"

#include <string.h>

#include "base/clock.h"
#include "pipeline/lane.h"
#include "tier/port.h"

mst_status msi_closing_new(mst_runtime *rt)
{
    msi_closing *c = msi_zalloc(&rt->allocator, sizeof *c + rt->loop_count * sizeof c->steps[0]);
    if (!c) {
        return MST_ENOMEM;
    }
    c->runtime = rt;
    for (unsigned i = 0; i < rt->loop_count; i++) {
        c->steps[i].closing = c;
        c->steps[i].loop = &rt->loops[i];
        msi_list_init(&c->steps[i].hook.link);
    }
    rt->closing = c;
    return MST_OK;
}

/* ---- 4 free */

/* A loop that never ran still has handles to close. */
static void close_unstarted(msi_loop *l)
{
    msi_loop_close(l, NULL);
    while (l->handles > 0) {
        uv_run(l->uv, UV_RUN_NOWAIT);
    }
}

static void free_cache(mst_runtime *rt, mst_cache *c)
{
    for (unsigned i = 0; i < c->lane_count; i++) {
        msi_lane_fini(&c->lanes[i]);
    }
    msi_free(&rt->allocator, c->lanes);
    msi_free(&rt->allocator, c->near_took);
    msi_claims_fini(&c->claims);
    msi_trace_free(c);
    msi_counters_fini(&c->counters);
    msi_free(&rt->allocator, c->prefix);
}

void msi_runtime_free(mst_runtime *rt)
{
    for (unsigned i = 0; i < rt->loop_count; i++) {
        if (rt->loops[i].handles > 0) {
            close_unstarted(&rt->loops[i]);
        }
    }
    msi_ticker_fini(&rt->ticker);
    for (unsigned i = 0; i < rt->cache_count; i++) {
        free_cache(rt, &rt->caches[i]);
    }
    msi_free_aligned(&rt->allocator, rt->caches);
    msi_exporters_free(rt);
    msi_tracing_free(rt);
    for (unsigned i = 0; i < rt->tier_count; i++) {
        msi_tier_fini(&rt->tiers[i]);
    }
    msi_free(&rt->allocator, rt->tiers);
    for (unsigned i = 0; i < rt->codec_count; i++) {
        msi_instance_abandon(rt->codecs[i]);
    }
    msi_free(&rt->allocator, rt->codecs);
    for (unsigned i = 0; i < rt->loop_count; i++) {
        msi_loop_fini(&rt->loops[i]);
    }
    msi_free(&rt->allocator, rt->loops);
    msi_assembly_free(rt->assembly);
    msi_metrics_release(rt->metrics);
    mst_allocator memory = rt->allocator;
    msi_free(&memory, rt->closing);
    msi_free(&memory, rt);
}

static void finish(msi_closing *c)
{
    void (*closed)(void *) = c->closed;
    void *arg = c->arg;
    msi_runtime_free(c->runtime);
    if (closed) {
        closed(arg);
    }
}

/* ---- 3 close */

static void lent_closed(msi_loop *l)
{
    finish(l->arg);
}

/* Nobody joins the first private thread, unless somebody waits: it takes the runtime with it. */
static void first_thread_ended(msi_loop *l)
{
    pthread_detach(pthread_self());
    l->started = false;
    finish(l->arg);
}

/* What providers have left open goes before the loop does. */
static void leave_loop(mst_runtime *rt, unsigned loop)
{
    for (unsigned i = 0; i < rt->tier_count; i++) {
        msi_tier *t = &rt->tiers[i];
        if (loop < t->instance_count) {
            msi_instance_leave_loop(t->instances[loop]);
        }
    }
}

static void close_loop(msi_task *task)
{
    msi_closing_step *s = MSI_CONTAINER(task, msi_closing_step, task);
    leave_loop(s->closing->runtime, s->loop->index);
    msi_loop_close(s->loop, NULL);
}

static void close_loops(void *arg)
{
    msi_closing *c = arg;
    mst_runtime *rt = c->runtime;
    msi_loop *first = &rt->loops[0];
    for (unsigned i = 1; i < rt->loops_started; i++) {
        c->steps[i].task.run = close_loop;
        msi_loop_post(&rt->loops[i], &c->steps[i].task);
    }
    for (unsigned i = 1; i < rt->loops_started; i++) {
        msi_loop_join(&rt->loops[i]);
    }
    first->arg = c;
    if (!c->joined && !first->lent) {
        first->ended = first_thread_ended;
    }
    leave_loop(rt, 0);
    msi_exporters_leave_loop(rt);
    msi_loop_close(first, first->lent ? lent_closed : NULL);
}

static void close_all(msi_closing *c)
{
    msi_admin_close(c->runtime->admin, close_loops, c);
}

/* ---- 1 and 2, counted on the first loop */

static void all_through(msi_closing *c, void (*next)(msi_closing *))
{
    if (++c->through == c->runtime->loops_started) {
        c->through = 0;
        next(c);
    }
}

/* In-process tiers: nothing asks them any more, on any thread. */
static void stop_near(msi_closing *c)
{
    mst_runtime *rt = c->runtime;
    c->near_stopping = 1; /* this function */
    for (unsigned i = 0; i < rt->tier_count; i++) {
        if (rt->tiers[i].near) {
            c->near_stopping++;
            msi_tier_stop(&rt->tiers[i], 0);
        }
    }
    if (--c->near_stopping == 0) {
        close_all(c);
    }
}

static void stopped_on_loop(msi_task *task)
{
    all_through(MSI_CONTAINER(task, msi_closing_step, task)->closing, stop_near);
}

static bool all_lanes(const mst_runtime *rt, unsigned loop, bool (*test)(msi_lane *))
{
    for (unsigned i = 0; i < rt->cache_count; i++) {
        if (!test(&rt->caches[i].lanes[loop])) {
            return false;
        }
    }
    return true;
}

static void watch_stop(msi_closing_step *s)
{
    if (s->stopped && !s->through &&
        all_lanes(s->closing->runtime, s->loop->index, msi_lane_idle)) {
        s->through = true;
        s->task.run = stopped_on_loop;
        msi_loop_post(&s->closing->runtime->loops[0], &s->task);
    }
}

static void count_stopped(msi_closing_step *s)
{
    if (--s->stopping == 0) {
        s->stopped = true;
        msi_loop_again(s->loop); /* watch_stop() */
    }
}

void msi_runtime_stopped(void *arg, msi_tier *t)
{
    mst_runtime *rt = arg;
    if (t->near && --rt->closing->near_stopping == 0) {
        close_all(rt->closing);
    }
    for (unsigned i = 0; !t->near && i < rt->loops_started; i++) {
        if (msi_loop_here(&rt->loops[i])) {
            count_stopped(&rt->closing->steps[i]);
            return;
        }
    }
}

static void stop_loop(msi_task *task)
{
    msi_closing_step *s = MSI_CONTAINER(task, msi_closing_step, task);
    mst_runtime *rt = s->closing->runtime;
    s->stopping = 1; /* this function */
    for (unsigned i = 0; i < rt->tier_count; i++) {
        if (!rt->tiers[i].near) {
            s->stopping++;
            msi_tier_stop(&rt->tiers[i], s->loop->index);
        }
    }
    count_stopped(s);
}

/* From here on there is nobody to walk the metrics of what is stopped. */
static void stop_all(void *arg)
{
    msi_closing *c = arg;
    atomic_store(&c->runtime->metrics->open, false);
    for (unsigned i = 0; i < c->runtime->loops_started; i++) {
        c->steps[i].task.run = stop_loop;
        msi_loop_post(&c->runtime->loops[i], &c->steps[i].task);
    }
}

static void stop_exporters(msi_closing *c)
{
    msi_exporters_stop(c->runtime, stop_all, c);
}

static void drained_on_loop(msi_task *task)
{
    all_through(MSI_CONTAINER(task, msi_closing_step, task)->closing, stop_exporters);
}

static bool ports_idle(const mst_runtime *rt, unsigned loop)
{
    for (unsigned i = 0; i < rt->tier_count; i++) {
        if (rt->tiers[i].ports && !msi_port_idle(&rt->tiers[i].ports[loop])) {
            return false;
        }
    }
    return true;
}

static void patience_over(msi_deadline *d)
{
    (void) d; /* the hooks of this turn look again */
}

/* A tier that answers gets its time; one that never does must not keep the runtime open, nor a
 * request without a deadline that waits for it. A loader that runs is waited for, in step 2. */
static void watch_drain(msi_closing_step *s)
{
    enum { PATIENCE_MS = 1000 };
    mst_runtime *rt = s->closing->runtime;
    if (!all_lanes(rt, s->loop->index, msi_lane_answered)) {
        return;
    }
    uint64_t now = msi_now_ms();
    if (!s->answered_ms) {
        s->answered_ms = now;
        s->patience.due = patience_over;
        msi_loop_arm(s->loop, &s->patience, now + PATIENCE_MS);
    }
    bool all = all_lanes(rt, s->loop->index, msi_lane_idle) && ports_idle(rt, s->loop->index);
    if (all || !msi_deadline_armed(&s->patience)) {
        msi_loop_disarm(s->loop, &s->patience);
        s->drained = true;
        s->task.run = drained_on_loop;
        msi_loop_post(&rt->loops[0], &s->task);
    }
}

static void watch(msi_hook *hook)
{
    msi_closing_step *s = MSI_CONTAINER(hook, msi_closing_step, hook);
    if (!s->drained) {
        watch_drain(s);
    } else {
        watch_stop(s);
    }
}

static void drain_loop(msi_task *task)
{
    msi_closing_step *s = MSI_CONTAINER(task, msi_closing_step, task);
    s->hook.turn = watch;
    msi_loop_add_hook(s->loop, &s->hook);
}

/* ---- the calls */

/* On the first loop, so that the closing thread does not touch what may be gone by then. */
static void drain_all(msi_task *task)
{
    msi_closing *c = MSI_CONTAINER(task, msi_closing, begun);
    for (unsigned i = 1; i < c->runtime->loops_started; i++) {
        c->steps[i].task.run = drain_loop;
        msi_loop_post(c->steps[i].loop, &c->steps[i].task);
    }
    drain_loop(&c->steps[0].task);
}

static void begin(mst_runtime *rt)
{
    msi_closing *c = rt->closing;
    for (unsigned i = 0; i < rt->cache_count; i++) {
        atomic_fetch_or(&rt->caches[i].state, MSI_CLOSING);
    }
    if (rt->loops[0].lent) {
        msi_loop_keep(&rt->loops[0]);
    }
    c->begun.run = drain_all;
    msi_loop_post(&rt->loops[0], &c->begun);
}

void mst_close(mst_runtime *rt, void (*closed)(void *arg), void *arg)
{
    if (!rt || rt->loops_started == 0) {
        if (rt) {
            msi_runtime_free(rt);
        }
        if (closed) {
            closed(arg);
        }
        return;
    }
    rt->closing->closed = closed;
    rt->closing->arg = arg;
    begin(rt);
}

static void set_flag(void *flag)
{
    *(bool *) flag = true;
}

void mst_close_wait(mst_runtime *rt)
{
    bool cannot_wait = rt && rt->loops_started > 0 && !rt->loops[0].lent && msi_runtime_on_loop(rt);
    if (!rt || rt->loops_started == 0 || cannot_wait) {
        mst_close(rt, NULL, NULL);
        return;
    }
    uv_loop_t *lent = rt->loops[0].lent ? rt->loops[0].uv : NULL;
    if (lent) {
        bool done = false;
        mst_close(rt, set_flag, &done);
        while (!done) {
            uv_run(lent, UV_RUN_ONCE);
        }
        return;
    }
    rt->closing->joined = true;
    begin(rt);
    msi_loop_join(&rt->loops[0]);
    msi_runtime_free(rt);
}
