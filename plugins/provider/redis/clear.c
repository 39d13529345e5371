/* clear.c - removes the keys of one space in steps, on each master in turn: SCAN finds some, UNLINK
 * removes them while the next SCAN is under way. Never FLUSHDB: other spaces and other programs
 * have keys there, too. When slots of a cluster change hands meanwhile, it starts again. */
#include <string.h>

#include "answers.h"
#include "discover.h"
#include "order.h"

#define STEP "500"

enum { ROUNDS_MAX = 3 };

static void told_scan(red_conn *c, const red_reply *reply);

static void end(redis *r, mst_status status)
{
    mst_op *op = r->clearing;
    r->clearing = NULL;
    red_done(r, op, status && r->stopping ? MST_ECLOSED : status);
    red_pump(r);
}

/* ---- commands */

static bool is_special(char c)
{
    return c == '*' || c == '?' || c == '[' || c == ']' || c == '\\' || c == '^' || c == '-';
}

/* The prefix as a pattern that matches what begins with it. */
static bool write_pattern(red_conn *c, mst_slice prefix)
{
    const mst_host *host = c->r->host;
    const char *from = prefix.data;
    char *text = host->alloc(host, prefix.len * 2 + 1);
    size_t n = 0;
    if (!text) {
        return false;
    }
    for (size_t i = 0; i < prefix.len; i++) {
        if (is_special(from[i])) {
            text[n++] = '\\';
        }
        text[n++] = from[i];
    }
    text[n++] = '*';
    red_out_arg(&c->out, text, n);
    host->free(host, text);
    return true;
}

static bool scan(red_conn *c, const void *cursor, size_t len)
{
    red_out_count(&c->out, 6);
    red_out_text(&c->out, "SCAN");
    red_out_arg(&c->out, cursor, len);
    red_out_text(&c->out, "MATCH");
    if (!write_pattern(c, c->r->clearing->space->prefix)) {
        return false;
    }
    red_out_text(&c->out, "COUNT");
    red_out_text(&c->out, STEP);
    red_conn_touch(c);
    return red_exchange_ask(c, told_scan);
}

static bool is_ours(const red_reply *key, mst_slice prefix)
{
    return key->type == RED_STRING && key->len >= prefix.len &&
           memcmp(key->bytes, prefix.data, prefix.len) == 0;
}

/* ---- steps */

static red_node *master(redis *r, size_t i)
{
    if (r->o.mode != RED_CLUSTER) {
        return i == 0 ? r->home : NULL;
    }
    return i < r->shard_count ? r->shards[i]->master : NULL;
}

static bool serves(const redis *r, size_t shard)
{
    for (size_t slot = 0; slot < RED_BUCKETS; slot++) {
        if (r->map[slot] == shard + 1) {
            return true;
        }
    }
    return false;
}

static void step_done(redis *r);

/* The step failed; what was asked in it is still to be answered. */
static void fail(redis *r, mst_status status)
{
    r->clear_status = status;
    r->clear_scanned = true;
}

/* True when all nodes are done, or it is of no use to go on. */
static bool is_over(redis *r)
{
    while (r->o.mode == RED_CLUSTER && r->clear_node < r->shard_count &&
           !serves(r, r->clear_node)) {
        r->clear_node++;
    }
    if (r->clear_status || (!master(r, r->clear_node) && r->clear_version == r->map_version)) {
        return true;
    }
    if (master(r, r->clear_node)) {
        return false;
    }
    if (++r->clear_rounds == ROUNDS_MAX) {
        r->clear_status = MST_EIO;
        return true;
    }
    r->clear_version = r->map_version;
    r->clear_node = 0;
    return is_over(r);
}

static void next_node(redis *r)
{
    if (is_over(r)) {
        end(r, r->clear_status);
        return;
    }
    red_conn *c = red_node_conn(master(r, r->clear_node), RED_MAIN);
    r->clear_scanned = false;
    r->clear_unlinks = 0;
    if (!c || c->state != RED_READY) {
        fail(r, MST_EIO);
        step_done(r);
    } else if (!scan(c, "0", 1)) {
        c->out.failed = true;
        fail(r, MST_ENOMEM);
        step_done(r);
    }
}

