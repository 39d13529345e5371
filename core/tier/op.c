/* op.c - the life of one operation: new, queued, with the provider, answered once, freed.
 *
 * The op outlives its sender's interest: when a tier is too slow the sender is told so (lost) and
 * goes on, while the op stays until the provider has answered it. */
#include <string.h>

#include "tier/port.h"

enum { PRIV_ALIGN = 16, KEY_ROOM = 64 };

static size_t round_up(size_t n)
{
    return (n + PRIV_ALIGN - 1) / PRIV_ALIGN * PRIV_ALIGN;
}

static size_t priv_at(void)
{
    return round_up(offsetof(msi_op, op) + sizeof(mst_op));
}

static size_t key_at(const msi_tier *t)
{
    return priv_at() + round_up(t->ops->op_priv_size);
}

void msi_op_init_spares(msi_port *p)
{
    msi_spares_init(&p->spares, p->tier->allocator, key_at(p->tier) + KEY_ROOM);
}

msi_op *msi_op_new(msi_port *p, uint16_t code, const mst_space *space, mst_slice key, uint64_t hash)
{
    size_t at = key_at(p->tier);
    bool spare = key.len <= KEY_ROOM;
    msi_op *op = spare ? msi_spares_take(&p->spares) : msi_alloc(p->tier->allocator, at + key.len);
    if (!op) {
        return NULL;
    }
    memset(op, 0, at);
    msi_list_init(&op->link);
    op->port = p;
    op->spare = spare;
    op->op.struct_size = sizeof(mst_op);
    op->op.code = code;
    op->op.priv_offset = (uint32_t) (priv_at() - offsetof(msi_op, op));
    op->op.hash = hash;
    op->op.space = space;
    op->op.expires_ms = MST_TIME_UNKNOWN;
    if (key.len) {
        memcpy((char *) op + at, key.data, key.len);
    }
    op->op.key = (mst_slice){(char *) op + at, key.len};
    return op;
}

void msi_op_answered(msi_op *op)
{
    op->out = false;
    msi_list_remove(&op->link);
    msi_list_append(&op->port->done, &op->link);
    msi_loop_again(op->port->loop);
}

/* The end of one that the tier was asked for. */
static void note_time(const msi_op *op)
{
    msi_port *p = op->port;
    if (!op->refused) {
        msi_histogram_record(&p->took[op->op.code], msi_loop_now_ns(p->loop) - op->sent_ns);
    }
}

static void set_pending(msi_port *p, uint64_t pending)
{
    p->pending = pending;
    atomic_store_explicit(&p->in_flight, pending, memory_order_relaxed);
}

/* The tier took too long. Tell the sender now; what the provider has stays with it. */
static void on_deadline(msi_deadline *d)
{
    msi_op *op = MSI_CONTAINER(d, msi_op, deadline);
    msi_port *p = op->port;
    atomic_fetch_add_explicit(&p->tier->timeouts, 1, memory_order_relaxed);
    if (!op->out) {
        op->op.status = MST_ETIMEDOUT; /* it never left, or its answer is about to be told */
        msi_op_answered(op);
        return;
    }
    msi_tier_failed(p->tier, MST_ETIMEDOUT);
    msi_breaker_note_op(op, MST_ETIMEDOUT);
    note_time(op);
    op->lost = true;
    p->lost++;
    if (p->tier->ops->cancel && !p->tier->blocking) {
        p->tier->ops->cancel(p->instance->self, &op->op);
    }
    op->done(op, MST_ETIMEDOUT);
}

void msi_op_send(msi_op *op, void (*done)(msi_op *, mst_status), void *owner)
{
    msi_port *p = op->port;
    op->done = done;
    op->owner = owner;
    op->sent_ns = msi_loop_now_ns(p->loop);
    set_pending(p, p->pending + 1);
    msi_loop_keep(p->loop);
    msi_list_append(&p->queued, &op->link);
    msi_loop_again(p->loop);
    if (p->stopping) {
        op->op.status = MST_ECLOSED;
        msi_op_answered(op);
        return;
    }
    if (!msi_breaker_admits_op(op)) {
        msi_op_answered(op);
        return;
    }
    /* Clearing takes as long as it takes; who asked for it has a deadline of their own. */
    if (p->tier->settings.timeout_ms > 0 && op->op.code != MST_OP_CLEAR) {
        op->deadline.due = on_deadline;
        op->op.deadline_ms = msi_loop_now(p->loop) + (uint64_t) p->tier->settings.timeout_ms;
        if (msi_loop_arm(p->loop, &op->deadline, op->op.deadline_ms)) {
            op->op.status = MST_ENOMEM;
            msi_op_answered(op);
        }
    }
}

static void destroy(msi_op *op)
{
    if (op->op.out.release) {
        op->op.out.release(op->op.out.owner);
    }
    if (op->drop) {
        op->drop(op->held);
    }
    if (op->spare) {
        msi_spares_give(&op->port->spares, op);
    } else {
        msi_free(op->port->tier->allocator, op);
    }
}

void msi_op_free(msi_op *op)
{
    if (!op->lost) {
        destroy(op);
    }
}

void msi_port_tell(msi_port *p)
{
    msi_list batch;
    msi_list_init(&batch);
    msi_list_splice(&batch, &p->done);
    for (msi_list *at; (at = msi_list_take(&batch));) {
        msi_op *op = MSI_CONTAINER(at, msi_op, link);
        msi_loop_disarm(p->loop, &op->deadline);
        set_pending(p, p->pending - 1);
        msi_loop_unkeep(p->loop);
        if (op->lost) {
            p->lost--;
            destroy(op);
            continue;
        }
        note_time(op);
        msi_breaker_note_op(op, op->op.status);
        if (op->op.status < 0) {
            msi_tier_failed(p->tier, op->refused ? MST_OK : op->op.status);
        }
        op->done(op, op->op.status);
    }
}

/* ---- host->op_done() */

static bool first_completion(msi_op *op)
{
    if (atomic_fetch_add(&op->completions, 1) == 0) {
        return true;
    }
    msi_log_write(&op->port->tier->log, MST_LOG_ERROR,
                  "provider \"%s\" completed an operation twice; the second is ignored",
                  op->port->tier->name);
    return false;
}

static void done(mst_op *o, mst_status status)
{
    msi_op *op = MSI_CONTAINER(o, msi_op, op);
    if (first_completion(op)) {
        o->status = status == MST_PENDING ? MST_EIO : status;
        msi_op_answered(op);
    }
}

static void arrive(msi_task *task)
{
    msi_op_answered(MSI_CONTAINER(task, msi_op, task));
}

static void done_mt(mst_op *o, mst_status status)
{
    msi_op *op = MSI_CONTAINER(o, msi_op, op);
    if (first_completion(op)) {
        o->status = status == MST_PENDING ? MST_EIO : status;
        op->task.run = arrive;
        msi_loop_post(op->port->loop, &op->task);
    }
}

const msi_op_hooks msi_op_completion = {done, done_mt};
