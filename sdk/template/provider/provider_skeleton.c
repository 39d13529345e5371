/* provider_skeleton.c - a provider for memstache: where values are kept.
 *
 * It is of the simplest kind, MST_CAP_BLOCKING: the host calls submit() on a worker thread, one
 * batch at a time, and it may wait for whatever it likes. The back end is a table in memory, in
 * the first part of this file: put the calls of your library in its place. The second part answers
 * the operations of the host. <memstache/provider.h> tells of the other kinds, which are faster.
 */
#include <memstache/provider.h>
#include <stdbool.h>
#include <string.h>

/* An instance: zeroed, with the options stored, before any function is called. */
typedef struct instance {
    const mst_host *host;
    uint64_t max_value;
    struct row *rows[1 << 12];
} instance;

/* ---- the back end. Keys of different caches are told apart by the space: by its id here, and by
 * its prefix, a text to put before the key, wherever keys outlive the process. */

typedef struct row {
    struct row *next;
    uint32_t space;
    uint64_t hash; /* of space and key: the host knows it anyway */
    size_t key_len, value_len;
    char *key, *value; /* behind the row */
} row;

static bool is_of(const row *r, const mst_op *op)
{
    return r->hash == op->hash && r->space == op->space->id && r->key_len == op->key.len &&
           memcmp(r->key, op->key.data, r->key_len) == 0;
}

/* Where the row hangs; where it would, when there is none. */
static row **find(instance *in, const mst_op *op)
{
    row **at = &in->rows[op->hash % (sizeof in->rows / sizeof in->rows[0])];
    while (*at && !is_of(*at, op)) {
        at = &(*at)->next;
    }
    return at;
}

static void drop(instance *in, row **at)
{
    row *r = *at;
    *at = r->next;
    in->host->free(in->host, r);
}

static void drop_all(instance *in, const mst_space *space) /* NULL: of all spaces */
{
    for (size_t i = 0; i < sizeof in->rows / sizeof in->rows[0]; i++) {
        for (row **at = &in->rows[i]; *at;) {
            if (!space || (*at)->space == space->id) {
                drop(in, at);
            } else {
                at = &(*at)->next;
            }
        }
    }
}

static row *make(instance *in, const mst_op *op, size_t value_len)
{
    row *r = in->host->alloc(in->host, sizeof *r + op->key.len + value_len);
    if (r) {
        *r = (row){.space = op->space->id, .hash = op->hash, .key_len = op->key.len};
        r->key = (char *) (r + 1);
        r->value = r->key + op->key.len;
        memcpy(r->key, op->key.data, op->key.len);
        for (uint32_t i = 0; i < op->value_parts; r->value_len += op->value[i++].len) {
            if (op->value[i].len) {
                memcpy(r->value + r->value_len, op->value[i].data, op->value[i].len);
            }
        }
    }
    return r;
}

/* ---- the operations */

/* A value that is being read. It may come back when all else is closed, so it keeps the instance.
 */
typedef struct lent {
    const mst_host *host;
    char bytes[];
} lent;

static void give_back(void *owner)
{
    lent *l = owner;
    const mst_host *host = l->host;
    host->free(host, l);
    host->release(host);
}

static mst_status get(instance *in, mst_op *op)
{
    const row *r = *find(in, op);
    if (!r) {
        return MST_MISS;
    }
    lent *l = in->host->alloc(in->host, sizeof *l + r->value_len);
    if (!l) {
        return MST_ENOMEM;
    }
    l->host = in->host;
    memcpy(l->bytes, r->value, r->value_len);
    in->host->retain(in->host);
    op->out = (mst_value){l->bytes, r->value_len, give_back, l};
    return MST_OK;
}

static mst_status set(instance *in, const mst_op *op)
{
    row **at = find(in, op);
    if ((op->flags & MST_OPF_IF_ABSENT && *at) || (op->flags & MST_OPF_IF_PRESENT && !*at)) {
        return MST_UNCHANGED;
    }
    size_t len = 0;
    for (uint32_t i = 0; i < op->value_parts; i++) {
        len += op->value[i].len;
    }
    row *r = len <= in->max_value ? make(in, op, len) : NULL;
    if (*at) {
        drop(in, at); /* out of date, also when the new one cannot be kept */
    }
    if (!r) {
        return len <= in->max_value ? MST_ENOMEM : MST_ETOOBIG;
    }
    r->next = *at;
    *at = r;
    return MST_OK;
}

static mst_status del(instance *in, const mst_op *op)
{
    row **at = find(in, op);
    if (!*at) {
        return MST_MISS;
    }
    drop(in, at);
    return MST_OK;
}

static mst_status run(instance *in, mst_op *op)
{
    switch (op->code) {
    case MST_OP_GET:
        return get(in, op);
    case MST_OP_SET:
        return set(in, op);
    case MST_OP_DEL:
        return del(in, op);
    case MST_OP_CLEAR:
        drop_all(in, op->space);
        return MST_OK;
    default: /* not in op_codes: the host does not ask */
        return MST_ENOTSUP;
    }
}

static void submit(void *self, mst_op *const *ops, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ops[i]->status = run(self, ops[i]);
    }
}

/* ---- begin and end */

/* No files, no servers, no threads yet: a provider that needs some has a start() as well. What can
 * never work fails, after host->set_error(host, "why"). */
static mst_status init(void *self, const mst_host *host)
{
    ((instance *) self)->host = host;
    return MST_OK;
}

static void fini(void *self) /* also after an init() that failed */
{
    drop_all(self, NULL);
}

/* Checked and stored by the host; `memstache plugin info` prints them. */
static const mst_option options[] = {
    {.name = "max_value",
     .type = MST_OPT_SIZE,
     .offset = offsetof(instance, max_value),
     .def = "16MiB",
     .help = "Larger values are not kept."},
};

/* Without MST_CAP_TTL the host itself looks whether an entry is over; without MST_OP_TOUCH the end
 * of an entry cannot be changed. */
static const mst_provider_ops ops = {
    .struct_size = sizeof ops,
    .caps = MST_CAP_BLOCKING,
    .op_codes = 1u << MST_OP_GET | 1u << MST_OP_SET | 1u << MST_OP_DEL | 1u << MST_OP_CLEAR,
    .submit = submit,
};

/* No MST_PLUGIN_REENTRANT: one submit() at a time, so that nothing here needs a lock. */
static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_PROVIDER,
    .kind_version = MST_PROVIDER_VERSION,
    .instance_size = sizeof(instance),
    .name = "skeleton",
    .version = "0.1.0",
    .author = "you",
    .license = "MIT",
    .summary = "A table in memory",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .option_size = sizeof options[0],
    .init = init,
    .fini = fini,
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
