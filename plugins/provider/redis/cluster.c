/* cluster.c - the map of a Redis Cluster: which node serves which slot. CLUSTER SLOTS tells it, in
 * the RESP2 form that servers of all versions speak; redirections correct it at once.
 * https://redis.io/docs/reference/cluster-spec/ */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "discover.h"

enum { NAME_MAX_BYTES = 256, PORT_BYTES = 8 };

bool red_cluster_ask(red_conn *c)
{
    red_out_words(&c->out, "CLUSTER", "SLOTS", NULL);
    return !c->out.failed;
}

/* ---- shards */

static void free_shards(redis *r, red_shard **shards, size_t n)
{
    for (size_t i = 0; shards && i < n; i++) {
        r->host->free(r->host, shards[i]);
    }
    r->host->free(r->host, shards);
}

void red_cluster_fini(redis *r)
{
    free_shards(r, r->shards, r->shard_count);
    r->host->free(r->host, r->map);
    r->shards = NULL;
    r->map = NULL;
    r->shard_count = r->shard_cap = 0;
}

static bool make_room(redis *r)
{
    if (r->shard_count < r->shard_cap) {
        return true;
    }
    size_t cap = r->shard_cap ? r->shard_cap * 2 : 16;
    red_shard **shards = r->host->realloc(r->host, r->shards, cap * sizeof *shards);
    if (shards) {
        r->shards = shards;
        r->shard_cap = cap;
    }
    return shards != NULL;
}

/* Its number + 1; 0: out of memory. */
static uint16_t shard_of(redis *r, red_node *master)
{
    for (size_t i = 0; i < r->shard_count; i++) {
        if (r->shards[i]->master == master) {
            return (uint16_t) (i + 1);
        }
    }
    red_shard *s =
        r->shard_count < UINT16_MAX - 1 && make_room(r) ? r->host->alloc(r->host, sizeof *s) : NULL;
    if (!s) {
        return 0;
    }
    *s = (red_shard){.master = master};
    r->shards[r->shard_count++] = s;
    return (uint16_t) r->shard_count;
}

static void open_main(red_node *n)
{
    red_conn *c = red_node_conn(n, RED_MAIN);
    if (c) {
        red_conn_open(c);
    }
}

/* ---- CLUSTER SLOTS */

static bool is_node(const red_reply *node)
{
    return node->type == RED_ARRAY && node->len >= 2 &&
           (node->element[0]->type == RED_STRING || node->element[0]->type == RED_NIL) &&
           node->element[0]->len < NAME_MAX_BYTES && node->element[1]->type == RED_INTEGER &&
           node->element[1]->integer > 0 && node->element[1]->integer <= 65535;
}

static bool is_range(const red_reply *range)
{
    if (range->type != RED_ARRAY || range->len < 3 || range->element[0]->type != RED_INTEGER ||
        range->element[1]->type != RED_INTEGER) {
        return false;
    }
    for (size_t i = 2; i < range->len; i++) {
        if (!is_node(range->element[i])) {
            return false;
        }
    }
    long long first = range->element[0]->integer, last = range->element[1]->integer;
    return first >= 0 && first <= last && last < RED_BUCKETS;
}

static bool is_map(const red_reply *reply)
{
    bool is_list = reply->type == RED_ARRAY && reply->len > 0 && reply->len <= RED_BUCKETS;
    for (size_t i = 0; is_list && i < reply->len; i++) {
        if (!is_range(reply->element[i])) {
            return false;
        }
    }
    return is_list;
}

/* A node that does not know its own name leaves it out: it is the one that we are talking to. */
static red_node *node_at(redis *r, const red_node *from, const char *host, const char *port)
{
    red_node *n = red_node_at(r, *host ? host : from->host, port, false);
    if (n) {
        n->known = true;
    }
    return n;
}

static red_node *node_of(redis *r, const red_node *from, const red_reply *node)
{
    char host[NAME_MAX_BYTES] = "", port[PORT_BYTES];
    if (node->element[0]->type == RED_STRING) {
        memcpy(host, node->element[0]->bytes, node->element[0]->len);
        host[node->element[0]->len] = '\0';
    }
    snprintf(port, sizeof port, "%d", (int) node->element[1]->integer);
    return node_at(r, from, host, port);
}

