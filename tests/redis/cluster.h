/* cluster.h - a Redis Cluster of three masters with a replica each, ready within some seconds. A
 * shard that is down leaves the others in service (cluster-require-full-coverage no). */
#ifndef REDIS_CLUSTER_H
#define REDIS_CLUSTER_H

#include "server.h"

enum { CLUSTER_SHARDS = 3, CLUSTER_NODES = 6, CLUSTER_SLOTS = 16384 };
enum { CLUSTER_NODE_TIMEOUT_MS = 1000 };

typedef struct cluster {
    server node[CLUSTER_NODES]; /* at first node[i] is a master, node[i + 3] its replica */
    char id[CLUSTER_NODES][41];
} cluster;

void cluster_start(cluster *, const server_options *); /* the options of each node; may be NULL */
void cluster_end(cluster *);

/* The slot of a key, hash tags included, as the nodes compute it. */
int cluster_slot(cluster *, const char *key);
/* The running node that is the master of a slot as a majority of the running nodes sees it; -1 when
 * there is none. */
int cluster_master_of(cluster *, int slot);
/* The first running replica of a node; -1 when there is none. */
int cluster_replica_of(cluster *, int node);
/* Waits until the slot has a running master other than `old`, and all running nodes know it.
 * Returns the new one. */
int cluster_wait_failover(cluster *, int slot, int old);
/* Waits until a restarted node has come back as a replica and is in step. */
void cluster_wait_rejoined(cluster *, int node);
/* Moves a slot with its keys to another master, as an operator would: live, so that clients meet
 * ASK, TRYAGAIN and MOVED. cluster_move_begin() marks it on both sides, _keys() moves the keys that
 * are there, _end() tells all masters; cluster_move_slot() is all three. */
void cluster_move_begin(cluster *, int slot, int to);
void cluster_move_keys(cluster *, int slot, int to);
void cluster_move_end(cluster *, int slot, int to);
void cluster_move_slot(cluster *, int slot, int to);

#endif
