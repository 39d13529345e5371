/* cluster.c - see cluster.h. Built by commands and not by redis-cli: all nodes meet each other
 * directly, so nothing waits for gossip. What remains are two seconds that a new master takes by
 * itself before it serves. */
#include "cluster.h"

#include <signal.h>
#include <stdlib.h>

#include "pipeline/t.h"

#define OK_FROM(node, ...) REQUIRE(server_says((node), "OK", __VA_ARGS__))

/* ---- building */

static void start_nodes(cluster *c, const server_options *options)
{
    static const char *const arguments[] = {"--cluster-node-timeout",
                                            "1000",
                                            "--cluster-require-full-coverage",
                                            "no",
                                            "--cluster-allow-replica-migration",
                                            "no",
                                            "--cluster-replica-validity-factor",
                                            "0",
                                            NULL};
    server_options o = options ? *options : (server_options){0};
    o.cluster = true;
    o.arguments = o.arguments ? o.arguments : arguments;
    for (int i = 0; i < CLUSTER_NODES; i++) {
        server_prepare(&c->node[i], &o);
        server_launch(&c->node[i]);
    }
    for (int i = 0; i < CLUSTER_NODES; i++) {
        server_wait(&c->node[i]);
        redisReply *id = server_ask(&c->node[i], "CLUSTER MYID");
        REQUIRE(id && id->type == REDIS_REPLY_STRING && id->len == 40);
        memcpy(c->id[i], id->str, 41);
        freeReplyObject(id);
    }
}

static void meet(cluster *c)
{
    for (int i = 0; i < CLUSTER_NODES; i++) {
        OK_FROM(&c->node[i], "CLUSTER SET-CONFIG-EPOCH %d", i + 1);
        if (i < CLUSTER_SHARDS) {
            OK_FROM(&c->node[i], "CLUSTER ADDSLOTSRANGE %d %d", i * CLUSTER_SLOTS / CLUSTER_SHARDS,
                    (i + 1) * CLUSTER_SLOTS / CLUSTER_SHARDS - 1);
        }
    }
    for (int i = 0; i < CLUSTER_NODES; i++) {
        for (int k = 0; k < i; k++) {
            OK_FROM(&c->node[i], "CLUSTER MEET 127.0.0.1 %d %d", c->node[k].port,
                    c->node[k].bus_port);
        }
    }
}

/* Does node `i` know all the others by their names? */
static bool knows_all(cluster *c, int i)
{
    redisReply *nodes = server_ask(&c->node[i], "CLUSTER NODES");
    int known = 0;
    for (int k = 0; nodes && nodes->type == REDIS_REPLY_STRING && k < CLUSTER_NODES; k++) {
        const char *at = strstr(nodes->str, c->id[k]);
        const char *end = at ? strchr(at, '\n') : NULL,
                   *shake = at ? strstr(at, "handshake") : NULL;
        known += at && end && (!shake || shake > end);
    }
    freeReplyObject(nodes);
    return known == CLUSTER_NODES;
}

static bool replicates(server *s)
{
    return server_mentions(s, "master_link_status:up", "INFO replication");
}

static bool all_see_the_masters(cluster *c)
{
    for (int i = 0; i < CLUSTER_SHARDS; i++) {
        if (cluster_master_of(c, i * CLUSTER_SLOTS / CLUSTER_SHARDS + 1) != i) {
            return false;
        }
    }
    return true;
}

void cluster_start(cluster *c, const server_options *options)
{
    start_nodes(c, options);
    meet(c);
    for (int i = 0; i < CLUSTER_NODES; i++) {
        t_about("node %d", i);
        T_UNTIL(knows_all(c, i));
    }
    for (int i = CLUSTER_SHARDS; i < CLUSTER_NODES; i++) {
        T_UNTIL(server_says(&c->node[i], "OK", "CLUSTER REPLICATE %s", c->id[i - CLUSTER_SHARDS]));
    }
    for (int i = 0; i < CLUSTER_NODES; i++) {
        t_about("node %d", i);
        T_UNTIL(server_mentions(&c->node[i], "cluster_state:ok", "CLUSTER INFO"));
        T_UNTIL(i < CLUSTER_SHARDS || replicates(&c->node[i]));
    }
    for (int i = 0; i < CLUSTER_SHARDS; i++) {
        T_UNTIL(cluster_replica_of(c, i) == i + CLUSTER_SHARDS);
    }
    t_about("%s", "");
    T_UNTIL(all_see_the_masters(c));
}

void cluster_end(cluster *c)
{
    for (int i = 0; i < CLUSTER_NODES; i++) {
        server_end(&c->node[i]);
    }
}

/* ---- looking */

static bool is_up(const cluster *c, int i)
{
    return c->node[i].pid > 0 && !c->node[i].paused;
}

