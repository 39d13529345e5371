/* order.c - see order.h.
 *
 * Parked operations are one list, in the order of their submission. It is looked through when
 * something has changed that they may wait for: a connection, the map of a cluster, the last write
 * of a bucket, a time. That is rare, so the list needs no index by what is waited for. */
#include "order.h"

#include <string.h>

#include "answers.h"
#include "commands.h"
#include "discover.h"

/* OP_BYTES: what is there for an operation besides its key and value, from the request of the
 * caller to our own bytes, as measured with a hundred thousand of them. */
enum { OP_BYTES = 1800, TRIES_MAX = 5, REDIRECTS_MAX = 16, BUDGET_FIRST = 10, BUDGET_MAX = 1000 };

static void on_retry_timer(void *arg)
{
    redis *r = arg;
    r->retry_at_ms = 0;
    red_pump(r);
    red_settle(r);
}

mst_status red_order_init(redis *r)
{
    size_t size = RED_BUCKETS * sizeof *r->buckets;
    r->budget = BUDGET_FIRST;
    r->buckets = r->host->alloc(r->host, size);
    if (!r->buckets || r->host->timer_open(r->host, on_retry_timer, r, &r->retry_timer)) {
        return MST_ENOMEM;
    }
    memset(r->buckets, 0, size);
    return MST_OK;
}

void red_order_fini(redis *r)
{
    r->host->free(r->host, r->buckets);
}

/* ---- accounts */

static uint64_t value_len(const mst_op *op)
{
    uint64_t len = 0;
    for (uint32_t i = 0; op->code == MST_OP_SET && i < op->value_parts; i++) {
        len += op->value[i].len;
    }
    return len;
}

/* A value that is copied to be sent is there twice. */
static uint64_t bytes_of(const mst_op *op, uint64_t len)
{
    return OP_BYTES + op->key.len + (len < RED_REFERENCE_FROM ? 2 * len : len);
}

static void charge(red_item *item, red_account *account)
{
    item->account = account;
    account->ops++;
    account->bytes += item->bytes;
}

static void discharge(red_item *item)
{
    item->account->ops--;
    item->account->bytes -= item->bytes;
}

static void count_inflight(redis *r)
{
    atomic_store_explicit(&r->counters.inflight, r->held, memory_order_relaxed);
}

/* The op is no longer with a server. */
static void leave(redis *r, red_item *item)
{
    red_bucket *b = &r->buckets[item->bucket];
    r->sent--;
    item->conn = NULL;
    b->sent--;
    b->writes -= item->write;
    if (b->parked && (b->sent == 0 || b->writes == 0)) {
        red_pump(r);
    }
    if (r->parked_clears && r->sent == 0) {
        red_pump(r);
    }
}

/* ---- the parked */

static void park(redis *r, mst_op *op)
{
    red_item *item = red_item_of(op);
    mst_op *before = r->parked.last;
    while (before && red_item_of(before)->seq > item->seq) {
        before = red_item_of(before)->prev;
    }
    item->prev = before;
    item->next = before ? red_item_of(before)->next : r->parked.first;
    *(before ? &red_item_of(before)->next : &r->parked.first) = op;
    *(item->next ? &red_item_of(item->next)->prev : &r->parked.last) = op;
    item->parked = true;
    r->buckets[item->bucket].parked++;
    r->parked_clears += op->code == MST_OP_CLEAR;
}

static void unpark(redis *r, mst_op *op)
{
    red_item *item = red_item_of(op);
    *(item->prev ? &red_item_of(item->prev)->next : &r->parked.first) = item->next;
    *(item->next ? &red_item_of(item->next)->prev : &r->parked.last) = item->prev;
    item->next = item->prev = NULL;
    item->parked = false;
    r->buckets[item->bucket].parked--;
    r->parked_clears -= op->code == MST_OP_CLEAR;
}

/* ---- the end of an op */

void red_ask_there(mst_op *op, red_node *node)
{
    red_item *item = red_item_of(op);
    if (item->ask) {
        item->ask->asked--;
    }
    if (node) {
        node->asked++;
    }
    item->ask = node;
}

