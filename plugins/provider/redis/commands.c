/* commands.c - operations become commands. Gets that follow each other become one MGET of at most
 * RED_MGET_MAX keys; everything that was submitted together is written together.
 *
 * Operations wait while a connection is being made, and those of a space behind its CLEAR: a SCAN
 * in steps would otherwise find, and remove, what was stored after it. */
#include "redis.h"

enum { OP_BYTES = 64 };

/* ---- accounts */

static uint64_t bytes_of(const mst_op *op)
{
    uint64_t bytes = OP_BYTES + op->key.len;
    for (uint32_t i = 0; op->code == MST_OP_SET && i < op->value_parts; i++) {
        bytes += op->value[i].len;
    }
    return bytes;
}

static void count_inflight(redis *r)
{
    atomic_store_explicit(&r->counters.inflight, r->held, memory_order_relaxed);
}

void red_done(redis *r, mst_op *op, mst_status status)
{
    r->held--;
    r->held_bytes -= red_item_of(op)->bytes;
    count_inflight(r);
    if (status < 0) {
        atomic_fetch_add_explicit(&r->counters.errors, 1, memory_order_relaxed);
    }
    r->host->op_done(op, status);
}

static void queue_push(red_queue *q, mst_op *op)
{
    red_item_of(op)->next = NULL;
    if (q->last) {
        red_item_of(q->last)->next = op;
    } else {
        q->first = op;
    }
    q->last = op;
}

static mst_op *queue_take(red_queue *q)
{
    mst_op *op = q->first;
    if (op) {
        q->first = red_item_of(op)->next;
        q->last = q->first ? q->last : NULL;
    }
    return op;
}

/* ---- commands */

static void write_key(redis *r, const char *command, size_t more, const mst_op *op)
{
    red_out_count(&r->out, 2 + more);
    red_out_text(&r->out, command);
    red_out_key(&r->out, op->space->prefix, op->key);
}

static uint64_t remaining(const redis *r, const mst_op *op)
{
    uint64_t now = r->host->now_ms(r->host), left = 0;
    if (op->expires_ms) {
        left = op->expires_ms > now ? op->expires_ms - now : 1;
    }
    if (op->sliding_ms && (!left || op->sliding_ms < left)) {
        left = op->sliding_ms;
    }
    return left;
}

static bool write_set(redis *r, mst_op *op)
{
    uint64_t left = remaining(r, op);
    uint16_t only = op->flags & (MST_OPF_IF_ABSENT | MST_OPF_IF_PRESENT);
    red_out_count(&r->out, 3 + (left ? 2u : 0u) + (only ? 1u : 0u));
    red_out_text(&r->out, "SET");
    red_out_key(&r->out, op->space->prefix, op->key);
    red_out_value(&r->out, op->value, op->value_parts);
    if (left) {
        red_out_text(&r->out, "PX");
        red_out_number(&r->out, left);
    }
    if (only) {
        red_out_text(&r->out, only & MST_OPF_IF_ABSENT ? "NX" : "XX");
    }
    return red_slot_push(r, RED_SET, op, 1);
}

/* PERSIST answers 0 for a key without an end as well as for none, so EXISTS is asked, too. */
static bool write_touch(redis *r, mst_op *op)
{
    uint64_t left = remaining(r, op);
    if (left) {
        write_key(r, "PEXPIRE", 1, op);
        red_out_number(&r->out, left);
        return red_slot_push(r, RED_COUNT, op, 1);
    }
    write_key(r, "PERSIST", 0, op);
    if (!red_slot_push(r, RED_SKIP, NULL, 0)) {
        return false;
    }
    write_key(r, "EXISTS", 0, op);
    return red_slot_push(r, RED_COUNT, op, 1);
}

static bool write_gets(redis *r, mst_op *first, uint32_t n)
{
    if (n == 1) {
        write_key(r, "GET", 0, first);
        return red_slot_push(r, RED_GET, first, 1);
    }
    red_out_count(&r->out, n + 1);
    red_out_text(&r->out, "MGET");
    for (mst_op *op = first; op; op = red_item_of(op)->next) {
        red_out_key(&r->out, op->space->prefix, op->key);
    }
    return red_slot_push(r, RED_MGET, first, n);
}

