/* policy.c - see policy.h. */
#include "provider/policy.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { POISON = 0xdd, NODE_UNIT = 3 };

static mst_status start(policy *p, const mst_module *module, uint64_t max_entries, uint64_t seed,
                        int64_t fail_at)
{
    memset(p, 0, sizeof *p);
    fake_host_init(&p->host, "eviction.x");
    p->plugin = module->plugins[0];
    p->ops = p->plugin->ops;
    cr_assert_leq(p->ops->node_size, MST_NODE_SIZE_MAX);
    p->self = fake_instance_new(p->plugin);
    cr_assert(p->self);
    if (p->plugin->init) {
        cr_assert_eq(p->plugin->init(p->self, &p->host.host), MST_OK);
    }
    size_t size = (p->ops->shard_size + 63u) / 64 * 64;
    p->shard = aligned_alloc(64, size);
    p->entries = aligned_alloc(64, POLICY_ENTRIES * sizeof *p->entries);
    cr_assert(p->shard && p->entries);
    memset(p->shard, 0, size);
    memset(p->entries, POISON, POLICY_ENTRIES * sizeof *p->entries);
    for (int i = 0; i < POLICY_ENTRIES; i++) {
        p->entries[i].tracked = false;
    }
    const mst_shard_info info = {.struct_size = sizeof info,
                                 .shard_count = 1,
                                 .max_bytes = 1 << 20,
                                 .max_entries = max_entries,
                                 .seed = seed,
                                 .node_base = p->entries - 1,
                                 .node_unit = NODE_UNIT};
    atomic_store(&p->host.fail_in, fail_at - 1);
    mst_status status = p->ops->shard_init ? p->ops->shard_init(p->self, p->shard, &info) : MST_OK;
    atomic_store(&p->host.fail_in, -1);
    return status;
}

mst_status policy_try(policy *p, const mst_module *module, uint64_t max_entries, int64_t fail_at)
{
    return start(p, module, max_entries, 7, fail_at);
}

void policy_open(policy *p, const mst_module *module, uint64_t max_entries, uint64_t seed)
{
    cr_assert_eq(start(p, module, max_entries, seed, 0), MST_OK);
}

void policy_close(policy *p)
{
    if (p->ops->shard_fini) {
        p->ops->shard_fini(p->self, p->shard);
    }
    if (p->plugin->fini) {
        p->plugin->fini(p->self);
    }
    cr_assert_eq(atomic_load(&p->host.blocks), 0);
    fake_instance_free(p->self);
    free(p->shard);
    free(p->entries);
}

uint64_t policy_hash(const policy *p, const entry *e)
{
    uint64_t x = (uint64_t) (e - p->entries + 1) * 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 31) * 0xbf58476d1ce4e5b9u;
    return x ^ x >> 29;
}

/* What was not tracked must be as it was left. */
void policy_insert_with(policy *p, entry *e, const mst_entry_info *info)
{
    cr_assert_not(e->tracked);
    for (uint32_t i = 0; i < sizeof e->node; i++) {
        cr_assert_eq(e->node[i], POISON, "byte %u of a node was written after its time", i);
    }
    memset(e->node, 0, p->ops->node_size);
    p->ops->on_insert(p->shard, (mst_node *) e->node, info);
    e->tracked = true;
}

void policy_insert(policy *p, entry *e)
{
    const mst_entry_info info = {
        .struct_size = sizeof info, .bytes = 100, .hash = policy_hash(p, e)};
    policy_insert_with(p, e, &info);
}

void policy_hit(policy *p, entry *e)
{
    cr_assert(e->tracked);
    if (p->ops->on_hit) {
        p->ops->on_hit(p->shard, (mst_node *) e->node);
    }
}

static void forget(policy *p, entry *e)
{
    for (uint32_t i = p->ops->node_size; i < sizeof e->node; i++) {
        cr_assert_eq(e->node[i], POISON, "byte %u is beyond the node", i);
    }
    memset(e->node, POISON, sizeof e->node);
    e->tracked = false;
}

static void check_likely_victim(const policy *p)
{
    if (p->ops->likely_victim) {
        const entry *e = (const entry *) p->ops->likely_victim(p->shard);
        cr_assert(!e || (e >= p->entries && e < p->entries + POLICY_ENTRIES && e->tracked));
    }
}

entry *policy_evict(policy *p)
{
    check_likely_victim(p);
    entry *e = (entry *) p->ops->evict(p->shard);
    if (e) {
        cr_assert(e >= p->entries && e < p->entries + POLICY_ENTRIES);
        cr_assert(e->tracked, "evicted twice, or after it was removed");
        forget(p, e);
    }
    return e;
}

void policy_drop(policy *p, entry *e)
{
    cr_assert(e->tracked);
    p->ops->on_remove(p->shard, (mst_node *) e->node, MST_GONE_DELETED);
    forget(p, e);
}