void red_done(redis *r, mst_op *op, mst_status status)
{
    red_item *item = red_item_of(op);
    if (item->parked) {
        unpark(r, op);
    } else if (item->conn) {
        leave(r, item);
    }
    red_ask_there(op, NULL);
    discharge(item);
    r->held--;
    if (status < 0) {
        RED_COUNT(r, errors, 1);
    }
    r->host->op_done(op, status);
}

/* A second time changes nothing, but for a condition that the first time has changed. */
static bool is_idempotent(const mst_op *op)
{
    return op->code != MST_OP_CLEAR && !(op->flags & (MST_OPF_IF_ABSENT | MST_OPF_IF_PRESENT));
}

void red_again(redis *r, mst_op *op, mst_status status)
{
    red_item *item = red_item_of(op);
    bool may = !r->stopping && !item->lost && is_idempotent(op) && r->budget >= 1 &&
               item->tries < TRIES_MAX;
    if (!may) {
        red_done(r, op, item->lost ? MST_ECANCELED : status);
        return;
    }
    r->budget--;
    item->tries++;
    RED_COUNT(r, retries, 1);
    leave(r, item);
    park(r, op);
    red_pump(r);
}

static void wake_at(redis *r, uint64_t at_ms)
{
    if (r->retry_at_ms == 0 || at_ms < r->retry_at_ms) {
        uint64_t now = red_now(r);
        r->retry_at_ms = at_ms;
        r->host->timer_set(r->retry_timer, at_ms > now ? at_ms - now : 1);
    }
}

void red_elsewhere(redis *r, mst_op *op, uint64_t delay_ms)
{
    red_item *item = red_item_of(op);
    RED_COUNT(r, redirects, 1);
    if (item->lost || r->stopping || item->redirects++ >= REDIRECTS_MAX) {
        red_done(r, op, item->lost ? MST_ECANCELED : MST_EIO);
        return;
    }
    leave(r, item);
    item->not_before_ms = delay_ms ? red_now(r) + delay_ms : 0;
    park(r, op);
    red_pump(r);
}

/* What has left keeps its place, and its late reply is swallowed; what has not is not sent. A CLEAR
 * goes on: the caller has given up waiting, not clearing. */
void red_cancel(redis *r, mst_op *op)
{
    red_item *item = red_item_of(op);
    item->lost = true;
    if (item->parked) {
        red_done(r, op, MST_ECANCELED);
        red_pump(r); /* it may have been in the way */
    } else if (item->conn) {
        red_node_lost(item->conn->node);
    }
    red_settle(r);
}

/* ---- sending */

static bool must_wait(const redis *r, mst_op *op, const red_conn *c)
{
    const red_bucket *b = &r->buckets[red_item_of(op)->bucket];
    if (r->clearing && (op->code == MST_OP_CLEAR || op->space->id == r->clearing->space->id)) {
        return true;
    }
    bool apart = b->writes > 0 || red_item_of(op)->write;
    return apart && b->sent > 0 && b->conn != c;
}

bool red_may_move(const redis *r, mst_op *read)
{
    return r->buckets[red_item_of(read)->bucket].writes == 0;
}

static void send_op(redis *r, mst_op *op, red_conn *c)
{
    red_item *item = red_item_of(op);
    red_bucket *b = &r->buckets[item->bucket];
    if (item->account != &c->account) {
        discharge(item);
        charge(item, &c->account);
    }
    item->conn = c;
    item->not_before_ms = 0;
    r->sent++;
    b->conn = b->sent == 0 || b->conn == c ? c : NULL;
    b->sent++;
    b->writes += item->write;
    red_command(c, op);
}

/* A CLEAR begins when nothing is under way that was asked before it. */
static bool try_clear(redis *r, mst_op *op)
{
    mst_status status = r->sent > 0 || r->clearing ? MST_PENDING : red_clear_may_begin(r);
    if (status == MST_PENDING) {
        return false;
    }
    if (status) {
        red_done(r, op, status);
        return true;
    }
    unpark(r, op);
    red_clear_begin(r, op);
    return true;
}

