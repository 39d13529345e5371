/* clear.c - removes the keys of one space in steps: SCAN finds some, UNLINK removes them while the
 * next SCAN is under way. Never FLUSHDB: other spaces and other programs have keys there, too. */
#include "redis.h"

#include <string.h>

#define STEP "500"

static void fail(redis *r)
{
    red_link_fail(r, "out of memory", "");
}

static bool is_special(char c)
{
    return c == '*' || c == '?' || c == '[' || c == ']' || c == '\\' || c == '^' || c == '-';
}

/* The prefix as a pattern that matches what begins with it. */
static bool write_pattern(redis *r, mst_slice prefix)
{
    const char *from = prefix.data;
    char *text = r->host->alloc(r->host, prefix.len * 2 + 1);
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
    red_out_arg(&r->out, text, n);
    r->host->free(r->host, text);
    return true;
}

static bool scan(redis *r, const void *cursor, size_t len)
{
    red_out_count(&r->out, 6);
    red_out_text(&r->out, "SCAN");
    red_out_arg(&r->out, cursor, len);
    red_out_text(&r->out, "MATCH");
    if (!write_pattern(r, r->clearing->space->prefix)) {
        return false;
    }
    red_out_text(&r->out, "COUNT");
    red_out_text(&r->out, STEP);
    return red_slot_push(r, RED_SCAN, NULL, 0);
}

static bool is_ours(const red_reply *key, mst_slice prefix)
{
    return key->type == RED_STRING && key->len >= prefix.len &&
           memcmp(key->bytes, prefix.data, prefix.len) == 0;
}

static bool unlink_keys(redis *r, const red_reply *keys)
{
    mst_slice prefix = r->clearing->space->prefix;
    size_t n = 0;
    for (size_t i = 0; i < keys->len; i++) {
        n += is_ours(keys->element[i], prefix);
    }
    if (n == 0) {
        return true;
    }
    red_out_count(&r->out, n + 1);
    red_out_text(&r->out, "UNLINK");
    for (size_t i = 0; i < keys->len; i++) {
        if (is_ours(keys->element[i], prefix)) {
            red_out_arg(&r->out, keys->element[i]->bytes, keys->element[i]->len);
        }
    }
    r->clear_unlinks++;
    return red_slot_push(r, RED_UNLINK, NULL, 0);
}

static void end(redis *r, mst_status status)
{
    mst_op *op = r->clearing;
    r->clearing = NULL;
    red_done(r, op, status);
    if (r->state == RED_READY) {
        red_send_waiting(r);
    }
}

static void end_if_done(redis *r)
{
    if (r->clear_scanned && r->clear_unlinks == 0) {
        end(r, r->clear_status);
    }
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
    r->clear_scanned = false;
    r->clear_unlinks = 0;
    if (!scan(r, "0", 1)) {
        r->out.failed = true;
    }
}

void red_clear_scanned(redis *r, const red_reply *reply)
{
    if (reply->type == RED_ERROR) {
        red_refused(r, reply);
        r->clear_status = MST_EIO;
        r->clear_scanned = true;
        end_if_done(r);
        return;
    }
    const red_reply *cursor = reply->element[0];
    r->clear_scanned = cursor->len == 1 && cursor->bytes[0] == '0';
    if (!unlink_keys(r, reply->element[1]) ||
        (!r->clear_scanned && !scan(r, cursor->bytes, cursor->len)) || r->out.failed) {
        fail(r);
        return;
    }
    red_link_flush(r);
    if (r->clearing) {
        end_if_done(r);
    }
}

void red_clear_unlinked(redis *r, const red_reply *reply)
{
    r->clear_unlinks--;
    if (reply->type == RED_ERROR) {
        red_refused(r, reply);
        r->clear_status = MST_EIO;
    }
    end_if_done(r);
}
