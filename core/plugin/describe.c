/* describe.c - is this plugin what its kind has to be? Its ops, as a complete struct of ours.
 *
 * A plugin may have been compiled with shorter structs than the host's. That is dealt with here,
 * once: the ops are copied over zeros, so that a member which the plugin does not know is an op
 * which it does not have, and nobody asks for struct_size again. What is missing, contradictory or
 * beyond a limit is refused here, too, with the words that its author needs.
 *
 * One row of `kinds` and one table of required ops is all that a kind needs.
 */
#include <string.h>

#include "config/settings.h"
#include "plugin/load.h"

enum {
    INSTANCE_MAX = 16 << 20, /* more is an uninitialised number rather than a need */
    SHARD_MAX = 16 << 20,
    OP_PRIV_MAX = 4096,
    OPTIONS_MAX = 256
};

/* What is being described, for messages. */
typedef struct subject {
    const mst_plugin *plugin;
    const char *file, *kind;
    mst_error *error;
} subject;

static mst_status refuse(const subject *s, const char *format, ...) MSI_PRINTF(2, 3);

static mst_status refuse(const subject *s, const char *format, ...)
{
    char why[sizeof s->error->text];
    msi_text t;
    va_list args;
    msi_text_init(&t, why, sizeof why);
    va_start(args, format);
    msi_text_addv(&t, format, args);
    va_end(args);
    return msi_error(s->error, MST_EPLUGIN, "%s%s%s \"%s\": %s", s->file ? s->file : "",
                     s->file ? ": " : "", s->kind, s->plugin->name, why);
}

/* ---- ops */

typedef struct required_op {
    const char *name;
    size_t offset;
} required_op;

#define REQUIRED(type, member)                                                                     \
    {                                                                                              \
#member, offsetof(type, member)                                                            \
    }
static const required_op serializer_ops[] = {
    REQUIRED(mst_serializer_ops, encode),
    REQUIRED(mst_serializer_ops, decode),
    REQUIRED(mst_serializer_ops, destroy),
    {NULL, 0},
};
static const required_op compressor_ops[] = {
    REQUIRED(mst_compressor_ops, bound),
    REQUIRED(mst_compressor_ops, compress),
    REQUIRED(mst_compressor_ops, decompress),
    {NULL, 0},
};
static const required_op provider_ops[] = {
    REQUIRED(mst_provider_ops, submit),
    {NULL, 0},
};
static const required_op eviction_ops[] = {
    REQUIRED(mst_eviction_ops, on_insert),
    REQUIRED(mst_eviction_ops, on_remove),
    REQUIRED(mst_eviction_ops, evict),
    {NULL, 0},
};

static const required_op exporter_ops[] = {
    REQUIRED(mst_exporter_ops, start),
    {NULL, 0},
};

static mst_status check_wire_id(const subject *s, uint32_t id)
{
    if (id < 1 || id > MST_WIRE_ID_MAX) {
        return refuse(s, "wire_id %u is not within 1..%u", id, MST_WIRE_ID_MAX);
    }
    return MST_OK;
}

static mst_status check_serializer(const subject *s, msi_plugin *p)
{
    return check_wire_id(s, p->ops.serializer.wire_id);
}

static mst_status check_compressor(const subject *s, msi_plugin *p)
{
    return check_wire_id(s, p->ops.compressor.wire_id);
}

static mst_status check_inproc(const subject *s, const mst_provider_ops *ops)
{
    if (!(s->plugin->flags & MST_PLUGIN_REENTRANT)) {
        return refuse(s, "MST_CAP_INPROC needs the flag MST_PLUGIN_REENTRANT");
    }
    if (ops->caps & MST_CAP_BLOCKING) {
        return refuse(s, "MST_CAP_INPROC and MST_CAP_BLOCKING exclude each other");
    }
    if (ops->op_priv_size) {
        return refuse(s, "op_priv_size must be 0 with MST_CAP_INPROC");
    }
    return MST_OK;
}