/* Tries to send a parked op; false: it goes on waiting. */
static bool try_send(redis *r, mst_op *op, uint64_t now)
{
    red_item *item = red_item_of(op);
    red_conn *c;
    if (item->not_before_ms > now) {
        wake_at(r, item->not_before_ms);
        return false;
    }
    mst_status status = red_route(r, op, &c);
    if (status == MST_PENDING || (status == MST_OK && must_wait(r, op, c))) {
        return false;
    }
    if (status) {
        red_done(r, op, status);
        return true;
    }
    unpark(r, op);
    send_op(r, op, c);
    return true;
}

static void look_through(redis *r)
{
    uint64_t now = red_now(r);
    r->pump = false;
    r->pass++;
    for (mst_op *op = r->parked.first, *next; op; op = next) {
        red_bucket *b = &r->buckets[red_item_of(op)->bucket];
        next = red_item_of(op)->next;
        if (op->code == MST_OP_CLEAR) {
            if (!try_clear(r, op)) {
                return; /* nothing passes it */
            }
        } else if (b->blocked != r->pass && !try_send(r, op, now)) {
            b->blocked = r->pass;
        }
    }
}

static void flush_dirty(redis *r)
{
    while (r->dirty) {
        red_conn *c = r->dirty;
        r->dirty = c->next_dirty;
        c->dirty = false;
        if (c->state != RED_READY) {
            continue;
        }
        red_command_gets(c);
        if (c->out.failed) {
            red_conn_fail(c, "out of memory", "");
        } else {
            red_conn_flush(c);
        }
    }
}

/* Each step may give cause for the other one; each operation is tried a bounded number of times. */
void red_settle(redis *r)
{
    if (r->settling) {
        return;
    }
    r->settling = true;
    while (r->pump || r->dirty) {
        if (r->pump) {
            look_through(r);
        }
        flush_dirty(r);
    }
    r->settling = false;
    count_inflight(r);
}

void red_fail_parked(redis *r, mst_status status)
{
    while (r->parked.first) {
        red_done(r, r->parked.first, status);
    }
}

/* ---- submission */

static mst_status admit(redis *r, red_item *item, uint64_t len, red_account *account)
{
    const red_options *o = &r->o;
    if (item->bytes > o->max_inflight_bytes || len > o->max_value_bytes) {
        RED_COUNT(r, too_big, 1);
        return MST_ETOOBIG;
    }
    if (account->ops >= (uint64_t) o->max_inflight ||
        item->bytes > o->max_inflight_bytes - account->bytes) {
        RED_COUNT(r, busy, 1);
        return MST_EBUSY;
    }
    charge(item, account);
    r->held++;
    return MST_PENDING;
}

/* Sets the status: MST_PENDING when the op is ours. */
static void submit_one(redis *r, mst_op *op)
{
    red_item *item = red_item_of(op);
    red_conn *c = NULL;
    uint64_t len = value_len(op);
    item->seq = ++r->seq;
    item->bytes = bytes_of(op, len);
    item->write = op->code != MST_OP_GET && op->code != MST_OP_EXISTS;
    item->bucket = red_bucket_of(r, op);
    if (op->code == MST_OP_SET) {
        red_note_size(r, op, len);
    }
    mst_status status = op->code == MST_OP_CLEAR ? MST_PENDING : red_route(r, op, &c);
    if (status == MST_OK || status == MST_PENDING) {
        mst_status admitted = admit(r, item, len, c ? &c->account : &r->homeless);
        status = admitted == MST_PENDING ? status : admitted;
    }
    if (status < 0) {
        op->status = status;
        RED_COUNT(r, errors, 1);
        return;
    }
    op->status = MST_PENDING;
    bool behind = r->buckets[item->bucket].parked > 0 || r->parked_clears > 0;
    if (status == MST_OK && !behind && !must_wait(r, op, c)) {
        send_op(r, op, c);
        return;
    }
    park(r, op);
    if (op->code == MST_OP_CLEAR) {
        red_pump(r);
    }
}

void red_submit(redis *r, mst_op *const *ops, size_t n)
{
    r->budget += r->o.retry_budget * (double) n;
    r->budget = r->budget < BUDGET_MAX ? r->budget : BUDGET_MAX;
    for (size_t i = 0; i < n; i++) {
        submit_one(r, ops[i]);
    }
    red_settle(r);
}
