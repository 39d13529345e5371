/* bind.c - the bytes of an instance, with its options stored, as the library stores them.
 *
 * A module of the kit takes the plugin's place: it has the same options and the same instance, and
 * its init() notes what it finds there. So the library reads the texts, checks the bounds, and
 * words what is wrong, and the kit has no parser that could differ from it.
 */
#define _POSIX_C_SOURCE 200809L /* strdup */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <memstache/memstache.h>

#include "check.h"

/* Of the one binding that is under way. */
static struct {
    const mst_plugin *plugin;
    void *image;
} bound;

/* Texts belong to the library until the runtime is closed. */
static mst_status note(void *self, const mst_host *host)
{
    const mst_plugin *p = bound.plugin;
    bound.image = calloc(1, p->instance_size + 64u);
    if (!bound.image) {
        return MST_ENOMEM;
    }
    memcpy(bound.image, self, p->instance_size);
    for (uint32_t i = 0; i < p->option_count; i++) {
        const mst_option *o = check_option_at(p, i);
        const char **text = (const char **) (void *) ((char *) bound.image + o->offset);
        if (o->type == MST_OPT_STR && *text) {
            *text = strdup(*text);
        }
    }
    return MST_OK;
}

/* ---- the least of each kind */

static void miss(void *self, mst_op *const *ops, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ops[i]->status = MST_MISS;
    }
}

static mst_status no_encode(void *self, const void *type, const void *object, mst_sink *sink)
{
    return MST_ENOTSUP;
}

static mst_status no_decode(void *self, const void *type, mst_slice src, void **object, size_t *n)
{
    return MST_ENOTSUP;
}

static void no_destroy(void *self, const void *type, void *object)
{
}

static size_t no_bound(void *self, size_t len)
{
    return 0;
}

static mst_status no_compress(void *self, mst_slice src, void *dst, size_t cap, size_t *len)
{
    return MST_ENOTSUP;
}

static mst_status no_decompress(void *self, mst_slice src, void *dst, size_t len)
{
    return MST_ENOTSUP;
}

static void no_insert(void *shard, mst_node *node, const mst_entry_info *info)
{
}

static void no_remove(void *shard, mst_node *node, int why)
{
}

static mst_node *no_victim(void *shard)
{
    return NULL;
}

static mst_status no_start(void *self)
{
    return MST_OK;
}

static const mst_provider_ops provider_ops = {.struct_size = sizeof provider_ops,
                                              .caps = MST_CAP_INPROC | MST_CAP_EVICTION,
                                              .op_codes = 1u << MST_OP_GET,
                                              .submit = miss};
static const mst_serializer_ops serializer_ops = {.struct_size = sizeof serializer_ops,
                                                  .wire_id = MST_WIRE_ID_MAX,
                                                  .encode = no_encode,
                                                  .decode = no_decode,
                                                  .destroy = no_destroy};
static const mst_compressor_ops compressor_ops = {.struct_size = sizeof compressor_ops,
                                                  .wire_id = MST_WIRE_ID_MAX,
                                                  .bound = no_bound,
                                                  .compress = no_compress,
                                                  .decompress = no_decompress};
static const mst_eviction_ops eviction_ops = {.struct_size = sizeof eviction_ops,
                                              .hit_mode = MST_HIT_NONE,
                                              .on_insert = no_insert,
                                              .on_remove = no_remove,
                                              .evict = no_victim};

static const mst_exporter_ops exporter_ops = {.struct_size = sizeof exporter_ops,
                                              .start = no_start};

static const void *ops_of(int kind)
{
    return kind == MST_KIND_PROVIDER     ? (const void *) &provider_ops
           : kind == MST_KIND_SERIALIZER ? (const void *) &serializer_ops
           : kind == MST_KIND_COMPRESSOR ? (const void *) &compressor_ops
           : kind == MST_KIND_EXPORTER   ? (const void *) &exporter_ops
                                         : (const void *) &eviction_ops;
}

static mst_plugin stand_in(int kind, uint16_t version, const char *name)
{
    return (mst_plugin){.struct_size = sizeof(mst_plugin),
                        .kind = (uint16_t) kind,
                        .kind_version = version,
                        .flags = MST_PLUGIN_REENTRANT,
                        .name = name,
                        .version = "1",
                        .author = "memstache",
                        .license = "MIT",
                        .summary = "takes a place in the conformance kit",
                        .option_size = sizeof(mst_option),
                        .ops = ops_of(kind)};
}

