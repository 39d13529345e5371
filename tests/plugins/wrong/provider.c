/* provider.c - a list in memory, in the three ways that a provider can be called: -DMODE=inproc,
 * blocking or later (answers come in a later turn of the loop). See fault.h. */
#include <memstache/provider.h>

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>

#include "fault.h"

enum { inproc, blocking, later };

struct list;

typedef struct entry {
    _Alignas(16) uint8_t node[MST_NODE_SIZE_MAX]; /* of the policy; first */
    struct entry *next;
    struct list *list;
    uint32_t space;
    _Atomic int refs; /* 1 while it is in the list, and one for each GET */
    uint64_t tag, expires, window, end, created;
    mst_object *object;
    const uint8_t *key; /* in bytes */
    size_t key_len, len;
    uint8_t bytes[]; /* the value, then the key */
} entry;

enum { QUEUE = 4096 };

typedef struct list {
    const mst_host *host;
    const mst_eviction_ops *policy;
    void *shard;    /* aligned, in ... */
    uint8_t *block; /* ... this */
    pthread_mutex_t mutex;
    entry *first;
    mst_op *queue[QUEUE];
    size_t queued;
    bool posted, stopping;
    mst_timer *timer;
} list;

/* ---- entries */

static void unref(void *owner)
{
    entry *e = owner;
    const mst_host *host = e->list->host;
    if (--e->refs == 0) {
        if (e->object) {
            e->object->release(e->object);
        }
        host->free(host, e);
    }
}

static void give_back(void *owner)
{
    const mst_host *host = ((entry *) owner)->list->host;
    unref(owner);
    if (!IS(no_retain)) {
        host->release(host);
    }
}

static entry **find(list *l, const mst_space *space, mst_slice key, uint64_t now)
{
    entry **at = &l->first;
    while (*at && ((*at)->space != space->id || (*at)->key_len != key.len ||
                   memcmp((*at)->key, key.data, key.len) != 0)) {
        at = &(*at)->next;
    }
    if (*at && (*at)->end && (*at)->end <= now && !IS(lives_for_ever)) {
        entry *over = *at;
        *at = over->next;
        if (l->policy) {
            l->policy->on_remove(l->shard, (mst_node *) over->node, MST_GONE_EXPIRED);
        }
        unref(over);
        return find(l, space, key, now);
    }
    return at;
}

static void drop(list *l, entry **at, int why)
{
    entry *e = *at;
    if (IS(no_lock)) {
        sched_yield();
    }
    *at = e->next;
    if (l->policy) {
        l->policy->on_remove(l->shard, (mst_node *) e->node, why);
        if (IS(hits_after_removal)) {
            l->policy->on_hit(l->shard, (mst_node *) e->node);
        }
    }
    unref(e);
}

static void set_end(entry *e, uint64_t now)
{
    e->end = e->expires;
    if (e->window && (!e->end || now + e->window < e->end)) {
        e->end = now + e->window;
    }
}

/* ---- operations */

static mst_status get(list *l, mst_op *op)
{
    entry *e = *find(l, op->space, op->key, op->now_ms);
    if (!e) {
        return MST_MISS;
    }
    if (!(op->flags & MST_OPF_PEEK) || IS(peek_renews)) {
        set_end(e, op->now_ms);
    }
    if (l->policy && !(op->flags & MST_OPF_PEEK)) {
        l->policy->on_hit(l->shard, (mst_node *) e->node);
    }
    op->expires_ms = e->end;
    op->created_ms = e->created;
    op->tag = e->tag;
    op->out_object = e->object;
    op->out = (mst_value){e->bytes, e->len - (IS(cuts_values) && e->len > 100), NULL, NULL};
    if (!IS(lends_its_own)) {
        e->refs++;
        if (!IS(no_retain)) {
            l->host->retain(l->host);
        }
        op->out.release = give_back;
        op->out.owner = e;
    }
    return MST_OK;
}

