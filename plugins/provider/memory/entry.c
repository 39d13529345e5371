/* entry.c - making, pinning and freeing entries.
 *
 * The release of a pin touches the entry alone, unless it is the last one of an entry that was
 * removed meanwhile: such an entry stays charged to its shard (held_bytes), because its memory is
 * still taken, and keeps the block of the shards alive (home->refs).
 */
#include "entry.h"

#include "block.h"

_Static_assert(sizeof(mem_entry) <= 32, "the header of an entry grew");
_Static_assert(sizeof(mem_entry) % MST_NODE_ALIGN_MAX == 0, "the node follows the header");

static uint64_t size_of(const mem_pool *pool, unsigned fields, uint64_t key_len, uint64_t value_len)
{
    return sizeof(mem_entry) + pool->node_room + mem_fields_size(fields) + key_len + value_len;
}

uint64_t mem_entry_charge(const mem_pool *pool, const mem_entry *e)
{
    uint64_t size = size_of(pool, e->fields, e->key_len, e->value_len);
    return mem_block_charge(size) + mem_entry_object(e, pool->node_room).bytes;
}

static unsigned fields_of(const mst_op *op)
{
    return (op->object ? MEM_HAS_OBJECT : 0u) | (op->sliding_ms ? MEM_HAS_SLIDING : 0u) |
           (op->tag ? MEM_HAS_TAG : 0u) | (op->created_ms ? MEM_HAS_CREATED : 0u) |
           (op->space->id > UINT8_MAX ? MEM_HAS_WIDE_SPACE : 0u);
}

/* UINT64_MAX: too long. */
static uint64_t value_length(const mst_op *op)
{
    uint64_t len = 0;
    if (op->object) {
        return 0;
    }
    for (uint32_t i = 0; i < op->value_parts; i++) {
        if (op->value[i].len > UINT32_MAX - len) {
            return UINT64_MAX;
        }
        len += op->value[i].len;
    }
    return len;
}

static void append(uint8_t **to, const void *data, size_t len)
{
    if (len) {
        memcpy(*to, data, len);
        *to += len;
    }
}

static void fill(mem_entry *e, uint32_t room, const mst_op *op, uint64_t object_bytes)
{
    uint8_t *to = mem_entry_key(e, room);
    append(&to, op->key.data, op->key.len);
    if (op->object) {
        const mem_object object = {op->object, object_bytes};
        op->object->retain(op->object);
        append(&to, &object, sizeof object);
    }
    if (op->sliding_ms) {
        const mem_sliding sliding = {op->sliding_ms, op->expires_ms};
        append(&to, &sliding, sizeof sliding);
    }
    if (op->tag) {
        append(&to, &op->tag, sizeof op->tag);
    }
    if (op->created_ms) {
        append(&to, &op->created_ms, sizeof op->created_ms);
    }
    if (e->fields & MEM_HAS_WIDE_SPACE) {
        append(&to, &op->space->id, sizeof op->space->id);
    }
    for (uint32_t i = 0; !op->object && i < op->value_parts; i++) {
        append(&to, op->value[i].data, op->value[i].len);
    }
}

mst_status mem_entry_new(mem_pool *pool, const mst_op *op, uint64_t most, mem_entry **out)
{
    const mst_host *host = pool->home->host;
    unsigned fields = fields_of(op);
    uint64_t value_len = value_length(op);
    uint64_t object_bytes = op->object ? op->object->bytes : 0;
    if (value_len == UINT64_MAX || op->key.len > UINT16_MAX || object_bytes > most) {
        return MST_ETOOBIG;
    }
    uint64_t size = size_of(pool, fields, op->key.len, value_len);
    if (mem_block_charge(size) + object_bytes > most) {
        return MST_ETOOBIG;
    }
    mem_entry *e = host->alloc(host, (size_t) size);
    if (!e) {
        return MST_ENOMEM;
    }
    memset(e, 0, sizeof *e + pool->node_room);
    e->pool = pool;
    atomic_init(&e->refs, 1);
    e->hash = (uint32_t) op->hash;
    e->value_len = (uint32_t) value_len;
    e->key_len = (uint16_t) op->key.len;
    e->space = (uint8_t) op->space->id;
    e->fields = (uint8_t) fields;
    fill(e, pool->node_room, op, object_bytes);
    *out = e;
    return MST_OK;
}

void mem_entry_free(mem_pool *pool, mem_entry *e)
{
    const mst_host *host = pool->home->host;
    mst_object *object = mem_entry_object(e, pool->node_room).object;
    host->free(host, e);
    if (object) {
        object->release(object);
    }
}

void mem_bury(mem_pool *pool, mem_doomed *doomed)
{
    while (doomed->first) {
        mem_entry *e = doomed->first;
        doomed->first = e->next;
        mem_entry_free(pool, e);
    }
}

void mem_entry_release(void *entry)
{
    mem_entry *e = entry;
    if (atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    mem_pool *pool = e->pool;
    uint64_t charge = mem_entry_charge(pool, e);
    mem_entry_free(pool, e);
    atomic_fetch_sub_explicit(&pool->held_bytes, charge, memory_order_relaxed);
    mem_home_release(pool->home);
}

void mem_entry_unlink(mem_pool *pool, mem_entry *e, mem_doomed *doomed)
{
    if (atomic_load_explicit(&e->refs, memory_order_acquire) != 1) {
        uint64_t charge = mem_entry_charge(pool, e);
        atomic_fetch_add_explicit(&pool->held_bytes, charge, memory_order_relaxed);
        atomic_fetch_add_explicit(&pool->home->refs, 1, memory_order_relaxed);
        if (atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) != 1) {
            return; /* the last reader frees it */
        }
        atomic_fetch_sub_explicit(&pool->home->refs, 1, memory_order_relaxed);
        atomic_fetch_sub_explicit(&pool->held_bytes, charge, memory_order_relaxed);
    }
    e->next = doomed->first;
    doomed->first = e;
}

void mem_home_release(mem_home *home)
{
    if (atomic_fetch_sub_explicit(&home->refs, 1, memory_order_acq_rel) == 1) {
        const mst_host *host = home->host;
        mem_lines_free(host, home);
        host->release(host); /* fini() may run here */
    }
}
