/* sentinel.c - the master, as sentinels see it. https://redis.io/docs/reference/sentinel-clients/
 */
#include <string.h>

#include "discover.h"
#include "order.h"

enum { NAME_MAX_BYTES = 256 };

bool red_sentinel_ask(red_conn *c)
{
    red_out_words(&c->out, "SENTINEL", "get-master-addr-by-name", c->r->o.master);
    return !c->out.failed;
}

static bool is_text(const red_reply *reply)
{
    return reply->type == RED_STRING && reply->len > 0 && reply->len < NAME_MAX_BYTES &&
           !memchr(reply->bytes, '\0', reply->len);
}

static void leave(red_node *n)
{
    for (size_t i = 0; i < n->conns; i++) {
        if (n->conn[i] && n->conn[i]->state != RED_IDLE) {
            red_conn_fail(n->conn[i], "another server is the master now", "");
            red_conn_rest(n->conn[i]);
        }
    }
}

bool red_sentinel_told(redis *r, const red_reply *reply)
{
    if (reply->type == RED_NIL) {
        r->host->log(r->host, MST_LOG_ERROR, "the sentinels know no master of that name (master)");
        return false;
    }
    if (reply->type != RED_ARRAY || reply->len != 2 || !is_text(reply->element[0]) ||
        !is_text(reply->element[1])) {
        return false;
    }
    /* Strings of replies end with a zero byte. */
    red_node *n = red_node_at(r, reply->element[0]->bytes, reply->element[1]->bytes, false);
    red_conn *c = n ? red_node_conn(n, RED_MAIN) : NULL;
    if (!c) {
        return false;
    }
    red_node *before = r->home;
    r->home = n;
    if (before && before != n) {
        leave(before);
    }
    red_conn_open(c);
    return true;
}
