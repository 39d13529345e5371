/* provider_mymemory.c - a near tier: values in a hash table of this process.
 *
 * It answers inside submit(), on the thread of whoever asks (MST_CAP_INPROC), under one lock, and
 * lends what it holds instead of copying it: entries are counted references. What it does not
 * have: a bound, which takes an eviction policy, and expiry, so that the host looks for the end of
 * an entry in its envelope. The provider `memory` that comes with memstache has both.
 */
#include <memstache/provider.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { BUCKETS = 1 << 16 };

typedef struct entry {
    struct entry *next;
    const mst_host *host;
    atomic_uint references; /* the table's, and one for each reader */
    uint32_t space;
    uint64_t hash, tag;
    size_t key_len, value_len;
    char bytes[]; /* of the key, then of the value */
} entry;

typedef struct memory {
    const mst_host *host;
    pthread_mutex_t lock;
    entry *buckets[BUCKETS];
} memory;

static void unref(entry *e)
{
    if (atomic_fetch_sub(&e->references, 1) == 1) {
        e->host->free(e->host, e);
    }
}

/* A reader may come back late, when all else is closed: until then it keeps the instance. */
static void give_back(void *owner)
{
    const mst_host *host = ((entry *) owner)->host;
    unref(owner);
    host->release(host);
}

static mst_status drop(entry **at)
{
    entry *e = *at;
    if (!e) {
        return MST_MISS;
    }
    *at = e->next;
    unref(e);
    return MST_OK;
}

/* Where the entry of the op hangs; where the next one would, when there is none. */
static entry **find(memory *m, const mst_op *op)
{
    entry **at = &m->buckets[op->hash % BUCKETS];
    while (*at && ((*at)->hash != op->hash || (*at)->space != op->space->id ||
                   (*at)->key_len != op->key.len ||
                   memcmp((*at)->bytes, op->key.data, op->key.len) != 0)) {
        at = &(*at)->next;
    }
    return at;
}

static mst_status get(entry *e, mst_op *op)
{
    if (!e) {
        return MST_MISS;
    }
    atomic_fetch_add(&e->references, 1);
    e->host->retain(e->host);
    op->out = (mst_value){e->bytes + e->key_len, e->value_len, give_back, e};
    op->tag = e->tag;
    return MST_OK;
}

static entry *make(const mst_host *host, const mst_op *op)
{
    size_t len = 0;
    for (uint32_t i = 0; i < op->value_parts; i++) {
        len += op->value[i].len;
    }
    entry *e = host->alloc(host, sizeof *e + op->key.len + len);
    if (!e) {
        return NULL;
    }
    *e = (entry){NULL, host, 1, op->space->id, op->hash, op->tag, op->key.len, len};
    memcpy(e->bytes, op->key.data, op->key.len);
    char *to = e->bytes + op->key.len;
    for (uint32_t i = 0; i < op->value_parts; to += op->value[i++].len) {
        if (op->value[i].len) {
            memcpy(to, op->value[i].data, op->value[i].len);
        }
    }
    return e;
}

/* The old value is out of date from now on, also when there is no memory for the new one. */
static mst_status set(memory *m, entry **at, const mst_op *op)
{
    if ((op->flags & MST_OPF_IF_ABSENT && *at) || (op->flags & MST_OPF_IF_PRESENT && !*at) ||
        (op->flags & MST_OPF_IF_SAME && *at != op->same)) {
        return MST_UNCHANGED;
    }
    entry *e = make(m->host, op);
    drop(at);
    if (!e) {
        return MST_ENOMEM;
    }
    e->next = *at;
    *at = e;
    return MST_OK;
}

/* NULL: all spaces. */
static mst_status clear(memory *m, const mst_space *space)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        for (entry **at = &m->buckets[i]; *at;) {
            if (!space || (*at)->space == space->id) {
                drop(at);
            } else {
                at = &(*at)->next;
            }
        }
    }
    return MST_OK;
}

static mst_status run(memory *m, mst_op *op)
{
    switch (op->code) {
    case MST_OP_GET:
        return get(*find(m, op), op);
    case MST_OP_SET:
        return set(m, find(m, op), op);
    case MST_OP_DEL:
        return drop(find(m, op));
    default: /* no other is in op_codes */
        return clear(m, op->space);
    }
}

static void submit(void *self, mst_op *const *ops, size_t n)
{
    memory *m = self;
    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < n; i++) {
        ops[i]->status = run(m, ops[i]);
    }
    pthread_mutex_unlock(&m->lock);
}

static mst_status init(void *self, const mst_host *host)
{
    memory *m = self;
    m->host = host;
    return pthread_mutex_init(&m->lock, NULL) == 0 ? MST_OK : MST_ENOMEM;
}

static void fini(void *self)
{
    clear(self, NULL);
    pthread_mutex_destroy(&((memory *) self)->lock);
}

static const mst_provider_ops ops = {
    .struct_size = sizeof ops,
    .caps = MST_CAP_INPROC,
    .op_codes = 1u << MST_OP_GET | 1u << MST_OP_SET | 1u << MST_OP_DEL | 1u << MST_OP_CLEAR,
    .submit = submit,
};

static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_PROVIDER,
    .kind_version = MST_PROVIDER_VERSION,
    .flags = MST_PLUGIN_REENTRANT,
    .instance_size = sizeof(memory),
    .name = "mymemory",
    .version = "1.0.0",
    .author = "you",
    .license = "MIT",
    .summary = "A hash table in this process, without a bound",
    .init = init,
    .fini = fini,
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
