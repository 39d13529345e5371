/* rig.h - the provider "memory" with a policy of the test's choice, on a fake host, driven by ops.
 */
#ifndef RIG_H
#define RIG_H

#include <memstache/provider.h>

#include "fixtures/fake_host.h"

extern const mst_module memstache_module_provider_memory;
extern const mst_module memstache_module_eviction_lru;
extern const mst_module memstache_module_eviction_random;
extern const mst_module memstache_module_eviction_sieve;
extern const mst_module memstache_module_eviction_clock;

typedef struct rig {
    fake_host host;
    const mst_plugin *plugin;
    const mst_provider_ops *ops;
    void *self;
    mst_evictor evictor;
    mst_status init, start;
} rig;

typedef struct rig_setup {
    uint64_t max_bytes, max_entries, shards; /* 0: the default */
    const mst_eviction_ops *policy;          /* NULL: lru */
    void *policy_self;
    int64_t fail_at; /* this allocation of start() fails, from 1 on; 0: none */
    bool no_policy;
} rig_setup;

const mst_eviction_ops *rig_policy(const mst_module *);

/* Runs init() and start(), and says how they went in rig->init and rig->start. */
void rig_open(rig *, const rig_setup *);
/* stop() and fini(); true when stopped() was called once and no block is left. */
bool rig_close(rig *);
/* Only stop(): results may still be held. */
void rig_stop(rig *);
/* What remains after rig_stop(): true when no block is left. */
bool rig_free(rig *);

extern const mst_space rig_space; /* id 1 */

uint64_t rig_hash(const mst_space *, mst_slice key);
mst_slice rig_text(const char *);
/* An op with the host's time, and its results as the host initialises them. */
mst_op rig_op(rig *, uint16_t code, const mst_space *, mst_slice key);
mst_status rig_run(rig *, mst_op *);

/* The same with texts, in rig_space. */
mst_status rig_set(rig *, const char *key, const char *value);
mst_status rig_set_for(rig *, const char *key, const char *value, uint64_t ms, uint64_t sliding);
mst_status rig_del(rig *, const char *key);
/* Is it there with this value? Releases it again. */
bool rig_has(rig *, const char *key, const char *value);
mst_op rig_get(rig *, const char *key); /* to be released */
/* As a question of lookup(), by an asker that is in the space of the op from now on. */
mst_lookup rig_question(const mst_op *, mst_asker *);
/* What a GET would have set in the op. */
mst_status rig_answer(mst_op *, const mst_result *);
/* A GET by lookup(), told as a GET would tell it; by a GET when lookup() asks for one. NULL: by a
 * thread that has not asked before. */
mst_status rig_look(rig *, mst_op *, mst_asker *);
void rig_release(mst_op *);
/* EXISTS: no effect on the policy. */
bool rig_exists(rig *, const char *key);

uint64_t rig_stat(rig *, const char *name);
void rig_pass_ms(rig *, uint64_t ms);

#endif
