/* node.c - see node.h. The breaker of a node stands between the connection that is lost, which
 * conn.c sees, and the one that is only slow: a server that takes everything and answers nothing.
 */
#include "node.h"

#include <string.h>

#include "discover.h"
#include "order.h"

/* Twice as many nodes as a cluster is said to work with; whoever names more names what is none. */
enum { LOSSES_MAX = 16, PAUSE_FIRST_MS = 100, NODES_MAX = 2000 };

static char *copy(const mst_host *host, const char *text)
{
    size_t size = strlen(text) + 1;
    char *to = host->alloc(host, size);
    if (to) {
        memcpy(to, text, size);
    }
    return to;
}

static void node_free(red_node *n)
{
    const mst_host *host = n->r->host;
    for (size_t i = 0; n->conn && i < n->conns; i++) {
        if (n->conn[i]) {
            red_conn_free(n->conn[i]);
        }
    }
    host->free(host, n->conn);
    host->free(host, n->host);
    host->free(host, n->port);
    host->free(host, n);
}

static red_node *node_new(redis *r, const char *host, const char *port, bool sentinel)
{
    red_node *n = r->host->alloc(r->host, sizeof *n);
    if (!n) {
        return NULL;
    }
    *n = (red_node){.r = r, .sentinel = sentinel, .conns = (size_t) r->o.connections + 2};
    n->host = copy(r->host, host);
    n->port = port ? copy(r->host, port) : NULL;
    n->conn = r->host->alloc(r->host, n->conns * sizeof *n->conn);
    if (!n->host || !n->conn || (port && !n->port)) {
        n->conns = 0;
        node_free(n);
        return NULL;
    }
    memset(n->conn, 0, n->conns * sizeof *n->conn);
    return n;
}

static bool is_at(const red_node *n, const char *host, const char *port)
{
    bool same_port = n->port && port ? !strcmp(n->port, port) : n->port == port;
    return same_port && !strcmp(n->host, host);
}

red_node *red_node_at(redis *r, const char *host, const char *port, bool sentinel)
{
    size_t count = 0;
    for (red_node *n = r->nodes; n; n = n->next) {
        if (n->sentinel == sentinel && is_at(n, host, port)) {
            return n;
        }
        count++;
    }
    red_node *n = count < NODES_MAX ? node_new(r, host, port, sentinel) : NULL;
    if (n) {
        n->next = r->nodes;
        r->nodes = n;
    }
    return n;
}

void red_nodes_fini(redis *r)
{
    while (r->nodes) {
        red_node *n = r->nodes;
        r->nodes = n->next;
        node_free(n);
    }
}

red_conn *red_node_conn(red_node *n, int which)
{
    size_t i = which >= 0 ? (size_t) which : n->conns + (size_t) which;
    if (!n->conn[i]) {
        n->conn[i] = red_conn_new(n, which);
    }
    return n->conn[i];
}

void red_node_is_replica(red_node *n)
{
    bool news = !n->replica && n->r->o.read_from != RED_MASTER;
    n->replica = true;
    for (size_t i = 0; news && i < n->conns; i++) {
        red_conn *c = n->conn[i];
        if (!c || (c->state != RED_GREETING && c->state != RED_READY)) {
            continue;
        }
        red_out_words(&c->out, "READONLY", NULL, NULL);
        if (!red_exchange_expect(c, RED_SKIP, NULL, 0)) {
            c->out.failed = true;
        }
        red_conn_touch(c);
    }
}

/* True when nothing of it is in use any more. */
static bool is_quiet(red_node *n)
{
    bool quiet = true;
    for (size_t i = 0; i < n->conns; i++) {
        red_conn *c = n->conn[i];
        if (!c) {
            continue;
        }
        if (c->account.ops == 0 && c->state != RED_IDLE) {
            red_conn_rest(c);
        }
        quiet = quiet && c->state == RED_IDLE && !c->closing && !c->resolving && !c->dirty &&
                c->account.ops == 0;
    }
    return quiet;
}

void red_nodes_reap(redis *r)
{
    for (red_node **at = &r->nodes; *at;) {
        red_node *n = *at;
        bool needed = n->seed || n->known || n->asked || n->sentinel || n == r->discover_asked ||
                      n == r->home;
        if (needed || !is_quiet(n)) {
            at = &n->next;
        } else {
            *at = n->next;
            node_free(n);
        }
    }
}

/* ---- the breaker */

static void pause(red_node *n)
{
    uint64_t most = (uint64_t) n->r->o.backoff_max_ms;
    n->pause_ms = n->pause_ms ? n->pause_ms * 2 : PAUSE_FIRST_MS;
    n->pause_ms = n->pause_ms < most ? n->pause_ms : most;
    n->closed_until_ms = red_now(n->r) + n->pause_ms;
}

void red_node_lost(red_node *n)
{
    if (++n->losses == LOSSES_MAX) {
        pause(n);
        red_discover(n->r);
    }
}

bool red_node_admits(red_node *n)
{
    if (n->losses < LOSSES_MAX) {
        return true;
    }
    if (red_now(n->r) < n->closed_until_ms) {
        return false;
    }
    pause(n); /* one goes; its answer, or the one of an earlier operation, opens the way */
    return true;
}
