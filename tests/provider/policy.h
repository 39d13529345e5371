/* policy.h - an eviction policy without a provider: a shard of it, and entries that are nothing but
 * nodes. What a policy must not touch is poisoned. */
#ifndef POLICY_H
#define POLICY_H

#include <memstache/eviction.h>

#include "fixtures/fake_host.h"

enum { POLICY_ENTRIES = 8192 };

typedef struct entry {
    _Alignas(MST_NODE_ALIGN_MAX) uint8_t node[MST_NODE_SIZE_MAX];
    bool tracked;
} entry;

typedef struct policy {
    fake_host host;
    const mst_plugin *plugin;
    const mst_eviction_ops *ops;
    void *self, *shard;
    entry *entries; /* POLICY_ENTRIES of them */
} policy;

/* With a bound of `max_entries` (0: only one in bytes); ends the test when that fails. */
void policy_open(policy *, const mst_module *, uint64_t max_entries, uint64_t seed);
/* The same, with allocation number `fail_at` of it failing (0: none); how shard_init() went. */
mst_status policy_try(policy *, const mst_module *, uint64_t max_entries, int64_t fail_at);
/* Checks that no memory is left. */
void policy_close(policy *);

void policy_insert(policy *, entry *);
void policy_insert_with(policy *, entry *, const mst_entry_info *);
void policy_hit(policy *, entry *);
/* NULL: nothing is tracked. Checks that the victim was. */
entry *policy_evict(policy *);
void policy_drop(policy *, entry *);
uint64_t policy_hash(const policy *, const entry *);

#endif
