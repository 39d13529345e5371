/* port.c - ops queued in a turn leave in one submit(), so that a provider sees batches without
 * asking for them. Answers are collected and told in the turn, never from inside the provider.
 *
 * A blocking provider gets its batches on a worker thread, one at a time per port: what is asked
 * meanwhile becomes the next batch, and the order of operations on a key is kept. */
#include "tier/port.h"

#include <string.h>

enum { BATCH_MAX = 256 };

static msi_op *of_link(msi_list *link)
{
    return MSI_CONTAINER(link, msi_op, link);
}

/* Fills p->batch from the queue; ops that the provider does not know are answered here. */
static size_t take_batch(msi_port *p)
{
    size_t n = 0;
    uint64_t now = msi_loop_now(p->loop);
    while (n < p->batch_cap) {
        msi_list *at = msi_list_take(&p->queued);
        if (!at) {
            break;
        }
        msi_op *op = of_link(at);
        msi_list_append(&p->out, &op->link);
        op->op.now_ms = now;
        if (!msi_tier_can(p->tier, op->op.code)) {
            op->op.status = MST_ENOTSUP;
            msi_op_answered(op);
            continue;
        }
        op->op.status = MST_PENDING;
        op->out = true;
        p->batch[n++] = &op->op;
    }
    return n;
}

static void collect(msi_port *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        msi_op *op = MSI_CONTAINER(p->batch[i], msi_op, op);
        if (op->op.status != MST_PENDING && atomic_fetch_add(&op->completions, 1) == 0) {
            msi_op_answered(op);
        }
    }
}

static void work(uv_work_t *w)
{
    msi_port *p = w->data;
    bool alone = !p->tier->reentrant;
    if (alone) {
        pthread_mutex_lock(&p->instance->mutex);
    }
    p->tier->ops->submit(p->instance->self, p->batch, p->batch_count);
    if (alone) {
        pthread_mutex_unlock(&p->instance->mutex);
    }
}

static void worked(uv_work_t *w, int error)
{
    msi_port *p = w->data;
    p->working = false;
    for (size_t i = 0; i < p->batch_count; i++) {
        if (error || p->batch[i]->status == MST_PENDING) {
            p->batch[i]->status = MST_EIO; /* not run, or a provider that breaks its promise */
        }
    }
    collect(p, p->batch_count);
}

static void submit_blocking(msi_port *p)
{
    if (p->working || msi_list_empty(&p->queued)) {
        return;
    }
    p->batch_count = take_batch(p);
    if (p->batch_count == 0) {
        return;
    }
    p->work.data = p;
    p->working = uv_queue_work(p->loop->uv, &p->work, work, worked) == 0;
    if (!p->working) {
        worked(&p->work, UV_ENOMEM);
    }
}

static void submit_async(msi_port *p)
{
    while (!msi_list_empty(&p->queued)) {
        size_t n = take_batch(p);
        if (n) {
            /* Batches larger than one are submitted one after the other, in order. */
            p->tier->ops->submit(p->instance->self, p->batch, n);
            collect(p, n);
        }
    }
}

static void maybe_stop(msi_port *p);

static void port_turn(msi_hook *hook)
{
    msi_port *p = MSI_CONTAINER(hook, msi_port, hook);
    if (p->tier->blocking) {
        submit_blocking(p);
    } else {
        submit_async(p);
    }
    msi_port_tell(p);
    maybe_stop(p);
}

mst_status msi_port_init(msi_port *p, msi_tier *tier, msi_instance *instance, msi_loop *loop)
{
    memset(p, 0, sizeof *p);
    p->tier = tier;
    p->instance = instance;
    p->loop = loop;
    msi_breaker_init(&p->breaker, (uint64_t) tier->settings.breaker_failures,
                     (uint64_t) tier->settings.breaker_pause_ms, (uint64_t) (uintptr_t) p);
    msi_list_init(&p->queued);
    msi_list_init(&p->done);
    msi_list_init(&p->out);
    msi_list_init(&p->hook.link);
    p->hook.turn = port_turn;
    msi_op_init_spares(p);
    p->batch_cap = BATCH_MAX;
    p->batch = msi_alloc(tier->allocator, p->batch_cap * sizeof *p->batch);
    p->took = msi_zalloc(tier->allocator, MSI_OP_CODES * sizeof *p->took);
    return p->batch && p->took ? MST_OK : MST_ENOMEM;
}

void msi_port_fini(msi_port *p)
{
    if (p->tier) {
        msi_free(p->tier->allocator, p->batch);
        msi_free(p->tier->allocator, p->took);
        msi_spares_fini(&p->spares);
    }
    p->batch = NULL;
}

/* ---- stopping: nothing more goes out; what is out is answered; then the tier hears of it */

static void maybe_stop(msi_port *p)
{
    bool quiet = p->pending == 0 && !p->working;
    if (p->stopping && !p->stopped && quiet && (p->tier->blocking || p->provider_stopped)) {
        p->stopped = true;
        p->tier->events.stopped(p->tier->events.arg, p->tier);
    }
}

bool msi_port_idle(const msi_port *p)
{
    return p->pending == p->lost;
}

void msi_port_stop(msi_port *p)
{
    p->stopping = true;
    if (!p->tier->blocking) {
        if (p->tier->ops->stop) {
            p->tier->ops->stop(p->instance->self);
        } else {
            msi_port_provider_stopped(p);
        }
    }
    msi_loop_again(p->loop);
}

/* A provider that has stopped and still owes answers breaks its promise: answered for it. */
void msi_port_provider_stopped(msi_port *p)
{
    p->provider_stopped = true;
    while (!msi_list_empty(&p->out)) {
        msi_op *op = of_link(p->out.next);
        msi_log_write(&p->tier->log, MST_LOG_ERROR,
                      "provider \"%s\" stopped without answering an operation", p->tier->name);
        atomic_fetch_add(&op->completions, 1);
        op->op.status = MST_ECLOSED;
        msi_op_answered(op);
    }
}