static int node_at_port(const cluster *c, long long port)
{
    for (int i = 0; i < CLUSTER_NODES; i++) {
        if (c->node[i].port == port) {
            return i;
        }
    }
    return -1;
}

int cluster_slot(cluster *c, const char *key)
{
    for (int i = 0; i < CLUSTER_NODES; i++) {
        if (is_up(c, i)) {
            return (int) server_integer(&c->node[i], "CLUSTER KEYSLOT %s", key);
        }
    }
    return -1;
}

/* What node `i` believes: rows [first, last, [host, port, ...], ...]. */
static int believed_master(cluster *c, int i, int slot)
{
    redisReply *rows = server_ask(&c->node[i], "CLUSTER SLOTS");
    int master = -1;
    for (size_t k = 0; rows && rows->type == REDIS_REPLY_ARRAY && k < rows->elements; k++) {
        const redisReply *row = rows->element[k];
        if (row->element[0]->integer <= slot && slot <= row->element[1]->integer) {
            master = node_at_port(c, row->element[2]->element[1]->integer);
        }
    }
    freeReplyObject(rows);
    return master;
}

int cluster_master_of(cluster *c, int slot)
{
    int votes[CLUSTER_NODES] = {0}, up = 0;
    for (int i = 0; i < CLUSTER_NODES; i++) {
        int master = is_up(c, i) ? believed_master(c, i, slot) : -1;
        up += is_up(c, i);
        votes[master < 0 ? 0 : master] += master >= 0;
    }
    for (int i = 0; i < CLUSTER_NODES; i++) {
        if (votes[i] > up / 2 && is_up(c, i)) {
            return i;
        }
    }
    return -1;
}

static bool is_replica_of(cluster *c, int i, int master)
{
    redisReply *role = server_ask(&c->node[i], "ROLE");
    bool yes = role && role->type == REDIS_REPLY_ARRAY && role->elements == 5 &&
               role->element[2]->integer == c->node[master].port;
    freeReplyObject(role);
    return yes;
}

int cluster_replica_of(cluster *c, int node)
{
    for (int i = 0; i < CLUSTER_NODES; i++) {
        if (i != node && is_up(c, i) && is_replica_of(c, i, node)) {
            return i;
        }
    }
    return -1;
}

/* ---- changing */

static bool all_agree(cluster *c, int slot, int master)
{
    for (int i = 0; i < CLUSTER_NODES; i++) {
        if (is_up(c, i) && believed_master(c, i, slot) != master) {
            return false;
        }
    }
    return true;
}

int cluster_wait_failover(cluster *c, int slot, int old)
{
    int now = -1;
    T_UNTIL((now = cluster_master_of(c, slot)) >= 0 && now != old && all_agree(c, slot, now));
    return now;
}

void cluster_wait_rejoined(cluster *c, int node)
{
    T_UNTIL(replicates(&c->node[node]) &&
            server_mentions(&c->node[node], "cluster_state:ok", "CLUSTER INFO"));
}

void cluster_move_begin(cluster *c, int slot, int to)
{
    int from = cluster_master_of(c, slot);
    REQUIRE(from >= 0 && from != to);
    OK_FROM(&c->node[to], "CLUSTER SETSLOT %d IMPORTING %s", slot, c->id[from]);
    OK_FROM(&c->node[from], "CLUSTER SETSLOT %d MIGRATING %s", slot, c->id[to]);
}

/* Key by key: MIGRATE in a batch would leave no moment in which half of them are here. */
void cluster_move_keys(cluster *c, int slot, int to)
{
    int from = cluster_master_of(c, slot);
    REQUIRE(from >= 0);
    for (bool more = true; more;) {
        redisReply *keys = server_ask(&c->node[from], "CLUSTER GETKEYSINSLOT %d 100", slot);
        REQUIRE(keys && keys->type == REDIS_REPLY_ARRAY);
        more = keys->elements > 0;
        for (size_t i = 0; i < keys->elements; i++) {
            const redisReply *key = keys->element[i];
            redisReply *moved = server_ask(&c->node[from], "MIGRATE 127.0.0.1 %d %b 0 5000 REPLACE",
                                           c->node[to].port, key->str, (size_t) key->len);
            REQUIRE(moved && moved->type == REDIS_REPLY_STATUS);
            freeReplyObject(moved);
        }
        freeReplyObject(keys);
    }
}

void cluster_move_end(cluster *c, int slot, int to)
{
    int from = cluster_master_of(c, slot);
    OK_FROM(&c->node[to], "CLUSTER SETSLOT %d NODE %s", slot, c->id[to]);
    OK_FROM(&c->node[from], "CLUSTER SETSLOT %d NODE %s", slot, c->id[to]);
    T_UNTIL(all_agree(c, slot, to));
}

void cluster_move_slot(cluster *c, int slot, int to)
{
    cluster_move_begin(c, slot, to);
    cluster_move_keys(c, slot, to);
    cluster_move_end(c, slot, to);
}