static entry *make(list *l, const mst_op *op)
{
    size_t len = 0, at = 0;
    for (uint32_t i = 0; i < op->value_parts; i++) {
        len += op->value[i].len;
    }
    entry *e = l->host->alloc(l->host, sizeof *e + len + op->key.len);
    if (!e) {
        return NULL;
    }
    memset(e, 0, sizeof *e);
    for (uint32_t i = 0; i < op->value_parts; i++) {
        if (op->value[i].len) {
            memcpy(e->bytes + at, op->value[i].data, op->value[i].len);
        }
        at += op->value[i].len;
    }
    memcpy(e->bytes + len, op->key.data, op->key.len);
    e->list = l;
    e->space = op->space->id;
    e->refs = 1;
    e->tag = op->tag;
    e->expires = op->expires_ms;
    e->window = op->sliding_ms;
    e->created = op->created_ms;
    e->object = op->object;
    e->key = IS(keeps_key) ? op->key.data : e->bytes + len;
    e->key_len = op->key.len;
    e->len = len;
    set_end(e, op->now_ms);
    return e;
}

static mst_status set(list *l, mst_op *op)
{
    entry **at = find(l, op->space, op->key, op->now_ms);
    bool holds = !((op->flags & MST_OPF_IF_ABSENT) && *at) &&
                 !((op->flags & MST_OPF_IF_PRESENT) && !*at) &&
                 !((op->flags & MST_OPF_IF_SAME) && op->same != *at && !IS(ignores_same));
    if (!holds && !IS(ignores_conditions)) {
        return MST_UNCHANGED;
    }
    entry *e = make(l, op);
    if (!e) {
        return MST_ENOMEM;
    }
    if (*at) {
        drop(l, at, MST_GONE_REPLACED);
    }
    if (e->object) {
        e->object->retain(e->object);
        if (IS(object_leaks)) {
            e->object->retain(e->object);
        }
    }
    if (l->policy) {
        const mst_entry_info info = {
            .struct_size = sizeof info, .hash = op->hash, .bytes = e->len + 1};
        l->policy->on_insert(l->shard, (mst_node *) e->node, &info);
    }
    e->next = l->first;
    l->first = e;
    return MST_OK;
}

static mst_status clear(list *l, const mst_space *space)
{
    for (entry **at = &l->first; *at;) {
        if (!space || (*at)->space == space->id || IS(clears_everything)) {
            drop(l, at, MST_GONE_CLEARED);
        } else {
            at = &(*at)->next;
        }
    }
    return MST_OK;
}

static mst_status run(list *l, mst_op *op)
{
    if (op->code == MST_OP_CLEAR) {
        return clear(l, op->space);
    }
    if (op->code == MST_OP_SET) {
        return set(l, op);
    }
    if (op->code == MST_OP_GET) {
        return get(l, op);
    }
    entry **at = find(l, op->space, op->key, op->now_ms);
    if (!*at) {
        return MST_MISS;
    }
    if (op->code == MST_OP_DEL) {
        drop(l, at, MST_GONE_DELETED);
    } else if (op->code == MST_OP_TOUCH) {
        (*at)->expires = op->expires_ms;
        (*at)->window = op->sliding_ms;
        set_end(*at, op->now_ms);
    } else {
        op->expires_ms = (*at)->end;
    }
    return MST_OK;
}

/* ---- answers that come later */

static void answer_queue(void *self)
{
    list *l = self;
    size_t n = l->queued;
    l->posted = false;
    l->queued = 0;
    for (size_t i = 0; i < n; i++) {
        mst_op *op = l->queue[i];
        mst_status status = l->stopping ? MST_ECLOSED : run(l, op);
        l->host->op_done(op, status);
        if (IS(completes_twice) && n > 100 && i == 50) {
            l->host->op_done(op, status);
        }
    }
    if (l->stopping) {
        l->host->stopped(l->host);
    }
}

static void put_off(list *l, mst_op *op)
{
    op->status = MST_PENDING;
    if (l->queued == QUEUE) {
        op->status = MST_EBUSY;
        return;
    }
    if (!l->posted && l->host->post(l->host, answer_queue, l) != MST_OK) {
        op->status = MST_ENOMEM;
        return;
    }
    l->posted = true;
    l->queue[l->queued++] = op;
}

static void submit(void *self, mst_op *const *ops, size_t n)
{
    list *l = self;
    mst_timer *timer;
    if (IS(works_elsewhere) && l->host->timer_open(l->host, NULL, NULL, &timer) == MST_OK) {
        l->host->timer_close(timer);
    }
    if (!IS(no_lock)) {
        pthread_mutex_lock(&l->mutex);
    }
    for (size_t i = 0; i < n; i++) {
        mst_op *op = ops[IS(reverses_batches) ? n - 1 - i : i];
        if (MODE == later) {
            put_off(l, op);
        } else if (!IS(no_status) || op->code != MST_OP_CLEAR) {
            op->status = run(l, op);
        }
    }
    if (!IS(no_lock)) {
        pthread_mutex_unlock(&l->mutex);
    }
}

