/* rig.c - see rig.h. */
#include "rig.h"

#include <string.h>

const mst_space rig_space = {.struct_size = sizeof rig_space, .id = 1};

const mst_eviction_ops *rig_policy(const mst_module *module)
{
    return module->plugins[0]->ops;
}

void rig_open(rig *r, const rig_setup *setup)
{
    memset(r, 0, sizeof *r);
    fake_host_init(&r->host, "provider.memory");
    r->plugin = memstache_module_provider_memory.plugins[0];
    r->ops = r->plugin->ops;
    r->self = fake_instance_new(r->plugin);
    r->evictor.ops = setup->policy ? setup->policy : rig_policy(&memstache_module_eviction_lru);
    r->evictor.self = setup->policy_self;
    r->init = r->start = MST_ENOMEM;
    if (!r->self) {
        return;
    }
    if (setup->max_bytes) {
        fake_instance_set(r->plugin, r->self, "max_bytes", setup->max_bytes);
    }
    fake_instance_set(r->plugin, r->self, "max_entries", setup->max_entries);
    fake_instance_set(r->plugin, r->self, "shards", setup->shards);
    r->init = r->plugin->init(r->self, &r->host.host);
    if (r->init != MST_OK) {
        return;
    }
    const mst_provider_env env = {
        .struct_size = sizeof env,
        .evictor = setup->no_policy ? NULL : &r->evictor,
    };
    atomic_store(&r->host.fail_in, setup->fail_at - 1);
    r->start = r->ops->start(r->self, &env);
}

void rig_stop(rig *r)
{
    if (r->init == MST_OK) {
        r->ops->stop(r->self);
    }
}

bool rig_free(rig *r)
{
    if (r->plugin->fini) {
        r->plugin->fini(r->self);
    }
    fake_instance_free(r->self);
    return atomic_load(&r->host.blocks) == 0 && atomic_load(&r->host.stopped) == 1;
}

bool rig_close(rig *r)
{
    rig_stop(r);
    return rig_free(r);
}

uint64_t rig_hash(const mst_space *space, mst_slice key)
{
    uint64_t x = 0x9e3779b97f4a7c15u * (space->id + 1);
    for (size_t i = 0; i < key.len; i++) {
        x = (x ^ ((const uint8_t *) key.data)[i]) * 0x100000001b3u;
    }
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

mst_slice rig_text(const char *text)
{
    return (mst_slice){text, strlen(text)};
}

mst_op rig_op(rig *r, uint16_t code, const mst_space *space, mst_slice key)
{
    return (mst_op){
        .struct_size = sizeof(mst_op),
        .code = code,
        .status = MST_PENDING,
        .hash = rig_hash(space, key),
        .space = space,
        .key = key,
        .now_ms = atomic_load(&r->host.now_ms),
        .expires_ms = code == MST_OP_GET || code == MST_OP_EXISTS ? MST_TIME_UNKNOWN : 0,
    };
}

mst_status rig_run(rig *r, mst_op *op)
{
    r->ops->submit(r->self, &op, 1);
    return op->status;
}

mst_status rig_set_for(rig *r, const char *key, const char *value, uint64_t ms, uint64_t sliding)
{
    mst_op op = rig_op(r, MST_OP_SET, &rig_space, rig_text(key));
    mst_slice part = rig_text(value);
    op.value = &part;
    op.value_parts = 1;
    op.expires_ms = ms ? op.now_ms + ms : 0;
    op.sliding_ms = sliding;
    return rig_run(r, &op);
}

mst_status rig_set(rig *r, const char *key, const char *value)
{
    return rig_set_for(r, key, value, 0, 0);
}

mst_status rig_del(rig *r, const char *key)
{
    mst_op op = rig_op(r, MST_OP_DEL, &rig_space, rig_text(key));
    return rig_run(r, &op);
}

mst_op rig_get(rig *r, const char *key)
{
    mst_op op = rig_op(r, MST_OP_GET, &rig_space, rig_text(key));
    rig_run(r, &op);
    return op;
}

mst_lookup rig_question(const mst_op *op, mst_asker *asker)
{
    asker->struct_size = sizeof *asker;
    asker->space = op->space;
    return (mst_lookup){.hash = op->hash, .key = op->key, .now_ms = op->now_ms, .asker = asker};
}

mst_status rig_answer(mst_op *op, const mst_result *result)
{
    op->status = result->status;
    if (op->status == MST_OK) {
        op->out = (mst_value){result->data, result->len, result->release, result->owner};
        op->expires_ms = result->ttl_ms < 0 ? 0 : op->now_ms + (uint64_t) result->ttl_ms;
        op->created_ms = result->age_ms < 0 ? 0 : op->now_ms - (uint64_t) result->age_ms;
    }
    return op->status;
}

mst_status rig_look(rig *r, mst_op *op, mst_asker *asker)
{
    mst_asker stranger = {0};
    mst_lookup question = rig_question(op, asker ? asker : &stranger);
    mst_result answer;
    memset(&answer, 0xa5, sizeof answer); /* nothing of it is set beforehand */
    mst_status status = r->ops->lookup(r->self, &question, &answer);
    if (status == MST_ENOTSUP) {
        return rig_run(r, op);
    }
    answer.status = status == MST_OK ? answer.status : status;
    return rig_answer(op, &answer);
}

void rig_release(mst_op *op)
{
    if (op->out.release) {
        op->out.release(op->out.owner);
        op->out.release = NULL;
    }
}

bool rig_has(rig *r, const char *key, const char *value)
{
    mst_op op = rig_get(r, key);
    bool has = op.status == MST_OK && op.out.len == strlen(value) &&
               memcmp(op.out.data, value, op.out.len) == 0;
    rig_release(&op);
    return has;
}

bool rig_exists(rig *r, const char *key)
{
    mst_op op = rig_op(r, MST_OP_EXISTS, &rig_space, rig_text(key));
    return rig_run(r, &op) == MST_OK;
}

typedef struct wanted {
    const char *name;
    uint64_t value;
} wanted;

static void pick(void *arg, const char *name, uint64_t value)
{
    wanted *w = arg;
    if (strcmp(w->name, name) == 0) {
        w->value = value;
    }
}

uint64_t rig_stat(rig *r, const char *name)
{
    wanted w = {name, UINT64_MAX};
    r->ops->stats(r->self, pick, &w);
    return w.value;
}

void rig_pass_ms(rig *r, uint64_t ms)
{
    atomic_fetch_add(&r->host.now_ms, ms);
}