static mst_status check_provider(const subject *s, msi_plugin *p)
{
    const mst_provider_ops *ops = &p->ops.provider;
    const uint32_t caps =
        MST_CAP_INPROC | MST_CAP_EVICTION | MST_CAP_TTL | MST_CAP_OBJECT | MST_CAP_BLOCKING;
    const uint32_t codes = 1u << MST_OP_GET | 1u << MST_OP_SET | 1u << MST_OP_DEL |
                           1u << MST_OP_EXISTS | 1u << MST_OP_TOUCH | 1u << MST_OP_CLEAR;
    if (ops->caps & ~caps) {
        return refuse(s, "caps has unknown bits (%#x)", ops->caps & ~caps);
    }
    if (ops->op_codes & ~codes || !(ops->op_codes & 1u << MST_OP_GET)) {
        return refuse(s, "op_codes is %#x; it must be a sum of 1u << MST_OP_*, with MST_OP_GET",
                      ops->op_codes);
    }
    if (ops->op_priv_size > OP_PRIV_MAX) {
        return refuse(s, "op_priv_size %u is more than %d", ops->op_priv_size, OP_PRIV_MAX);
    }
    if (ops->lookup_many && !ops->lookup) {
        return refuse(s, "lookup_many needs a lookup beside it");
    }
    if (ops->caps & MST_CAP_INPROC) {
        return check_inproc(s, ops);
    }
    if (ops->lookup) {
        return refuse(s, "lookup needs MST_CAP_INPROC");
    }
    if (ops->shrink) {
        return refuse(s, "shrink needs MST_CAP_INPROC");
    }
    if (ops->expect) {
        return refuse(s, "expect needs MST_CAP_INPROC");
    }
    if (ops->caps & MST_CAP_OBJECT) {
        return refuse(s, "MST_CAP_OBJECT needs MST_CAP_INPROC");
    }
    return MST_OK;
}

static mst_status check_eviction(const subject *s, msi_plugin *p)
{
    mst_eviction_ops *ops = &p->ops.eviction;
    uint32_t mode = ops->hit_mode & MST_HIT_MODE;
    if (!mode || ops->hit_mode & ~(uint32_t) (MST_HIT_MODE | MST_HIT_LOSSY)) {
        return refuse(s,
                      "hit_mode is %#x; it must be one of MST_HIT_NONE, _SHARED, _EXCLUSIVE, and "
                      "may add _LOSSY",
                      ops->hit_mode);
    }
    if (mode == MST_HIT_NONE ? ops->on_hit || ops->on_hit_many : !ops->on_hit) {
        return refuse(s, mode == MST_HIT_NONE ? "hit_mode is MST_HIT_NONE, but there is an on_hit"
                                              : "required op on_hit is missing");
    }
    if (ops->node_size > MST_NODE_SIZE_MAX) {
        return refuse(s, "node_size %u is more than %d", ops->node_size, MST_NODE_SIZE_MAX);
    }
    if (ops->node_align == 0 && ops->node_size == 0) {
        ops->node_align = 1;
    }
    if (ops->node_align == 0 || ops->node_align & (ops->node_align - 1) ||
        ops->node_align > MST_NODE_ALIGN_MAX) {
        return refuse(s, "node_align %u is not 1, 2, 4, 8 or %d", ops->node_align,
                      MST_NODE_ALIGN_MAX);
    }
    if (ops->reads_max &&
        (mode != MST_HIT_SHARED || ops->reads_max > UINT8_MAX || ops->reads_at >= ops->node_size)) {
        return refuse(s,
                      "reads_max %u with reads_at %u; it needs MST_HIT_SHARED, is at most %d, and "
                      "is for one byte of the node's %u",
                      ops->reads_max, ops->reads_at, UINT8_MAX, ops->node_size);
    }
    if (ops->shard_size > SHARD_MAX) {
        return refuse(s, "shard_size %u is more than %d", ops->shard_size, SHARD_MAX);
    }
    return MST_OK;
}

static mst_status check_exporter(const subject *s, msi_plugin *p)
{
    if (p->ops.exporter.spans && !(s->plugin->flags & MST_PLUGIN_REENTRANT)) {
        return refuse(s, "spans needs the flag MST_PLUGIN_REENTRANT");
    }
    return MST_OK;
}

typedef struct kind_row {
    uint16_t kind, version;
    size_t ops_size;
    const required_op *required;
    mst_status (*check)(const subject *, msi_plugin *);
} kind_row;

#define KIND_ROW(id, number, name, version)                                                        \
    {id, version, sizeof(mst_##name##_ops), name##_ops, check_##name},
static const kind_row kinds[] = {MST_KIND_MAP(KIND_ROW)};

static const kind_row *find_kind(uint16_t kind)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].kind == kind) {
            return &kinds[i];
        }
    }
    return NULL;
}