static void cancel(void *self, mst_op *op)
{
    list *l = self;
    for (size_t i = 0; IS(cancel_forgets) && i < l->queued; i++) {
        if (l->queue[i] == op) {
            l->queue[i] = l->queue[--l->queued];
        }
    }
}

static mst_status lookup(void *self, const mst_lookup *q, mst_result *r)
{
    static const mst_space other = {sizeof other, 0, {NULL, 0}};
    list *l = self;
    mst_op op = {.struct_size = sizeof op,
                 .code = MST_OP_GET,
                 .space = IS(lookup_forgets_space) ? &other : q->asker->space,
                 .key = q->key,
                 .now_ms = q->now_ms};
    pthread_mutex_lock(&l->mutex);
    mst_status status = get(l, &op);
    pthread_mutex_unlock(&l->mutex);
    *r = (mst_result){.status = status,
                      .why = MST_WHY_HIT,
                      .data = op.out.data,
                      .len = op.out.len,
                      .age_ms = op.created_ms ? (int64_t) (op.now_ms - op.created_ms) : -1,
                      .ttl_ms = op.expires_ms ? (int64_t) (op.expires_ms - op.now_ms) : -1,
                      .release = op.out.release,
                      .owner = op.out.owner};
    return status;
}

/* ---- begin and end */

static mst_status init(void *self, const mst_host *host)
{
    list *l = self;
    l->host = host;
    pthread_mutex_init(&l->mutex, NULL);
    return MST_OK;
}

static void due(void *arg)
{
}

static mst_status start_policy(list *l, const mst_evictor *evictor)
{
    const mst_shard_info info = {.struct_size = sizeof info, .shard_count = 1};
    size_t size = evictor->ops->shard_size;
    l->block = l->host->alloc(l->host, size + 64);
    if (!l->block) {
        return MST_ENOMEM;
    }
    l->shard = l->block + (64 - (uintptr_t) l->block % 64) % 64;
    memset(l->shard, 0, size);
    l->policy = evictor->ops;
    return l->policy->shard_init ? l->policy->shard_init(evictor->self, l->shard, &info) : MST_OK;
}

static mst_status start(void *self, const mst_provider_env *env)
{
    list *l = self;
    if (IS(timer_stays_open) && l->host->timer_open(l->host, due, l, &l->timer) != MST_OK) {
        return MST_ENOMEM;
    }
    return env->evictor ? start_policy(l, env->evictor) : MST_OK;
}

static void stop(void *self)
{
    list *l = self;
    l->stopping = true;
    if (IS(stop_forgets)) {
        l->queued = 0;
    }
    if (!l->posted) {
        l->host->stopped(l->host);
    }
}

static void fini(void *self)
{
    list *l = self;
    clear(l, NULL);
    l->host->free(l->host, l->block);
    pthread_mutex_destroy(&l->mutex);
}

static const mst_provider_ops ops = {
    .struct_size = sizeof ops,
    .caps = MODE == inproc     ? MST_CAP_INPROC | MST_CAP_TTL | MST_CAP_OBJECT | MST_CAP_EVICTION
            : MODE == blocking ? MST_CAP_BLOCKING | MST_CAP_TTL
                               : MST_CAP_TTL,
    .op_codes = 1u << MST_OP_GET | 1u << MST_OP_SET | 1u << MST_OP_DEL | 1u << MST_OP_EXISTS |
                1u << MST_OP_TOUCH | 1u << MST_OP_CLEAR,
    .start = start,
    .submit = submit,
    .cancel = MODE == later ? cancel : NULL,
    .stop = MODE == blocking ? NULL : stop,
    .lookup = MODE == inproc ? lookup : NULL,
};

static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_PROVIDER,
    .kind_version = MST_PROVIDER_VERSION,
    .flags = MODE == inproc ? MST_PLUGIN_REENTRANT : 0,
    .instance_size = sizeof(list),
    .name = NAME,
    .version = "1.0",
    .author = "memstache",
    .license = "MIT",
    .summary = "A list in memory, for tests",
    .init = init,
    .fini = fini,
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
