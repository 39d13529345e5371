/* commands.c - see commands.h. In a cluster the keys of an MGET must be of one slot, so there the
 * gathered gets are sorted into slots. */
#include "commands.h"

#include "answers.h"
#include "order.h"

static void write_key(red_conn *c, const char *command, size_t more, const mst_op *op)
{
    red_out_count(&c->out, 2 + more);
    red_out_text(&c->out, command);
    red_out_key(&c->out, op->space->prefix, op->key);
}

/* A command without its slot must not leave. */
static void expect(red_conn *c, red_kind kind, mst_op *first, uint32_t ops)
{
    if (red_exchange_expect(c, kind, first, ops)) {
        return;
    }
    c->out.failed = true;
    red_answer_none(c->r, &(red_slot){.first = first, .ops = ops, .kind = kind}, MST_ENOMEM);
}

static uint64_t remaining(const redis *r, const mst_op *op)
{
    uint64_t now = red_now(r), left = 0;
    if (op->expires_ms) {
        left = op->expires_ms > now ? op->expires_ms - now : 1;
    }
    if (op->sliding_ms && (!left || op->sliding_ms < left)) {
        left = op->sliding_ms;
    }
    return left;
}

static void write_set(red_conn *c, mst_op *op)
{
    uint64_t left = remaining(c->r, op);
    uint16_t only = op->flags & (MST_OPF_IF_ABSENT | MST_OPF_IF_PRESENT);
    write_key(c, "SET", 1 + (left ? 2u : 0u) + (only ? 1u : 0u), op);
    red_out_value(&c->out, op->value, op->value_parts);
    if (left) {
        red_out_text(&c->out, "PX");
        red_out_number(&c->out, left);
    }
    if (only) {
        red_out_text(&c->out, only & MST_OPF_IF_ABSENT ? "NX" : "XX");
    }
    expect(c, RED_SET, op, 1);
}

/* PERSIST answers 0 for a key without an end as well as for none, so EXISTS is asked, too. */
static void write_touch(red_conn *c, mst_op *op)
{
    uint64_t left = remaining(c->r, op);
    if (left) {
        write_key(c, "PEXPIRE", 1, op);
        red_out_number(&c->out, left);
    } else {
        write_key(c, "PERSIST", 0, op);
        expect(c, RED_SKIP, NULL, 0);
        write_key(c, "EXISTS", 0, op);
    }
    expect(c, RED_NUMBER, op, 1);
}

static void write_get(red_conn *c, mst_op *op)
{
    if (op->sliding_ms && !c->r->no_getex) {
        write_key(c, "GETEX", 2, op);
        red_out_text(&c->out, "PX");
        red_out_number(&c->out, op->sliding_ms);
        expect(c, RED_GETEX, op, 1);
        return;
    }
    write_key(c, "GET", 0, op);
    expect(c, RED_GET, op, 1);
}

/* ---- gathered gets */

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

static void write_gets(red_conn *c, mst_op *first, uint32_t n)
{
    if (n == 1) {
        write_get(c, first);
        return;
    }
    red_out_count(&c->out, n + 1);
    red_out_text(&c->out, "MGET");
    for (mst_op *op = first; op; op = red_item_of(op)->next) {
        red_out_key(&c->out, op->space->prefix, op->key);
    }
    expect(c, RED_MGET, first, n);
}

typedef struct group {
    red_queue gets;
    uint32_t n;
    uint16_t slot;
} group;

/* RED_MGET_MAX keys are few enough for a plain search. */
static void write_by_slot(red_conn *c, mst_op *first)
{
    group groups[RED_MGET_MAX];
    size_t count = 0;
    for (mst_op *op = first, *next; op; op = next) {
        uint16_t slot = red_item_of(op)->bucket;
        size_t i = 0;
        next = red_item_of(op)->next;
        while (i < count && groups[i].slot != slot) {
            i++;
        }
        if (i == count) {
            groups[count++] = (group){.slot = slot};
        }
        queue_push(&groups[i].gets, op);
        groups[i].n++;
    }
    for (size_t i = 0; i < count; i++) {
        write_gets(c, groups[i].gets.first, groups[i].n);
    }
}

void red_command_gets(red_conn *c)
{
    mst_op *first = c->gets.first;
    uint32_t n = c->get_count;
    c->gets = (red_queue){0};
    c->get_count = 0;
    if (n == 0) {
        return;
    }
    if (c->r->o.mode == RED_CLUSTER) {
        write_by_slot(c, first);
    } else {
        write_gets(c, first, n);
    }
}

static void gather(red_conn *c, mst_op *op)
{
    queue_push(&c->gets, op);
    if (++c->get_count == RED_MGET_MAX) {
        red_command_gets(c);
    }
}

/* ---- one op */

static void write_other(red_conn *c, mst_op *op)
{
    switch (op->code) {
    case MST_OP_GET:
        write_get(c, op);
        break;
    case MST_OP_SET:
        write_set(c, op);
        break;
    case MST_OP_DEL:
        write_key(c, "DEL", 0, op);
        expect(c, RED_NUMBER, op, 1);
        break;
    case MST_OP_EXISTS:
        write_key(c, "PTTL", 0, op);
        expect(c, RED_PTTL, op, 1);
        break;
    default:
        write_touch(c, op);
        break;
    }
}

/* A slot that is on its way to another node is served there to those who ask for it. That goes for
 * the next command only, so such a get is not gathered. Neither is one that renews, nor one that
 * was sent back: a slot on its way may have some of the keys only. */
void red_command(red_conn *c, mst_op *op)
{
    red_item *item = red_item_of(op);
    red_conn_touch(c);
    if (op->code == MST_OP_GET && !op->sliding_ms && !item->redirects) {
        gather(c, op);
        return;
    }
    red_command_gets(c);
    if (item->ask) {
        red_out_words(&c->out, "ASKING", NULL, NULL);
        expect(c, RED_SKIP, NULL, 0);
        red_ask_there(op, NULL);
    }
    write_other(c, op);
}
