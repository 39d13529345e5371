/* session.c - the conversation: a ring of slots says what each reply answers, in order. A reply
 * that fits no slot, or that the protocol does not allow, ends the connection. */
#include "redis.h"

#include <string.h>

enum { SLOTS_FIRST = 256, READER_KEEPS = 1024 * 1024 };

mst_status red_session_open(redis *r)
{
    red_reply_functions(&r->functions);
    r->limits = (red_limits){.host = r->host, .max_bytes = r->max_reply_bytes};
    r->reader = redisReaderCreateWithFunctions(&r->functions);
    if (!r->reader) {
        return MST_ENOMEM;
    }
    r->reader->privdata = &r->limits;
    r->reader->maxbuf = READER_KEEPS;
    return MST_OK;
}

/* Written for the last time before anybody hears of it: the queue points into operations. */
void red_session_close(redis *r)
{
    red_out_clear(&r->out);
    if (r->reader) {
        redisReaderFree(r->reader);
        r->reader = NULL;
    }
    while (r->slot_count) {
        red_slot s = r->slots[r->slot_head];
        r->slot_head = (r->slot_head + 1) & (r->slot_cap - 1);
        r->slot_count--;
        red_fail_slot(r, &s, MST_EIO);
    }
}

static bool grow(redis *r)
{
    size_t cap = r->slot_cap ? r->slot_cap * 2 : SLOTS_FIRST;
    red_slot *slots = r->host->alloc(r->host, cap * sizeof *slots);
    if (!slots) {
        return false;
    }
    for (size_t i = 0; i < r->slot_count; i++) {
        slots[i] = r->slots[(r->slot_head + i) & (r->slot_cap - 1)];
    }
    r->host->free(r->host, r->slots);
    r->slots = slots;
    r->slot_cap = cap;
    r->slot_head = 0;
    return true;
}

bool red_slot_push(redis *r, red_kind kind, mst_op *first, uint32_t ops)
{
    if (r->slot_count == r->slot_cap && !grow(r)) {
        return false;
    }
    r->slots[(r->slot_head + r->slot_count) & (r->slot_cap - 1)] =
        (red_slot){r->host->now_ms(r->host), first, ops, kind};
    r->slot_count++;
    atomic_fetch_add_explicit(&r->counters.commands, 1, memory_order_relaxed);
    if (r->slot_count == 1) {
        red_link_expect(r);
    }
    return true;
}

red_slot *red_slot_oldest(redis *r)
{
    return r->slot_count ? &r->slots[r->slot_head] : NULL;
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

/* ---- greeting: who we are, which database, and whether the server answers at all */

bool red_session_greet(redis *r)
{
    const char *user = r->username ? r->username : r->url.username;
    const char *password = r->password ? r->password : r->url.password;
    int64_t database = r->database >= 0 ? r->database : r->url.database;
    bool ok = true;
    if (password) {
        red_out_count(&r->out, user ? 3 : 2);
        red_out_text(&r->out, "AUTH");
        if (user) {
            red_out_text(&r->out, user);
        }
        red_out_text(&r->out, password);
        ok = red_slot_push(r, RED_GREET_AUTH, NULL, 0);
    }
    if (ok && database > 0) {
        red_out_count(&r->out, 2);
        red_out_text(&r->out, "SELECT");
        red_out_number(&r->out, (uint64_t) database);
        ok = red_slot_push(r, RED_GREET_SELECT, NULL, 0);
    }
    if (ok && r->client_name && *r->client_name) {
        red_out_count(&r->out, 3);
        red_out_text(&r->out, "CLIENT");
        red_out_text(&r->out, "SETNAME");
        red_out_text(&r->out, r->client_name);
        ok = red_slot_push(r, RED_GREET_NAME, NULL, 0);
    }
    red_out_count(&r->out, 1);
    red_out_text(&r->out, "PING");
    return ok && red_slot_push(r, RED_GREET_PING, NULL, 0);
}

static void greeted(redis *r, red_kind kind, const red_reply *reply)
{
    char code[RED_CODE_MAX] = "";
    if (reply->type == RED_ERROR) {
        red_error_code(reply, code);
        if (kind == RED_GREET_AUTH) {
            red_link_fail(r, "the server refused user or password", code);
        } else if (kind == RED_GREET_SELECT) {
            red_link_fail(r, "the server refused the database", code);
        } else if (kind == RED_GREET_PING && strcmp(code, "NOPERM") != 0) {
            red_link_fail(r, "the server does not serve", code);
        } else if (kind == RED_GREET_PING) {
            red_link_ready(r);
        }
    } else if (reply->type != RED_STATUS) {
        red_link_fail(r, "an answer to the greeting that is none", "");
    } else if (kind == RED_GREET_PING) {
        red_link_ready(r);
    }
}

/* ---- replies */

static void received(redis *r, red_reply *reply)
{
    if (!r->slot_count) {
        red_reply_free(reply);
        red_link_fail(r, "a reply that nobody asked for", "");
        return;
    }
    red_slot s = r->slots[r->slot_head];
    r->slot_head = (r->slot_head + 1) & (r->slot_cap - 1);
    r->slot_count--;
    if (s.kind <= RED_GREET_PING) {
        greeted(r, s.kind, reply);
        red_reply_free(reply);
    } else {
        red_answer(r, &s, reply);
    }
}

/* A string that is still arriving is held by the reader; what it announces is checked here by what
 * it has sent, so that an endless one ends early. */
static bool is_endless(const redis *r)
{
    return r->reader->len - r->reader->pos > r->max_reply_bytes + READER_KEEPS;
}

void red_session_received(redis *r, const char *bytes, size_t len)
{
    void *reply = NULL;
    if (redisReaderFeed(r->reader, bytes, len) != REDIS_OK) {
        red_link_fail(r, "out of memory", "");
        return;
    }
    /* Any answer may end the session, and the reader with it. */
    while (r->reader) {
        if (redisReaderGetReply(r->reader, &reply) != REDIS_OK) {
            red_link_fail(r, r->limits.refusal ? r->limits.refusal : "not the protocol of Redis",
                          "");
            r->limits.refusal = NULL;
            return;
        }
        if (!reply) {
            break;
        }
        received(r, reply);
    }
    if (r->reader && is_endless(r)) {
        red_link_fail(r, "a reply above max_reply_bytes", "");
    }
}
