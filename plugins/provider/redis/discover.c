/* discover.c - see discover.h. */
#include "discover.h"

#include "order.h"

enum { SOON_MS = 20, RETRY_MS = 100, CLUSTER_AGE_MS = 30000, SENTINEL_AGE_MS = 1000 };

static void on_timer(void *arg);

mst_status red_discover_init(redis *r)
{
    return r->o.mode == RED_STANDALONE
               ? MST_OK
               : r->host->timer_open(r->host, on_timer, r, &r->discover_timer);
}

void red_discover_fini(redis *r)
{
    red_cluster_fini(r);
}

void red_discover_stop(redis *r)
{
    if (r->discover_timer) {
        r->host->timer_close(r->discover_timer);
        r->discover_timer = NULL;
    }
}

static void look_again(redis *r, uint64_t delay_ms)
{
    if (r->discover_timer) {
        r->host->timer_set(r->discover_timer, delay_ms);
    }
}

static bool may_ask(const redis *r, const red_node *n)
{
    return n->sentinel == (r->o.mode == RED_SENTINEL);
}

static void failed(redis *r)
{
    r->discover_failures++;
    look_again(r, RETRY_MS);
    red_pump(r);
}

static void told(red_conn *c, const red_reply *reply)
{
    redis *r = c->r;
    bool sentinel = r->o.mode == RED_SENTINEL;
    r->discovering = false;
    if (reply && (sentinel ? red_sentinel_told(r, reply) : red_cluster_told(r, c->node, reply))) {
        r->discover_soon = false;
        r->discover_failures = 0;
        r->discovered_ms = red_now(r);
        look_again(r, sentinel ? SENTINEL_AGE_MS : CLUSTER_AGE_MS);
        red_pump(r);
    } else {
        failed(r);
    }
    if (reply) {
        red_nodes_reap(r); /* also after a failure: there may have been no room for the new ones */
    }
}

static void ask(red_conn *c)
{
    redis *r = c->r;
    bool asked = r->o.mode == RED_SENTINEL ? red_sentinel_ask(c) : red_cluster_ask(c);
    if (asked && red_exchange_ask(c, told)) {
        r->discovering = true;
        r->discover_asked = c->node;
        red_conn_touch(c);
    } else {
        red_conn_fail(c, "out of memory", "");
    }
}

/* The next one, after the one that was asked last, whose connection is ready. */
static red_conn *source(redis *r)
{
    red_node *from =
        r->discover_asked && r->discover_asked->next ? r->discover_asked->next : r->nodes;
    red_node *n = from;
    while (n) {
        red_conn *c = may_ask(r, n) ? n->conn[0] : NULL;
        if (c && c->state == RED_READY && !c->slow) {
            return c;
        }
        n = n->next ? n->next : r->nodes;
        if (n == from) {
            break;
        }
    }
    return NULL;
}

/* Opens what may be asked. False: there is no hope for any of it. */
static bool open_all(redis *r)
{
    bool hope = false;
    for (red_node *n = r->nodes; n; n = n->next) {
        red_conn *c = may_ask(r, n) && (n->seed || n->known) ? red_node_conn(n, RED_MAIN) : NULL;
        if (c) {
            red_conn_open(c);
            hope = hope || red_conn_is_coming(c);
        }
    }
    return hope;
}

static void on_timer(void *arg)
{
    redis *r = arg;
    if (!r->discovering) {
        red_conn *c = source(r);
        if (c) {
            ask(c);
        } else {
            r->discover_soon = true;
            if (open_all(r)) {
                look_again(r, RETRY_MS);
            } else {
                failed(r);
            }
        }
    }
    red_settle(r);
}

void red_discover(redis *r)
{
    if (r->o.mode == RED_STANDALONE || r->discover_soon) {
        return;
    }
    uint64_t age = red_now(r) - r->discovered_ms;
    r->discover_soon = true;
    if (!r->discovering) {
        look_again(r, age < RETRY_MS ? RETRY_MS - age : SOON_MS);
    }
}

void red_discover_ready(red_conn *c)
{
    if (c->r->discover_soon && !c->r->discovering && may_ask(c->r, c->node) &&
        c == c->node->conn[0]) {
        ask(c);
    }
}

bool red_discover_has_hope(const redis *r)
{
    return (int64_t) r->discover_failures <= r->o.connect_retry;
}

void red_discover_lost(red_conn *c)
{
    if (!c->node->sentinel) {
        red_discover(c->r);
    }
}