typedef void (*any_function)(void);

/* The required ops stand in the order of the struct, so the last one tells the least size. */
static mst_status check_ops(const subject *s, const kind_row *row, msi_plugin *out)
{
    uint32_t size;
    if (!s->plugin->ops) {
        return refuse(s, "has no ops");
    }
    memcpy(&size, s->plugin->ops, sizeof size); /* struct_size is the first member of all */
    size_t needed = 0;
    for (const required_op *op = row->required; op->name; op++) {
        needed = op->offset + sizeof(any_function);
    }
    if (size < needed) {
        return refuse(s, "short struct: its ops have %u bytes, this host needs %zu", size, needed);
    }
    memcpy(&out->ops, s->plugin->ops, size < row->ops_size ? size : row->ops_size);
    for (const required_op *op = row->required; op->name; op++) {
        any_function function;
        memcpy(&function, (const char *) &out->ops + op->offset, sizeof function);
        if (!function) {
            return refuse(s, "required op %s is missing", op->name);
        }
    }
    return row->check(s, out);
}

/* ---- options */

static mst_status check_options(const subject *s)
{
    const mst_plugin *p = s->plugin;
    char text[512];
    msi_text why;
    if (p->option_count == 0) {
        return MST_OK;
    }
    if (!p->options || p->option_count > OPTIONS_MAX) {
        return refuse(s, "option_count is %u, %s", p->option_count,
                      p->options ? "which is too many" : "but there is no table");
    }
    if (p->option_size < sizeof(mst_option)) {
        return refuse(s, "short struct: its options have %u bytes, this host needs %zu",
                      p->option_size, sizeof(mst_option));
    }
    msi_option_set own = {p->options, p->option_count, p->option_size, NULL};
    msi_text_init(&why, text, sizeof text);
    if (msi_option_lint(&own, p->instance_size, &why)) {
        return refuse(s, "%s", text);
    }
    msi_option_set core = msi_kind_options(p->kind, NULL);
    for (uint32_t i = 0; i < own.count; i++) {
        const char *name = msi_option_at(&own, i)->name;
        if (msi_option_find(&core, name)) {
            return refuse(s, "option \"%s\" is one of the host's own", name);
        }
    }
    return MST_OK;
}

/* ---- the descriptor */

static mst_status check_descriptor(const subject *s, const kind_row *row)
{
    const mst_plugin *p = s->plugin;
    const char *why;
    if (!msi_name_ok(p->name, &why)) {
        return refuse(s, "its name %s", why);
    }
    if (!p->version || !p->author || !p->license || !p->summary) {
        return refuse(s, "version, author, license and summary must be given");
    }
    if (p->kind_version < 1 || p->kind_version > row->version) {
        return refuse(s, "built for version %u of its kind, this host knows %u; rebuild the plugin",
                      p->kind_version, row->version);
    }
    if (p->flags & ~(uint32_t) MST_PLUGIN_REENTRANT) {
        return refuse(s, "flags has unknown bits (%#x)", p->flags);
    }
    if (p->instance_size > INSTANCE_MAX) {
        return refuse(s, "instance_size %u is more than %d", p->instance_size, INSTANCE_MAX);
    }
    return MST_OK;
}

mst_status msi_plugin_describe(const mst_plugin *p, const char *file, msi_plugin *out,
                               mst_error *error)
{
    const char *front = file ? file : "", *colon = file ? ": " : "";
    if (!p || p->struct_size < sizeof *p) {
        return msi_error(error, MST_EPLUGIN,
                         "%s%sshort struct: its descriptor has %u bytes, this host needs %zu",
                         front, colon, p ? p->struct_size : 0, sizeof *p);
    }
    const kind_row *row = find_kind(p->kind);
    if (!p->name) {
        return msi_error(error, MST_EPLUGIN, "%s%sits plugin has no name", front, colon);
    }
    if (!row) {
        return msi_error(error, MST_EPLUGIN, "%s%splugin \"%.64s\" is of kind %u, not known here",
                         front, colon, p->name, p->kind);
    }
    subject s = {p, file, msi_kind_name(p->kind), error};
    mst_status status = check_descriptor(&s, row);
    if (!status) {
        status = check_options(&s);
    }
    out->plugin = p;
    memset(&out->ops, 0, sizeof out->ops);
    return status ? status : check_ops(&s, row, out);
}
