/* route.h - which connection an operation takes. */
#ifndef REDIS_ROUTE_H
#define REDIS_ROUTE_H

#include "node.h"

/* A master and its replicas, of a cluster. */
enum { RED_REPLICAS_MAX = 8 };
struct red_shard {
    red_node *master;
    red_node *replica[RED_REPLICAS_MAX];
    size_t replicas;
};

/* The bucket of a key, see order.h. */
uint16_t red_bucket_of(const redis *, const mst_op *);

/* MST_OK and *conn, which is ready; MST_PENDING: it may become possible soon (*conn may be NULL);
 * else why not. */
mst_status red_route(redis *, mst_op *, red_conn **conn);

/* A value of this size was seen, or stored, under the key: later operations on it take the lane for
 * large values. */
void red_note_size(redis *, const mst_op *, size_t len);

/* The slot of a key in a Redis Cluster: CRC16 (XMODEM) of the key, or of what is between its first
 * { and the next }, modulo 16384. https://redis.io/docs/reference/cluster-spec/ */
uint16_t red_slot_of(mst_slice prefix, mst_slice key);

#endif
