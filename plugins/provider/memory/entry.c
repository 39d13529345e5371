/* entry.c - making entries, and taking them apart. */
#include "entry.h"

_Static_assert(MEM_HEADER == 24, "the header of an entry grew");

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

static void append_value(uint8_t *to, const mst_op *op)
{
    for (uint32_t i = 0; !op->object && i < op->value_parts; i++) {
        append(&to, op->value[i].data, op->value[i].len);
    }
}

/* Of a long key and the value; never 0. */
static uint64_t block_size(uint64_t key_len, uint64_t value_len)
{
    uint64_t size = key_len - mem_key_room(key_len) + value_len;
    return size ? size : 1;
}

static void fill_block(uint8_t *to, const mst_op *op)
{
    if (op->key.len > MEM_KEY_MOST) {
        append(&to, op->key.data, op->key.len);
    }
    append_value(to, op);
}

mst_status mem_draft_new(mem_draft *d, const mem_shape *shape, const mst_op *op, uint64_t slot_most,
                         uint64_t most)
{
    uint64_t value_len = value_length(op);
    *d = (mem_draft){.fields = fields_of(op)};
    d->object_bytes = op->object ? op->object->bytes : 0;
    if (value_len == UINT64_MAX || op->key.len > UINT16_MAX || d->object_bytes > most) {
        return MST_ETOOBIG;
    }
    d->value_len = (uint32_t) value_len;
    uint64_t fixed = shape->key_at + mem_key_room(op->key.len);
    d->slot_size = fixed + mem_fields_size(d->fields) + value_len;
    if (d->slot_size > slot_most || op->key.len > MEM_KEY_MOST) {
        d->fields |= MEM_HAS_BLOCK;
        d->slot_size = fixed + mem_fields_size(d->fields);
        d->block_size = block_size(op->key.len, value_len);
    }
    return d->slot_size + mem_draft_beside(d) > most ? MST_ETOOBIG : MST_OK;
}

mst_status mem_draft_fill(mem_draft *d, mem_large *large, const mst_op *op)
{
    if (d->block_size) {
        d->block = mem_large_take(large, d->block_size);
        if (!d->block) {
            return MST_ENOMEM;
        }
        fill_block(d->block, op);
    }
    return MST_OK;
}

void mem_draft_drop(mem_draft *d, mem_large *large)
{
    if (d->block) {
        mem_large_give(large, d->block, d->block_size);
        mem_large_trim(large); /* it was not charged */
        d->block = NULL;
    }
}

static void fill(uint8_t *to, const mem_draft *d, const mst_op *op)
{
    append(&to, op->key.data, mem_key_room(op->key.len));
    if (op->object) {
        const mem_object object = {op->object, d->object_bytes};
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
    if (d->fields & MEM_HAS_WIDE_SPACE) {
        append(&to, &op->space->id, sizeof op->space->id);
    }
    if (d->block) {
        append(&to, &d->block, sizeof d->block);
    } else {
        append_value(to, op);
    }
}

mem_entry *mem_entry_make(void *slot, const mem_shape *shape, const mem_draft *d, const mst_op *op)
{
    mem_entry *e = slot;
    uint64_t life = (uint64_t) (uint8_t) op->space->id << MEM_LIFE_SPACE |
                    (uint64_t) d->fields << MEM_LIFE_FIELDS | MEM_LINKED;
    atomic_store_explicit(&e->life, life, memory_order_relaxed);
    e->hash = (uint32_t) op->hash;
    e->value_len = d->value_len;
    e->key_len = (uint16_t) op->key.len;
    e->created_ms = op->created_ms & MEM_CREATED_MAX;
    memset((uint8_t *) slot + MEM_HEADER, 0, shape->key_at - MEM_HEADER);
    fill((uint8_t *) slot + shape->key_at, d, op);
    return e;
}

uint64_t mem_entry_beside(const mem_shape *shape, const mem_entry *e)
{
    if (!(mem_entry_fields(e) & (MEM_HAS_BLOCK | MEM_HAS_OBJECT))) {
        return 0;
    }
    uint64_t block = 0;
    if (mem_entry_fields(e) & MEM_HAS_BLOCK) {
        block = mem_large_charge(block_size(e->key_len, e->value_len));
    }
    return mem_entry_object(shape, e).bytes + block;
}

void mem_entry_empty(const mem_shape *shape, mem_large *large, mem_entry *e)
{
    mst_object *object = mem_entry_object(shape, e).object;
    uint8_t *block = mem_entry_block(shape, e);
    if (block) {
        mem_large_give(large, block, block_size(e->key_len, e->value_len));
    }
    if (object) {
        object->release(object);
    }
}