/* ---- a configuration that selects it */

static mst_status put(mst_config *config, const char *section, const char *text, mst_error *error)
{
    char key[128];
    const char *equals = strchr(text, '=');
    if (!equals || (size_t) (equals - text) >= sizeof key) {
        snprintf(error->text, sizeof error->text, "--option %s: write KEY=VALUE", text);
        return error->status = MST_EINVAL;
    }
    memcpy(key, text, (size_t) (equals - text));
    key[equals - text] = '\0';
    mst_status status = mst_config_set(config, section, key, equals + 1);
    if (status != MST_OK) {
        snprintf(error->text, sizeof error->text, "--option %s: %s", text, mst_strerror(status));
    }
    return error->status = status;
}

static mst_status describe(const kit *k, mst_config *config, const char *extra, mst_error *error)
{
    const check_setup *s = k->setup;
    char section[96];
    snprintf(section, sizeof section, "%s.%s", s->kind_name, s->name);
    mst_config_use_environment(config, 0);
    mst_config_set(config, "cache", "tiers", s->kind == MST_KIND_PROVIDER ? s->name : "kit");
    mst_config_set(config, "cache", "serializer", s->kind == MST_KIND_SERIALIZER ? s->name : "kit");
    if (s->kind == MST_KIND_COMPRESSOR) {
        mst_config_set(config, "cache", "compressor", s->name);
    }
    if (s->kind == MST_KIND_EXPORTER) {
        mst_config_set(config, "runtime", "exporters", s->name);
    }
    mst_config_set(config, s->kind == MST_KIND_PROVIDER ? section : "provider.kit", "eviction",
                   s->kind == MST_KIND_EVICTION ? s->name : "kit");
    for (size_t i = 0; i < s->option_count; i++) {
        mst_status status = put(config, section, s->options[i], error);
        if (status != MST_OK) {
            return status;
        }
    }
    return extra ? put(config, section, extra, error) : MST_OK;
}

static mst_status open_and_close(mst_config *config, mst_error *error)
{
    mst_runtime *runtime;
    mst_status status = mst_open(config, NULL, &runtime, error);
    if (status == MST_OK) {
        mst_close_wait(runtime);
    }
    return status;
}

void *check_bind(kit *k, const char *extra, mst_error *error)
{
    const mst_plugin *p = k->plugin;
    mst_plugin same = stand_in(p->kind, p->kind_version, p->name);
    mst_plugin tier = stand_in(MST_KIND_PROVIDER, MST_PROVIDER_VERSION, "kit");
    mst_plugin serializer = stand_in(MST_KIND_SERIALIZER, MST_SERIALIZER_VERSION, "kit");
    mst_plugin eviction = stand_in(MST_KIND_EVICTION, MST_EVICTION_VERSION, "kit");
    const mst_plugin *const plugins[] = {&same, &tier, &serializer, &eviction};
    const mst_module module = {MST_MODULE_MAGIC, sizeof module, MST_ABI_MAJOR, MST_ABI_MINOR, 0, 4,
                               plugins};
    mst_config *config = mst_config_new(NULL);
    same.instance_size = p->instance_size;
    same.options = p->options;
    same.option_count = p->option_count;
    same.option_size = p->option_size;
    same.init = note;
    bound.plugin = p;
    bound.image = NULL;
    *error = (mst_error){0};
    mst_status status = config ? mst_config_add_module(config, &module) : MST_ENOMEM;
    if (status == MST_OK) {
        status = describe(k, config, extra, error);
    }
    if (status == MST_OK) {
        status = open_and_close(config, error);
    }
    if (status != MST_OK && !error->text[0]) {
        snprintf(error->text, sizeof error->text, "%s", mst_strerror(status));
    } else if (status == MST_OK && !bound.image) {
        snprintf(error->text, sizeof error->text,
                 "the name \"%s\" selects no plugin in a configuration; take another", p->name);
    }
    mst_config_free(config);
    return status == MST_OK ? bound.image : NULL;
}