static void step_done(redis *r)
{
    if (r->clearing && r->clear_scanned && r->clear_unlinks == 0) {
        r->clear_node++;
        next_node(r);
    }
}

static void told_unlink(red_conn *c, const red_reply *reply)
{
    redis *r = c->r;
    char code[RED_CODE_MAX] = "";
    r->clear_unlinks--;
    if (!reply) {
        fail(r, MST_EIO);
    } else if (reply->type == RED_ERROR) {
        red_error_code(reply, code);
        if (!strcmp(code, "MOVED") || !strcmp(code, "ASK")) {
            r->clear_version = r->map_version - 1; /* once more, from the start */
            red_discover(r);
        } else {
            red_refused(r, reply);
            fail(r, MST_EIO);
        }
    }
    step_done(r);
}

/* The keys of a cluster are removed one by one: those of a command must be of one slot. */
static bool unlink_keys(red_conn *c, const red_reply *keys)
{
    redis *r = c->r;
    mst_slice prefix = r->clearing->space->prefix;
    size_t n = 0, each = 1;
    for (size_t i = 0; i < keys->len; i++) {
        n += is_ours(keys->element[i], prefix);
    }
    if (r->o.mode != RED_CLUSTER) {
        each = n;
    }
    for (size_t i = 0, written = 0; i < keys->len; i++) {
        if (!is_ours(keys->element[i], prefix)) {
            continue;
        }
        if (written++ % each == 0) {
            red_out_count(&c->out, each + 1);
            red_out_text(&c->out, "UNLINK");
            if (!red_exchange_ask(c, told_unlink)) {
                return false;
            }
            r->clear_unlinks++;
        }
        red_out_arg(&c->out, keys->element[i]->bytes, keys->element[i]->len);
    }
    red_conn_touch(c);
    return true;
}

static bool is_scan(const red_reply *reply)
{
    return reply->type == RED_ARRAY && reply->len == 2 && reply->element[0]->type == RED_STRING &&
           reply->element[1]->type == RED_ARRAY;
}

static void told_scan(red_conn *c, const red_reply *reply)
{
    redis *r = c->r;
    if (!reply) {
        fail(r, MST_EIO);
    } else if (reply->type == RED_ERROR) {
        red_refused(r, reply);
        fail(r, MST_EIO);
    } else if (!is_scan(reply)) {
        fail(r, MST_EIO);
        red_conn_fail(c, "a reply of the wrong type", "");
    } else {
        const red_reply *cursor = reply->element[0];
        r->clear_scanned = cursor->len == 1 && cursor->bytes[0] == '0';
        if (!unlink_keys(c, reply->element[1]) ||
            (!r->clear_scanned && !scan(c, cursor->bytes, cursor->len))) {
            c->out.failed = true;
            fail(r, MST_ENOMEM);
        }
    }
    step_done(r);
}

mst_status red_clear_may_begin(redis *r)
{
    red_node *n = master(r, 0);
    if (!n) {
        red_discover(r);
        return red_discover_has_hope(r) ? MST_PENDING : MST_EIO;
    }
    for (size_t i = 0; (n = master(r, i)); i++) {
        red_conn *c = red_node_conn(n, RED_MAIN);
        if (!c) {
            return MST_ENOMEM;
        }
        red_conn_open(c);
        if (c->state != RED_READY && red_conn_is_coming(c)) {
            return MST_PENDING;
        }
    }
    return MST_OK;
}

/* A space without a prefix is the whole database, which may hold what is not ours. */
void red_clear_begin(redis *r, mst_op *op)
{
    if (op->space->prefix.len == 0) {
        r->host->log(r->host, MST_LOG_ERROR, "clear needs a cache with a namespace");
        red_done(r, op, MST_ENOTSUP);
        return;
    }
    r->clearing = op;
    r->clear_status = MST_OK;
    r->clear_node = 0;
    r->clear_rounds = 0;
    r->clear_version = r->map_version;
    next_node(r);
}