static bool write_other(redis *r, mst_op *op)
{
    switch (op->code) {
    case MST_OP_SET:
        return write_set(r, op);
    case MST_OP_DEL:
        write_key(r, "DEL", 0, op);
        return red_slot_push(r, RED_COUNT, op, 1);
    case MST_OP_EXISTS:
        write_key(r, "PTTL", 0, op);
        return red_slot_push(r, RED_PTTL, op, 1);
    case MST_OP_TOUCH:
        return write_touch(r, op);
    default:
        red_clear_begin(r, op);
        return true;
    }
}

/* Gets are gathered until something else comes. */
typedef struct gather {
    red_queue gets;
    uint32_t n;
    bool failed;
} gather;

static void send_gets(redis *r, gather *g)
{
    if (g->n && !write_gets(r, g->gets.first, g->n)) {
        for (mst_op *op; (op = queue_take(&g->gets));) {
            red_done(r, op, MST_ENOMEM);
        }
        g->failed = true;
    }
    g->gets = (red_queue){0};
    g->n = 0;
}

static void send_op(redis *r, gather *g, mst_op *op)
{
    if (op->code == MST_OP_GET) {
        queue_push(&g->gets, op);
        if (++g->n == RED_MGET_MAX) {
            send_gets(r, g);
        }
        return;
    }
    send_gets(r, g);
    if (!write_other(r, op)) {
        red_done(r, op, MST_ENOMEM);
        g->failed = true;
    }
}

/* A command without its slot must not leave: then nothing of the connection can be trusted. */
static void finish(redis *r, gather *g)
{
    send_gets(r, g);
    if (g->failed || r->out.failed) {
        red_link_fail(r, "out of memory", "");
    } else if (r->state == RED_READY) {
        red_link_flush(r);
    }
}

/* ---- order */

static bool must_wait(const redis *r, const mst_op *op)
{
    return r->state != RED_READY || r->waiting_clears ||
           (r->clearing && (op->code == MST_OP_CLEAR || op->space->id == r->clearing->space->id));
}

static void wait_or_send(redis *r, gather *g, mst_op *op)
{
    if (must_wait(r, op)) {
        r->waiting_clears += op->code == MST_OP_CLEAR;
        queue_push(&r->waiting, op);
    } else {
        send_op(r, g, op);
    }
}

static mst_status admit(redis *r, mst_op *op)
{
    uint64_t bytes = bytes_of(op);
    if (r->state == RED_DOWN || r->state == RED_STOPPED) {
        return r->state == RED_DOWN ? MST_EIO : MST_ECLOSED;
    }
    if (bytes > r->max_inflight_bytes) {
        return MST_ETOOBIG;
    }
    if (r->held >= (uint64_t) r->max_inflight || bytes > r->max_inflight_bytes - r->held_bytes) {
        return MST_EBUSY;
    }
    red_item_of(op)->bytes = bytes;
    r->held++;
    r->held_bytes += bytes;
    return MST_PENDING;
}

void red_submit(redis *r, mst_op *const *ops, size_t n)
{
    gather g = {0};
    for (size_t i = 0; i < n; i++) {
        ops[i]->status = admit(r, ops[i]);
        if (ops[i]->status == MST_PENDING) {
            wait_or_send(r, &g, ops[i]);
        } else {
            atomic_fetch_add_explicit(&r->counters.errors, 1, memory_order_relaxed);
        }
    }
    count_inflight(r);
    finish(r, &g);
}

void red_send_waiting(redis *r)
{
    gather g = {0};
    red_queue all = r->waiting;
    r->waiting = (red_queue){0};
    r->waiting_clears = 0;
    for (mst_op *op; (op = queue_take(&all));) {
        wait_or_send(r, &g, op);
    }
    finish(r, &g);
}

void red_fail_waiting(redis *r, mst_status status)
{
    r->waiting_clears = 0;
    for (mst_op *op; (op = queue_take(&r->waiting));) {
        red_done(r, op, status);
    }
}

/* What has left keeps its slot, and its late reply is swallowed; what has not is not sent. */
void red_cancel(redis *r, mst_op *op)
{
    red_queue all = r->waiting;
    red_item_of(op)->cancelled = true;
    r->waiting = (red_queue){0};
    for (mst_op *at; (at = queue_take(&all));) {
        if (at != op) {
            queue_push(&r->waiting, at);
            continue;
        }
        r->waiting_clears -= op->code == MST_OP_CLEAR;
        red_done(r, op, MST_ECANCELED);
    }
}
