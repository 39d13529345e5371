/* answers.c - replies become answers. A reply of a type that its command cannot have ends the
 * connection; an error reply is the answer to its command, and nothing more. */
#include "redis.h"

#include <string.h>

enum { LOG_EVERY_MS = 10000 };

/* The code only: the rest of the text may quote keys and values. */
void red_refused(redis *r, const red_reply *reply)
{
    uint64_t now = r->host->now_ms(r->host);
    if (r->refused_log_ms && now - r->refused_log_ms < LOG_EVERY_MS) {
        return;
    }
    char line[RED_CODE_MAX + 48] = "the server refused a command: ";
    red_error_code(reply, line + strlen(line));
    r->refused_log_ms = now;
    r->host->log(r->host, MST_LOG_WARN, line);
}

void red_fail_slot(redis *r, const red_slot *s, mst_status status)
{
    mst_op *op = s->first;
    for (uint32_t i = 0; i < s->ops; i++) {
        mst_op *next = red_item_of(op)->next;
        red_done(r, op, status);
        op = next;
    }
}

/* True when the reply is left with the borrower. */
static bool answer_get(redis *r, mst_op *op, red_reply *reply)
{
    bool lent = reply->type == RED_STRING && !red_item_of(op)->cancelled;
    if (lent) {
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

static bool fits(const red_slot *s, const red_reply *reply)
{
    switch (s->kind) {
    case RED_GET:
        return reply->type == RED_STRING || reply->type == RED_NIL;
    case RED_MGET:
        for (size_t i = 0; reply->type == RED_ARRAY && i < reply->len; i++) {
            if (reply->element[i]->type != RED_STRING && reply->element[i]->type != RED_NIL) {
                return false;
            }
        }
        return reply->type == RED_ARRAY && reply->len == s->ops;
    case RED_SET:
        return reply->type == RED_STATUS || reply->type == RED_NIL;
    case RED_SCAN:
        return reply->type == RED_ARRAY && reply->len == 2 &&
               reply->element[0]->type == RED_STRING && reply->element[1]->type == RED_ARRAY;
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
    op->expires_ms = left < 0 ? 0 : r->host->now_ms(r->host) + (uint64_t) left;
    red_done(r, op, MST_OK);
}

/* A value of another type is a miss, as it is for MGET. */
static mst_status status_of_error(const red_slot *s, const red_reply *reply)
{
    char code[RED_CODE_MAX];
    red_error_code(reply, code);
    return s->kind == RED_GET && !strcmp(code, "WRONGTYPE") ? MST_MISS : MST_EIO;
}

static void answer_error(redis *r, const red_slot *s, const red_reply *reply)
{
    mst_status status = status_of_error(s, reply);
    if (status != MST_MISS) {
        red_refused(r, reply);
    }
    red_fail_slot(r, s, status);
}

void red_answer(redis *r, const red_slot *s, red_reply *reply)
{
    bool clearing = s->kind == RED_SCAN || s->kind == RED_UNLINK;
    if (reply->type == RED_ERROR && !clearing) {
        answer_error(r, s, reply);
    } else if (reply->type != RED_ERROR && !fits(s, reply)) {
        red_fail_slot(r, s, MST_EIO);
        red_reply_free(reply);
        red_link_fail(r, "a reply of the wrong type", "");
        return;
    } else if (s->kind == RED_GET) {
        reply = answer_get(r, s->first, reply) ? NULL : reply;
    } else if (s->kind == RED_MGET) {
        answer_mget(r, s, reply);
    } else if (s->kind == RED_SET) {
        red_done(r, s->first, reply->type == RED_NIL ? MST_UNCHANGED : MST_OK);
    } else if (s->kind == RED_COUNT) {
        red_done(r, s->first, reply->integer > 0 ? MST_OK : MST_MISS);
    } else if (s->kind == RED_PTTL) {
        answer_pttl(r, s->first, reply->integer);
    } else if (s->kind == RED_SCAN) {
        red_clear_scanned(r, reply);
    } else if (s->kind == RED_UNLINK) {
        red_clear_unlinked(r, reply);
    }
    red_reply_free(reply);
}
