/* route.c - see route.h. */
#include "route.h"

#include <string.h>

#include "discover.h"

/* ---- slots */

/* Four bits at a time: a table that fits into a cache line. */
static uint16_t crc16(uint16_t crc, const uint8_t *at, size_t len)
{
    static const uint16_t step[16] = {0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5,
                                      0x60c6, 0x70e7, 0x8108, 0x9129, 0xa14a, 0xb16b,
                                      0xc18c, 0xd1ad, 0xe1ce, 0xf1ef};
    for (; len > 0; len--, at++) {
        crc = (uint16_t) (crc << 4) ^ step[(crc >> 12) ^ (*at >> 4)];
        crc = (uint16_t) (crc << 4) ^ step[(crc >> 12) ^ (*at & 15)];
    }
    return crc;
}

/* The key is two pieces; what is between its braces may be in both. */
static uint8_t byte_at(mst_slice prefix, mst_slice key, size_t i)
{
    const uint8_t *a = prefix.data, *b = key.data;
    return i < prefix.len ? a[i] : b[i - prefix.len];
}

uint16_t red_slot_of(mst_slice prefix, mst_slice key)
{
    size_t len = prefix.len + key.len, open = 0, close;
    while (open < len && byte_at(prefix, key, open) != '{') {
        open++;
    }
    for (close = open + 1; close < len && byte_at(prefix, key, close) != '}';) {
        close++;
    }
    if (close >= len || close == open + 1) {
        return crc16(crc16(0, prefix.data, prefix.len), key.data, key.len) % RED_BUCKETS;
    }
    uint16_t crc = 0;
    for (size_t i = open + 1; i < close; i++) {
        uint8_t byte = byte_at(prefix, key, i);
        crc = crc16(crc, &byte, 1);
    }
    return crc % RED_BUCKETS;
}

uint16_t red_bucket_of(const redis *r, const mst_op *op)
{
    return r->o.mode == RED_CLUSTER ? red_slot_of(op->space->prefix, op->key)
                                    : (uint16_t) ((op->hash >> 40) % RED_BUCKETS);
}

/* ---- large values */

static bool is_large(const redis *r, const mst_op *op)
{
    return r->large[op->hash % RED_LARGE_KEYS] == op->hash;
}

void red_note_size(redis *r, const mst_op *op, size_t len)
{
    uint64_t *place = &r->large[op->hash % RED_LARGE_KEYS];
    if (r->o.large_value > 0 && len >= r->o.large_value) {
        *place = op->hash;
    } else if (*place == op->hash) {
        *place = 0;
    }
}

/* ---- nodes */

static bool is_read(const mst_op *op)
{
    return op->code == MST_OP_GET || op->code == MST_OP_EXISTS;
}

static bool is_ready(const red_node *n)
{
    return n->conn[0] && n->conn[0]->state == RED_READY;
}

/* Replicas in turn, those that answer; without one, the master. What a replica has sent back goes
 * to the master. */
static red_node *of_shard(redis *r, const red_shard *s, bool read)
{
    if (!read || r->o.read_from == RED_MASTER || s->replicas == 0) {
        return s->master;
    }
    size_t extra = r->o.read_from == RED_ANY;
    for (size_t i = 0; i < s->replicas + extra; i++) {
        size_t at = r->turn++ % (s->replicas + extra);
        red_node *n = at < s->replicas ? s->replica[at] : s->master;
        if (is_ready(n)) {
            return n;
        }
        red_conn *c = red_node_conn(n, RED_MAIN);
        if (c) {
            red_conn_open(c);
        }
    }
    return s->master;
}

static red_node *node_of(redis *r, const mst_op *op, const red_item *item)
{
    if (item->ask) {
        return item->ask;
    }
    if (r->o.mode != RED_CLUSTER) {
        return r->home;
    }
    uint16_t shard = r->map ? r->map[item->bucket] : 0;
    return shard ? of_shard(r, r->shards[shard - 1], is_read(op) && !item->redirects) : NULL;
}

/* ---- connections */

static red_conn *pick(red_node *n, int which)
{
    red_conn *c = red_node_conn(n, which);
    if (c) {
        red_conn_open(c);
    }
    return c;
}

/* What is large has a lane of its own, so that nobody waits behind it. A connection that owes an
 * answer for too long is passed by, as long as another one can be had. */
static red_conn *conn_of(redis *r, red_node *n, const mst_op *op, uint16_t bucket)
{
    red_conn *c;
    if (is_large(r, op)) {
        c = pick(n, RED_BULK);
        if (c && (c->state == RED_READY || red_conn_is_coming(c))) {
            return c;
        }
    }
    c = pick(n, (int) (bucket % (uint64_t) r->o.connections));
    red_conn *spare = c && red_conn_is_slow(c) ? pick(n, RED_SPARE) : NULL;
    bool better = spare && !red_conn_is_slow(spare) &&
                  (spare->state == RED_READY || red_conn_is_coming(spare));
    return better ? spare : c;
}

mst_status red_route(redis *r, mst_op *op, red_conn **conn)
{
    red_item *item = red_item_of(op);
    red_node *n = node_of(r, op, item);
    *conn = NULL;
    if (!n) {
        red_discover(r);
        return red_discover_has_hope(r) ? MST_PENDING : MST_EIO;
    }
    red_conn *c = conn_of(r, n, op, item->bucket);
    if (!c) {
        return MST_ENOMEM;
    }
    *conn = c;
    if (c->state == RED_READY) {
        return red_node_admits(n) ? MST_OK : MST_EIO;
    }
    return red_conn_is_coming(c) ? MST_PENDING : MST_EIO;
}
