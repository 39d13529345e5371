/* field.c - see field.h. A node stands alone in its page: what surrounds it is compared when it
 * goes, and a page can be closed, so that a policy which follows a stale pointer is stopped by the
 * processor at that very access. */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>

#include "field.h"

enum { PAGE_SHIFT = 12, PAGE = 1 << PAGE_SHIFT, AT = PAGE / 2, AROUND = 64, PATTERN = 0xdd };

static uint8_t *page_of(const field *f, size_t entry)
{
    return f->nodes.map + PAGE + entry * PAGE;
}

void field_protect_node(field *f, size_t entry, int how)
{
    static const int flags[] = {PROT_READ | PROT_WRITE, PROT_READ, PROT_NONE};
    if (mprotect(page_of(f, entry), PAGE, flags[how])) {
        check_skip(f->k, "cannot protect memory");
    }
}

void field_protect(field *f, int how)
{
    check_guard_protect(&f->shard, how);
    check_guard_protect(&f->nodes, how);
}

void field_open(kit *k, field *f, check_instance *i, uint32_t index, size_t count, uint64_t max)
{
    *f = (field){.k = k,
                 .instance = i,
                 .ops = &k->ops.eviction,
                 .index = index,
                 .count = count,
                 .max_entries = max};
    f->entries = check_memory(k, count * sizeof *f->entries);
    check_guard_open(k, &f->shard, f->ops->shard_size + 64, "the shard");
    check_guard_open(k, &f->nodes, count * PAGE, "the node of an entry that is gone");
    f->nodes.data = f->nodes.map + PAGE;
    f->shard_bytes = check_guard_take(&f->shard, f->ops->shard_size, 64);
    memset(f->shard_bytes, 0, f->ops->shard_size);
    memset(f->nodes.data, PATTERN, count * PAGE);
    for (size_t e = 0; e < count; e++) {
        f->entries[e].node = (mst_node *) (void *) (page_of(f, e) + AT);
        f->entries[e].hash = check_draw(&k->random, UINT64_MAX);
    }
}

mst_status field_start(field *f)
{
    const mst_shard_info info = {.struct_size = sizeof info,
                                 .shard_index = f->index,
                                 .shard_count = FIELD_SHARDS,
                                 .max_bytes = f->max_entries * 200,
                                 .max_entries = f->max_entries,
                                 .seed = check_draw(&f->k->random, UINT64_MAX),
                                 .node_base = f->nodes.map + AT,
                                 .node_unit = PAGE_SHIFT};
    check_doing(f->k, "shard_init()");
    return f->ops->shard_init ? f->ops->shard_init(f->instance->self, f->shard_bytes, &info)
                              : MST_OK;
}

void field_close(field *f)
{
    field_protect(f, CHECK_OPEN);
    check_doing(f->k, "shard_fini()");
    if (f->ops->shard_fini) {
        f->ops->shard_fini(f->instance->self, f->shard_bytes);
    }
    check_guard_verify(&f->shard, f->ops->shard_size);
    check_guard_close(&f->shard);
    check_guard_close(&f->nodes);
}

mst_entry_info field_info(field *f, size_t entry)
{
    check_random *r = &f->k->random;
    return (mst_entry_info){.struct_size = sizeof(mst_entry_info),
                            .cost = (uint32_t) check_draw(r, 5),
                            .hash = f->entries[entry].hash,
                            .bytes = 64 + check_draw(r, 400),
                            .expires_ms =
                                check_draw(r, 2) ? 0 : check_clock_ms() + check_draw(r, 100000)};
}

bool field_insert(field *f, size_t entry)
{
    field_entry *e = &f->entries[entry];
    const mst_entry_info info = field_info(f, entry);
    check_doing(f->k, "admit()");
    if (f->ops->admit && !f->ops->admit(f->shard_bytes, &info)) {
        return false;
    }
    if (f->closes) {
        field_protect_node(f, entry, CHECK_OPEN);
    }
    memset(e->node, 0, f->ops->node_size);
    check_doing(f->k, "on_insert()");
    f->ops->on_insert(f->shard_bytes, e->node, &info);
    e->tracked = true;
    f->tracked++;
    return true;
}

