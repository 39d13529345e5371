/* exchange.c - the conversation: a ring of slots says what each reply answers, in order. A reply
 * that fits no slot, or that the protocol does not allow, ends the connection. */
#include <string.h>

#include "answers.h"
#include "discover.h"
#include "node.h"
#include "order.h"

enum { SLOTS_FIRST = 64, READER_KEEPS = 1024 * 1024, LINE_MAX_BYTES = 64 * 1024 };

mst_status red_exchange_open(red_conn *c)
{
    redis *r = c->r;
    c->limits = (red_limits){.host = r->host, .max_bytes = r->o.max_value_bytes};
    c->reader = redisReaderCreateWithFunctions(&r->functions);
    if (!c->reader) {
        return MST_ENOMEM;
    }
    c->reader->privdata = &c->limits;
    c->reader->maxbuf = READER_KEEPS;
    return MST_OK;
}

static red_slot take(red_conn *c)
{
    red_slot s = c->slots[c->slot_head];
    c->slot_head = (c->slot_head + 1) & (c->slot_cap - 1);
    c->slot_count--;
    return s;
}

/* What waits to be written is dropped first: it points into operations. */
void red_exchange_close(red_conn *c)
{
    red_out_clear(&c->out);
    if (c->reader) {
        redisReaderFree(c->reader);
        c->reader = NULL;
    }
    mst_status status = c->r->stopping ? MST_ECLOSED : MST_EIO;
    c->slow = false;
    while (c->slot_count) {
        red_slot s = take(c);
        if (s.kind == RED_TOLD) {
            s.told(c, NULL);
        } else {
            red_answer_none(c->r, &s, status);
        }
    }
    red_slot gathered = {.first = c->gets.first, .ops = c->get_count, .kind = RED_MGET};
    c->gets = (red_queue){0};
    c->get_count = 0;
    red_answer_none(c->r, &gathered, status);
}

static bool grow(red_conn *c)
{
    const mst_host *host = c->r->host;
    size_t cap = c->slot_cap ? c->slot_cap * 2 : SLOTS_FIRST;
    red_slot *slots = host->alloc(host, cap * sizeof *slots);
    if (!slots) {
        return false;
    }
    for (size_t i = 0; i < c->slot_count; i++) {
        slots[i] = c->slots[(c->slot_head + i) & (c->slot_cap - 1)];
    }
    host->free(host, c->slots);
    c->slots = slots;
    c->slot_cap = cap;
    c->slot_head = 0;
    return true;
}

static red_slot *push(red_conn *c, red_kind kind)
{
    if (c->slot_count == c->slot_cap && !grow(c)) {
        return NULL;
    }
    red_slot *s = &c->slots[(c->slot_head + c->slot_count) & (c->slot_cap - 1)];
    *s = (red_slot){.since_ms = red_now(c->r), .out_end = c->out.queued, .kind = kind};
    c->slot_count++;
    RED_COUNT(c->r, commands, 1);
    if (c->slot_count == 1) {
        red_conn_expect(c);
    }
    return s;
}

bool red_exchange_expect(red_conn *c, red_kind kind, mst_op *first, uint32_t ops)
{
    red_slot *s = push(c, kind);
    if (s) {
        s->first = first;
        s->ops = ops;
    }
    return s != NULL;
}

bool red_exchange_ask(red_conn *c, red_told *told)
{
    red_slot *s = push(c, RED_TOLD);
    if (s) {
        s->told = told;
    }
    return s != NULL;
}

const red_slot *red_exchange_oldest(const red_conn *c)
{
    return c->slot_count ? &c->slots[c->slot_head] : NULL;
}

static bool is_read(red_kind kind)
{
    return kind == RED_GET || kind == RED_MGET || kind == RED_PTTL;
}

static bool may_rescue(const redis *r, const red_slot *s)
{
    if (!is_read(s->kind) || r->budget < s->ops) {
        return false;
    }
    mst_op *op = s->first;
    for (uint32_t i = 0; i < s->ops; i++, op = red_item_of(op)->next) {
        if (!red_may_move(r, op)) {
            return false;
        }
    }
    return true;
}

void red_exchange_rescue(red_conn *c)
{
    for (size_t i = 0; i < c->slot_count; i++) {
        red_slot *s = &c->slots[(c->slot_head + i) & (c->slot_cap - 1)];
        if (!may_rescue(c->r, s)) {
            continue;
        }
        red_slot taken = *s;
        *s = (red_slot){.since_ms = s->since_ms, .out_end = s->out_end, .kind = RED_SKIP};
        RED_COUNT(c->r, rescued, taken.ops);
        red_answer_none(c->r, &taken, MST_EIO);
    }
}

void red_error_code(const red_reply *reply, char code[RED_CODE_MAX])
{
    size_t n = 0;
    while (n < reply->len && n + 1 < RED_CODE_MAX && reply->bytes[n] >= 'A' &&
           reply->bytes[n] <= 'Z') {
        code[n] = reply->bytes[n];
        n++;
    }
    code[n] = '\0';
}

static void received(red_conn *c, red_reply *reply)
{
    if (!c->slot_count) {
        red_reply_free(reply);
        red_conn_fail(c, "a reply that nobody asked for", "");
        return;
    }
    if (c->slots[c->slot_head].out_end > c->out.left) {
        /* What is still to be sent of it may lie in the operation, which an answer would free. */
        red_reply_free(reply);
        red_conn_fail(c, "a reply to a command that was not sent yet", "");
        return;
    }
    red_slot s = take(c);
    uint64_t took = red_now(c->r) - s.since_ms;
    c->usual_ms16 += took - c->usual_ms16 / 16; /* a moving average */
    if (c->slow) {
        c->slow = false;
        red_pump(c->r); /* what waits for the spare lane need not */
    }
    if (s.kind == RED_TOLD) {
        s.told(c, reply);
        red_reply_free(reply);
    } else {
        red_answer(c, &s, reply);
    }
}

/* What is still arriving is held by the reader, which waits for its end however far that is. A
 * string says its length first, in a line; it is checked by what it has sent. No other line of a
 * server is long. */
static const char *is_endless(const red_conn *c)
{
    size_t held = c->reader->len - c->reader->pos;
    if (held > LINE_MAX_BYTES && !memchr(c->reader->buf + c->reader->pos, '\n', LINE_MAX_BYTES)) {
        return "a line that does not end";
    }
    return held > c->r->o.max_value_bytes + READER_KEEPS ? "a value above max_value_bytes" : NULL;
}

void red_exchange_received(red_conn *c, const char *bytes, size_t len)
{
    void *reply = NULL;
    if (redisReaderFeed(c->reader, bytes, len) != REDIS_OK) {
        red_conn_fail(c, "out of memory", "");
        return;
    }
    /* Any answer may end the conversation, and the reader with it. */
    while (c->reader) {
        if (redisReaderGetReply(c->reader, &reply) != REDIS_OK) {
            red_conn_fail(c, c->limits.refusal ? c->limits.refusal : "not the protocol of Redis",
                          "");
            return;
        }
        if (!reply) {
            break;
        }
        received(c, reply);
    }
    const char *why = c->reader ? is_endless(c) : NULL;
    if (why) {
        red_conn_fail(c, why, "");
    }
}
