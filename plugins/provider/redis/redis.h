/* redis.h - one instance: the servers behind one section of the configuration, as one loop sees
 * them.
 *
 *   redis.c      options, start and stop, figures
 *   url.c        where the servers are
 *   node.c       a server: its connections, its breaker
 *   conn.c       a connection: resolve, connect, read and write, back-off, silence
 *   tls.c        the same bytes, encrypted
 *   greet.c      what is said first on a connection
 *   exchange.c   which reply belongs to whom
 *   route.c      which connection an operation takes
 *   order.c      who has to wait for whom; accounts, retries
 *   commands.c   operations as commands
 *   answers.c    replies as answers
 *   clear.c      the one operation that takes many commands
 *   discover.c   asking others where the data is (cluster.c, sentinel.c)
 *   probe.c      the one place that waits: abort_on_connect_fail
 *   reply.c, out.c, reason.c   replies as hiredis builds them, bytes to be written, errno in words
 */
#ifndef REDIS_REDIS_H
#define REDIS_REDIS_H

#include <memstache/provider.h>

#include <stdatomic.h>
#include <stdbool.h>

#include "reply.h"
#include "tls.h"
#include "url.h"

enum { RED_BUCKETS = 16384, RED_MGET_MAX = 64, RED_IN_BYTES = 64 * 1024, RED_LARGE_KEYS = 1024 };

typedef struct redis redis;
typedef struct red_conn red_conn;
typedef struct red_node red_node;
typedef struct red_shard red_shard;

typedef enum red_mode { RED_STANDALONE, RED_CLUSTER, RED_SENTINEL } red_mode;
typedef enum red_read_from { RED_MASTER, RED_REPLICA, RED_ANY } red_read_from;

/* Operations that wait or are under way, and their bytes; bounded per connection. */
typedef struct red_account {
    uint64_t ops, bytes;
} red_account;

/* Private bytes of an op. */
typedef struct red_item {
    mst_op *next, *prev; /* of the parked, of gathered gets, or of one reply */
    red_account *account;
    red_conn *conn; /* where it was sent; NULL: parked */
    red_node *ask;  /* where a cluster sent it, for once */
    uint64_t seq;   /* the order of submission */
    uint64_t bytes;
    uint64_t not_before_ms; /* parked: it was told to come again later */
    uint16_t bucket;
    uint8_t tries, redirects;
    bool write, lost, parked;
} red_item;

typedef struct red_queue {
    mst_op *first, *last;
} red_queue;

/* Keys that are ordered together: those of one slot of a cluster, else of one part of the hashes.
 */
typedef struct red_bucket {
    red_conn *conn;   /* where they were sent; NULL: to several, then they are reads only */
    uint32_t sent;    /* and not answered */
    uint32_t writes;  /* of these */
    uint32_t parked;  /* operations that wait */
    uint32_t blocked; /* the pass in which one of them had to go on waiting */
} red_bucket;

typedef struct red_counters {
    atomic_uint_fast64_t connections, reconnects, commands, inflight, errors, busy, too_big,
        retries, redirects, rescued;
} red_counters;

typedef struct red_options {
    const char *url, *username, *password, *client_name;
    const char *master, *sentinel_username, *sentinel_password;
    int32_t mode, read_from;
    bool abort_on_connect_fail;
    int64_t database, connections, connect_retry;
    int64_t connect_timeout_ms, stall_timeout_ms, idle_timeout_ms, keep_alive_ms, hedge_after_ms,
        backoff_max_ms;
    int64_t max_inflight;
    uint64_t max_inflight_bytes, max_value_bytes, large_value;
    double retry_budget;
    red_tls_options tls;
} red_options;

struct redis {
    red_options o;
    const mst_host *host;
    red_url url;
    red_tls_context *tls;
    bool stopping, stopped;
    uint64_t random;

    /* node.c */
    red_node *nodes;  /* a list of all, data and sentinels */
    uint64_t opening; /* descriptors and lookups that the host has not let go of */

    /* conn.c, exchange.c: shared by all connections, used by one at a time */
    char *in;
    redisReplyObjectFunctions functions;

    /* order.c */
    red_bucket *buckets;
    red_queue parked; /* by seq */
    red_account homeless;
    uint64_t seq, held, parked_clears;
    uint64_t sent; /* with a server, unanswered */
    uint32_t pass;
    bool pump, settling;
    double budget;
    mst_timer *retry_timer;
    uint64_t retry_at_ms;
    red_conn *dirty;
    uint64_t large[RED_LARGE_KEYS]; /* hashes of keys whose values were large */
    uint64_t refused_log_ms;
    bool no_getex;

    /* route.c, discover.c */
    red_node *home; /* standalone, and the sentinels' master */
    red_shard **shards;
    size_t shard_count, shard_cap;
    uint16_t *map; /* slot to shard + 1; 0: nobody; NULL until a cluster has told */
    uint32_t map_version;
    mst_timer *discover_timer;
    red_node *discover_asked;
    uint32_t discover_failures; /* in a row */
    bool discovering;           /* a question is under way */
    bool discover_soon;         /* what is known is doubted */
    uint64_t discovered_ms;
    uint32_t turn; /* of replicas */

    /* clear.c */
    mst_op *clearing; /* at most one at a time */
    mst_status clear_status;
    size_t clear_node, clear_unlinks;
    uint32_t clear_version, clear_rounds;
    bool clear_scanned;

    red_counters counters;
};

static inline red_item *red_item_of(mst_op *op)
{
    return mst_op_priv(op);
}

static inline uint64_t red_now(const redis *r)
{
    return r->host->now_ms(r->host);
}

#define RED_COUNT(r, name, n)                                                                      \
    atomic_fetch_add_explicit(&(r)->counters.name, (n), memory_order_relaxed)

/* A number from 0 to n - 1, for jitter. */
uint64_t red_random(redis *, uint64_t n);
/* The current text of a secret option into `buffer`; `text` is what it was at the start. NULL: not
 * set. */
const char *red_secret(redis *, const char *option, const char *text, char *buffer, size_t size);

#endif