void field_hit(field *f, size_t entry)
{
    mst_node *nodes[3] = {f->entries[entry].node, f->entries[entry].node, NULL};
    if (!f->ops->on_hit) {
        return;
    }
    if (!f->ops->on_hit_many || check_draw(&f->k->random, 3)) {
        check_doing(f->k, "on_hit()");
        f->ops->on_hit(f->shard_bytes, nodes[0]);
        return;
    }
    size_t other = check_draw(&f->k->random, f->count), n = 2;
    if (f->entries[other].tracked) {
        nodes[n++] = f->entries[other].node;
    }
    check_doing(f->k, "on_hit_many()");
    f->ops->on_hit_many(f->shard_bytes, nodes, n);
}

void field_update(field *f, size_t entry)
{
    const mst_entry_info info = field_info(f, entry);
    if (f->ops->on_update) {
        check_doing(f->k, "on_update()");
        f->ops->on_update(f->shard_bytes, f->entries[entry].node, &info);
    }
}

/* Its tracking has ended. */
static void gone(field *f, size_t entry)
{
    const uint8_t *page = page_of(f, entry);
    for (size_t i = AT - AROUND; i < AT + MST_NODE_SIZE_MAX + AROUND; i++) {
        bool own = i >= AT && i < AT + f->ops->node_size;
        if (!own && page[i] != PATTERN) {
            check_fail(f->k, "wrote outside of a node: at byte %d of one of %u", (int) i - AT,
                       f->ops->node_size);
        }
    }
    f->entries[entry].tracked = false;
    if (++f->order % 3 == 0) { /* another key; else it is the old one that comes back */
        f->entries[entry].hash = check_mix(f->entries[entry].hash);
    }
    f->tracked--;
    if (f->closes) {
        field_protect_node(f, entry, CHECK_CLOSED);
    }
}

void field_remove(field *f, size_t entry)
{
    int why = MST_GONE_DELETED + (int) check_draw(&f->k->random, MST_GONE_ROOM);
    check_doing(f->k, "on_remove()");
    f->ops->on_remove(f->shard_bytes, f->entries[entry].node, why);
    gone(f, entry);
}

size_t field_evict(field *f)
{
    check_doing(f->k, "evict() with %zu entries", f->tracked);
    mst_node *node = f->ops->evict(f->shard_bytes);
    if (!node) {
        if (f->tracked) {
            check_fail(f->k, "evict() returned nothing although %zu entries are tracked",
                       f->tracked);
        }
        return SIZE_MAX;
    }
    uintptr_t at = (uintptr_t) node - (uintptr_t) page_of(f, 0);
    if (at / PAGE >= f->count || at % PAGE != AT) {
        check_fail(f->k, "evict() returned something that is no node of the shard");
    }
    if (!f->entries[at / PAGE].tracked) {
        check_fail(f->k, "evict() returned an entry that was evicted or removed before");
    }
    gone(f, at / PAGE);
    return at / PAGE;
}

void field_step(field *f, check_random *r)
{
    size_t entry = check_draw(r, f->count);
    bool tracked = f->entries[entry].tracked;
    uint64_t what = check_draw(r, 100);
    if (!tracked && what < 70) {
        if (f->ops->on_miss) {
            check_doing(f->k, "on_miss()");
            f->ops->on_miss(f->shard_bytes, f->entries[entry].hash);
        }
        if (field_insert(f, entry) && f->tracked > f->max_entries) {
            field_evict(f);
        }
    } else if (tracked && what < 70) {
        field_hit(f, entry);
    } else if (tracked && what < 80) {
        field_update(f, entry);
    } else if (tracked && what < 95) {
        field_remove(f, entry);
    } else if (what > 96) {
        field_evict(f);
    }
}

void field_drain(field *f)
{
    while (f->tracked) {
        field_evict(f);
    }
    field_evict(f);
}
