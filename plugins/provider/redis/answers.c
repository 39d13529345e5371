/* answers.c - see answers.h. A reply of a type that its command cannot have ends the connection; an
 * error reply is the answer to its command, or says where, or when, to ask again. */
#include "answers.h"

#include <string.h>

#include "discover.h"
#include "node.h"
#include "order.h"

enum { LOG_EVERY_MS = 10000, LATER_MS = 50 };

/* The code only: the rest of the text may quote keys and values. */
void red_refused(redis *r, const red_reply *reply)
{
    uint64_t now = red_now(r);
    if (r->refused_log_ms && now - r->refused_log_ms < LOG_EVERY_MS) {
        return;
    }
    char line[RED_CODE_MAX + 48] = "the server refused a command: ";
    red_error_code(reply, line + strlen(line));
    r->refused_log_ms = now;
    r->host->log(r->host, MST_LOG_WARN, line);
}

void red_answer_none(redis *r, const red_slot *s, mst_status status)
{
    mst_op *op = s->first;
    for (uint32_t i = 0; i < s->ops; i++) {
        mst_op *next = red_item_of(op)->next;
        red_again(r, op, status);
        op = next;
    }
}

static void fail_all(redis *r, const red_slot *s, mst_status status)
{
    mst_op *op = s->first;
    for (uint32_t i = 0; i < s->ops; i++) {
        mst_op *next = red_item_of(op)->next;
        red_done(r, op, status);
        op = next;
    }
}

/* ---- replies that are what was asked for */

/* True when the reply is left with the borrower. */
static bool answer_get(redis *r, mst_op *op, red_reply *reply)
{
    bool lent = reply->type == RED_STRING && !red_item_of(op)->lost;
    if (lent) {
        red_note_size(r, op, reply->len);
        red_reply_lend(reply, &op->out);
    }
    red_done(r, op, reply->type == RED_STRING ? MST_OK : MST_MISS);
    return lent;
}

static void answer_mget(redis *r, const red_slot *s, red_reply *reply)
{
    mst_op *op = s->first;
    for (uint32_t i = 0; i < s->ops; i++) {
        mst_op *next = red_item_of(op)->next;
        if (answer_get(r, op, reply->element[i])) {
            reply->element[i] = NULL;
        }
        op = next;
    }
}

static bool is_string_or_nil(const red_reply *reply)
{
    return reply->type == RED_STRING || reply->type == RED_NIL;
}

static bool fits(const red_slot *s, const red_reply *reply)
{
    switch (s->kind) {
    case RED_SKIP:
        return true;
    case RED_GET:
    case RED_GETEX:
        return is_string_or_nil(reply);
    case RED_MGET:
        for (size_t i = 0; reply->type == RED_ARRAY && i < reply->len; i++) {
            if (!is_string_or_nil(reply->element[i])) {
                return false;
            }
        }
        return reply->type == RED_ARRAY && reply->len == s->ops;
    case RED_SET:
        return reply->type == RED_STATUS || reply->type == RED_NIL;
    default:
        return reply->type == RED_INTEGER;
    }
}

static void answer_pttl(redis *r, mst_op *op, long long left)
{
    if (left == -2) {
        red_done(r, op, MST_MISS);
        return;
    }
    op->expires_ms = left < 0 ? 0 : red_now(r) + (uint64_t) left;
    red_done(r, op, MST_OK);
}

/* True when the reply is left with the borrower. */
static bool answer(redis *r, const red_slot *s, red_reply *reply)
{
    switch (s->kind) {
    case RED_GETEX:
        s->first->expires_ms = s->first->now_ms + s->first->sliding_ms;
        return answer_get(r, s->first, reply);
    case RED_GET:
        return answer_get(r, s->first, reply);
    case RED_MGET:
        answer_mget(r, s, reply);
        return false;
    case RED_SET:
        red_done(r, s->first, reply->type == RED_NIL ? MST_UNCHANGED : MST_OK);
        return false;
    case RED_NUMBER:
        red_done(r, s->first, reply->integer > 0 ? MST_OK : MST_MISS);
        return false;
    case RED_PTTL:
        answer_pttl(r, s->first, reply->integer);
        return false;
    default:
        return false;
    }
}

/* ---- error replies */

static void move_all(red_conn *c, const red_slot *s, const red_reply *reply, bool ask)
{
    redis *r = c->r;
    red_node *to = red_cluster_moved(r, c->node, reply, ask);
    mst_op *op = s->first;
    for (uint32_t i = 0; i < s->ops; i++) {
        mst_op *next = red_item_of(op)->next;
        red_ask_there(op, ask ? to : NULL);
        red_elsewhere(r, op, to ? 0 : LATER_MS);
        op = next;
    }
}

static void delay_all(redis *r, const red_slot *s)
{
    mst_op *op = s->first;
    for (uint32_t i = 0; i < s->ops; i++) {
        mst_op *next = red_item_of(op)->next;
        red_elsewhere(r, op, LATER_MS);
        op = next;
    }
}

/* The keys of an MGET are asked for one by one when some of them are elsewhere. */
static bool means_later(const char *code)
{
    return !strcmp(code, "TRYAGAIN") || !strcmp(code, "CLUSTERDOWN") || !strcmp(code, "LOADING") ||
           !strcmp(code, "MASTERDOWN");
}

static bool is_unknown_command(const red_reply *reply)
{
    static const char text[] = "ERR unknown command";
    return reply->len >= sizeof text - 1 && !memcmp(reply->bytes, text, sizeof text - 1);
}

static void answer_error(red_conn *c, const red_slot *s, const red_reply *reply)
{
    redis *r = c->r;
    char code[RED_CODE_MAX];
    red_error_code(reply, code);
    bool cluster = r->o.mode == RED_CLUSTER;
    if (cluster && (!strcmp(code, "MOVED") || !strcmp(code, "ASK"))) {
        move_all(c, s, reply, code[0] == 'A');
    } else if (means_later(code)) {
        red_discover(r);
        delay_all(r, s);
    } else if (!strcmp(code, "READONLY") && r->o.mode == RED_SENTINEL) {
        delay_all(r, s);
        red_conn_fail(c, "the server is not the master any more", "");
    } else if (s->kind == RED_GETEX && is_unknown_command(reply)) {
        r->no_getex = true; /* before 6.2 */
        red_elsewhere(r, s->first, 0);
    } else if (s->kind == RED_GET && !strcmp(code, "WRONGTYPE")) {
        red_done(r, s->first, MST_MISS); /* as it is for MGET */
    } else {
        red_refused(r, reply);
        fail_all(r, s, MST_EIO);
    }
}

void red_answer(red_conn *c, const red_slot *s, red_reply *reply)
{
    if (s->kind == RED_SKIP) {
        red_reply_free(reply);
    } else if (reply->type == RED_ERROR) {
        answer_error(c, s, reply);
        red_reply_free(reply);
    } else if (!fits(s, reply)) {
        fail_all(c->r, s, MST_EIO);
        red_reply_free(reply);
        red_conn_fail(c, "a reply of the wrong type", "");
    } else if (!answer(c->r, s, reply)) {
        red_reply_free(reply);
    }
}