static void add_replicas(redis *r, const red_node *from, const red_reply *range, red_shard *s)
{
    for (size_t i = 3; i < range->len && s->replicas < RED_REPLICAS_MAX; i++) {
        red_node *n = node_of(r, from, range->element[i]);
        bool there = !n;
        for (size_t k = 0; k < s->replicas; k++) {
            there = there || s->replica[k] == n;
        }
        if (!there) {
            red_node_is_replica(n);
            s->replica[s->replicas++] = n;
        }
    }
}

/* False: out of memory; the map is then what it was, or has a hole that is asked for again. */
static bool apply(redis *r, const red_node *from, const red_reply *range, uint16_t *map)
{
    red_node *master = node_of(r, from, range->element[2]);
    uint16_t shard = master ? shard_of(r, master) : 0;
    if (!shard) {
        return false;
    }
    /* A replica that was promoted keeps its READONLY connections: harmless on a master. */
    master->replica = false;
    for (long long slot = range->element[0]->integer; slot <= range->element[1]->integer; slot++) {
        map[slot] = shard;
    }
    add_replicas(r, from, range, r->shards[shard - 1]);
    open_main(master);
    return true;
}

static bool is_same(const red_node *a, const red_shard *b)
{
    return b && a == b->master;
}

bool red_cluster_told(redis *r, red_node *from, const red_reply *reply)
{
    if (!is_map(reply)) {
        return false;
    }
    size_t size = RED_BUCKETS * sizeof *r->map, old_count = r->shard_count;
    uint16_t *map = r->host->alloc(r->host, size), *old_map = r->map;
    red_shard **old = r->shards;
    bool whole = true, changed = !old_map;
    if (!map) {
        return false;
    }
    memset(map, 0, size);
    for (red_node *n = r->nodes; n; n = n->next) {
        n->known = false;
    }
    r->shards = NULL;
    r->shard_count = r->shard_cap = 0;
    for (size_t i = 0; i < reply->len; i++) {
        whole = apply(r, from, reply->element[i], map) && whole;
    }
    for (size_t slot = 0; old_map && slot < RED_BUCKETS; slot++) {
        const red_shard *before = old_map[slot] ? old[old_map[slot] - 1] : NULL;
        changed = changed || !map[slot] || !is_same(r->shards[map[slot] - 1]->master, before);
    }
    free_shards(r, old, old_count);
    r->host->free(r->host, old_map);
    r->map = map;
    r->map_version += changed;
    return whole;
}

/* ---- redirections: "MOVED 3999 127.0.0.1:6381", "ASK 3999 :6381" */

static bool is_port(const char *text)
{
    char *end;
    bool digit = *text >= '1' && *text <= '9';
    return digit && strtoul(text, &end, 10) <= 65535 && !*end && strlen(text) < PORT_BYTES;
}

red_node *red_cluster_moved(redis *r, red_node *from, const red_reply *reply, bool ask)
{
    char text[NAME_MAX_BYTES + 32];
    if (reply->len >= sizeof text || memchr(reply->bytes, '\0', reply->len)) {
        return NULL;
    }
    memcpy(text, reply->bytes, reply->len);
    text[reply->len] = '\0';
    char *number = strchr(text, ' '), *host = number ? strchr(number + 1, ' ') : NULL;
    char *port = host ? strrchr(host + 1, ':') : NULL;
    if (!port || !is_port(port + 1)) {
        return NULL;
    }
    *port++ = '\0';
    char *end;
    unsigned long slot = strtoul(number + 1, &end, 10);
    red_node *to = end == host && slot < RED_BUCKETS ? node_at(r, from, host + 1, port) : NULL;
    uint16_t shard = to && !ask && r->map ? shard_of(r, to) : 0;
    if (shard && r->map[slot] != shard) {
        r->map[slot] = shard;
        r->map_version++;
    }
    if (!ask) {
        red_discover(r);
    }
    return to;
}
