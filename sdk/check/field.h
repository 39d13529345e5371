/* field.h - the entries of one or more shards, as a policy sees them: nodes, each in a page of its
 * own, and the model of which of them are tracked. */
#ifndef MEMSTACHE_CHECK_FIELD_H
#define MEMSTACHE_CHECK_FIELD_H

#include "check.h"

enum { FIELD_SHARDS = 2 };

typedef struct field_entry {
    mst_node *node;
    uint64_t hash;
    bool tracked;
} field_entry;

typedef struct field {
    kit *k;
    check_instance *instance;
    const mst_eviction_ops *ops;
    uint32_t index;
    size_t count, tracked;
    uint64_t max_entries;
    field_entry *entries;
    check_guard shard, nodes;
    void *shard_bytes;
    bool closes;    /* nodes that are not tracked cannot be touched; else they stay as they are */
    uint32_t order; /* how many have gone */
} field;

/* Shard `index` with room for `count` entries; `max` of them before the provider would evict.
 * shard_init() is the caller's: field_start(). */
void field_open(kit *, field *, check_instance *, uint32_t index, size_t count, uint64_t max);
mst_status field_start(field *);
void field_close(field *); /* shard_fini(); everything must be as it should */

/* Operations, each checked against the model; entries by their number. */
mst_entry_info field_info(field *, size_t entry);
bool field_insert(field *, size_t entry); /* false: the policy did not admit it */
void field_hit(field *, size_t entry);
void field_update(field *, size_t entry);
void field_remove(field *, size_t entry);
size_t field_evict(field *); /* SIZE_MAX: there was nothing to evict */

/* All that belongs to the shard: its own bytes and the nodes. */
void field_protect(field *, int how);
/* Of one entry only. */
void field_protect_node(field *, size_t entry, int how);

/* Something at random: an insert, a hit, a removal ... */
void field_step(field *, check_random *);
void field_drain(field *);

#endif
