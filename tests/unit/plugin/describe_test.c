/* Each rule that a descriptor has to keep, broken once. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "plugin/load.h"
#include "support.h"

/* Copies of good ones, to be spoilt. */
typedef struct good {
    mst_plugin plugin;
    union {
        mst_provider_ops provider;
        mst_eviction_ops eviction;
        mst_compressor_ops compressor;
        mst_serializer_ops serializer;
    } ops;
} good;

static good take(int kind)
{
    good g;
    memset(&g, 0, sizeof g);
    for (unsigned i = 0;; i++) {
        cr_assert_lt(i, ts_module.plugin_count);
        if (ts_module.plugins[i]->kind == kind) {
            g.plugin = *ts_module.plugins[i];
            break;
        }
    }
    memcpy(&g.ops, g.plugin.ops, *(const uint32_t *) g.plugin.ops);
    return g;
}

static mst_status describe(good *g, msi_plugin *out, mst_error *error)
{
    g->plugin.ops = &g->ops;
    memset(out, 0xff, sizeof *out);
    return msi_plugin_describe(&g->plugin, "/p/x.so", out, error);
}

__attribute__((format(printf, 2, 3))) static void refused(good *g, const char *format, ...)
{
    char expected[512];
    msi_plugin out;
    mst_error error = {.text = "accepted"};
    va_list args;
    va_start(args, format);
    vsnprintf(expected, sizeof expected, format, args);
    va_end(args);
    cr_expect_eq(describe(g, &out, &error), MST_EPLUGIN);
    cr_assert_str_eq(error.text, expected);
}

Test(describe, good_ones)
{
    for (unsigned i = 0; i < ts_module.plugin_count; i++) {
        msi_plugin out;
        mst_error error = {.text = ""};
        cr_assert_eq(msi_plugin_describe(ts_module.plugins[i], NULL, &out, &error), MST_OK, "%s",
                     error.text);
        cr_assert_eq(out.plugin, ts_module.plugins[i]);
    }
}

/* A plugin that was compiled when the struct was shorter: what it does not know is zero. */
Test(describe, shorter_ops_are_completed)
{
    good g = take(MST_KIND_PROVIDER);
    msi_plugin out;
    mst_error error = {.text = ""};
    g.ops.provider.struct_size = offsetof(mst_provider_ops, cancel);
    memset(&g.ops.provider.cancel, 0x5a,
           sizeof g.ops.provider - offsetof(mst_provider_ops, cancel));
    cr_assert_eq(describe(&g, &out, &error), MST_OK, "%s", error.text);
    cr_assert_eq(out.ops.provider.submit, g.ops.provider.submit);
    cr_assert_null(out.ops.provider.cancel);
    cr_assert_null(out.ops.provider.stop);
    cr_assert_null(out.ops.provider.stats);
}

/* And one that is newer than we are: the rest is not looked at. */
Test(describe, longer_ops_are_cut)
{
    good g = take(MST_KIND_COMPRESSOR);
    msi_plugin out;
    mst_error error = {.text = ""};
    g.ops.compressor.struct_size = sizeof g.ops.compressor + 64;
    cr_assert_eq(describe(&g, &out, &error), MST_OK, "%s", error.text);
    cr_assert_eq(out.ops.compressor.decompress, g.ops.compressor.decompress);
}

Test(describe, descriptor)
{
    good g = take(MST_KIND_COMPRESSOR);
    g.plugin.struct_size = 8;
    refused(&g, "/p/x.so: short struct: its descriptor has 8 bytes, this host needs %zu",
            sizeof(mst_plugin));
    g = take(MST_KIND_COMPRESSOR);
    g.plugin.name = NULL;
    refused(&g, "/p/x.so: its plugin has no name");
    g = take(MST_KIND_COMPRESSOR);
    g.plugin.name = "Zip";
    refused(&g, "/p/x.so: compressor \"Zip\": its name may contain only a-z 0-9 _");
    g = take(MST_KIND_COMPRESSOR);
    g.plugin.kind = 77;
    refused(&g, "/p/x.so: plugin \"pack\" is of kind 77, not known here");
    g = take(MST_KIND_COMPRESSOR);
    g.plugin.license = NULL;
    refused(&g, "/p/x.so: compressor \"pack\": version, author, license and summary must be given");
    g = take(MST_KIND_COMPRESSOR);
    g.plugin.kind_version = MST_COMPRESSOR_VERSION + 1;
    refused(&g, "/p/x.so: compressor \"pack\": built for version 2 of its kind, this host knows 1; "
                "rebuild the plugin");
    g = take(MST_KIND_COMPRESSOR);
    g.plugin.kind_version = 0;
    refused(&g, "/p/x.so: compressor \"pack\": built for version 0 of its kind, this host knows 1; "
                "rebuild the plugin");
    g = take(MST_KIND_COMPRESSOR);
    g.plugin.flags = 6;
    refused(&g, "/p/x.so: compressor \"pack\": flags has unknown bits (0x6)");
    g = take(MST_KIND_COMPRESSOR);
    g.plugin.instance_size = (16 << 20) + 1;
    refused(&g, "/p/x.so: compressor \"pack\": instance_size 16777217 is more than 16777216");
}

Test(describe, no_descriptor)
{
    msi_plugin out;
    mst_error error;
    cr_assert_eq(msi_plugin_describe(NULL, NULL, &out, &error), MST_EPLUGIN);
    cr_assert_eq(strncmp(error.text, "short struct: its descriptor has 0 bytes", 40), 0);
}

Test(describe, options)
{
    static const mst_option bad[] = {
        {"ttl", MST_OPT_MS, 0, 0, "5x", NULL, NULL, NULL, "How long."},
    };
    static const mst_option taken[] = {
        {"eviction", MST_OPT_STR, 0, 0, NULL, NULL, NULL, NULL, "Not its own."},
    };
    good g = take(MST_KIND_PROVIDER);
    g.plugin.option_size = sizeof(mst_option) - 8;
    refused(&g,
            "/p/x.so: provider \"memory\": short struct: its options have %zu bytes, this host "
            "needs %zu",
            sizeof(mst_option) - 8, sizeof(mst_option));
    g = take(MST_KIND_PROVIDER);
    g.plugin.options = NULL;
    refused(&g, "/p/x.so: provider \"memory\": option_count is 3, but there is no table");
    g = take(MST_KIND_PROVIDER);
    g.plugin.option_count = 257;
    refused(&g, "/p/x.so: provider \"memory\": option_count is 257, which is too many");
    g = take(MST_KIND_PROVIDER);
    g.plugin.options = taken;
    g.plugin.option_count = 1;
    refused(&g, "/p/x.so: provider \"memory\": option \"eviction\" is one of the host's own");
    g = take(MST_KIND_PROVIDER);
    g.plugin.options = bad;
    g.plugin.option_count = 1;
    msi_plugin out;
    mst_error error;
    cr_assert_eq(describe(&g, &out, &error), MST_EPLUGIN);
    const char *begin = "/p/x.so: provider \"memory\": option \"ttl\": default \"5x\" is not a "
                        "duration";
    cr_assert_eq(strncmp(error.text, begin, strlen(begin)), 0, "%s", error.text);
    g = take(MST_KIND_PROVIDER);
    g.plugin.instance_size = 8; /* the options lie beyond it */
    cr_assert_eq(describe(&g, &out, &error), MST_EPLUGIN);
}

Test(describe, codecs)
{
    good g = take(MST_KIND_COMPRESSOR);
    msi_plugin out;
    mst_error error;
    g.plugin.ops = NULL;
    cr_assert_eq(msi_plugin_describe(&g.plugin, NULL, &out, &error), MST_EPLUGIN);
    cr_assert_str_eq(error.text, "compressor \"pack\": has no ops");
    g.ops.compressor.struct_size = 8;
    refused(&g,
            "/p/x.so: compressor \"pack\": short struct: its ops have 8 bytes, this host needs "
            "%zu",
            sizeof(mst_compressor_ops));
    g = take(MST_KIND_COMPRESSOR);
    g.ops.compressor.bound = NULL;
    refused(&g, "/p/x.so: compressor \"pack\": required op bound is missing");
    g = take(MST_KIND_COMPRESSOR);
    g.ops.compressor.wire_id = 0x8000;
    refused(&g, "/p/x.so: compressor \"pack\": wire_id 32768 is not within 1..32767");
    g = take(MST_KIND_SERIALIZER);
    g.ops.serializer.destroy = NULL;
    refused(&g, "/p/x.so: serializer \"raw\": required op destroy is missing");
    g = take(MST_KIND_SERIALIZER);
    g.ops.serializer.wire_id = 0;
    refused(&g, "/p/x.so: serializer \"raw\": wire_id 0 is not within 1..32767");
}

static void provider_refused(uint32_t caps, uint32_t flags, uint32_t priv, const char *why)
{
    char expected[256];
    good g = take(MST_KIND_PROVIDER);
    g.ops.provider.caps = caps;
    g.ops.provider.op_priv_size = priv;
    g.plugin.flags = flags;
    ts_format(expected, sizeof expected, "/p/x.so: provider \"memory\": %s", why);
    refused(&g, "%s", expected);
}

static mst_status look_nothing(void *self, const mst_lookup *l, mst_result *r)
{
    return MST_MISS;
}

static void look_many_nothing(void *self, const mst_lookup *l, mst_result *r, size_t n)
{
}

static uint64_t shrink_nothing(void *self, uint64_t bytes)
{
    return 0;
}

static void expect_nothing(void *self, uint64_t hash)
{
    (void) self, (void) hash;
}

Test(describe, providers)
{
    const uint32_t safe = MST_PLUGIN_REENTRANT;
    provider_refused(MST_CAP_INPROC, 0, 0, "MST_CAP_INPROC needs the flag MST_PLUGIN_REENTRANT");
    provider_refused(MST_CAP_INPROC | MST_CAP_BLOCKING, safe, 0,
                     "MST_CAP_INPROC and MST_CAP_BLOCKING exclude each other");
    provider_refused(MST_CAP_INPROC, safe, 16, "op_priv_size must be 0 with MST_CAP_INPROC");
    provider_refused(MST_CAP_OBJECT, safe, 0, "MST_CAP_OBJECT needs MST_CAP_INPROC");
    good quick = take(MST_KIND_PROVIDER);
    quick.ops.provider.caps = 0;
    quick.ops.provider.lookup = look_nothing;
    refused(&quick, "/p/x.so: provider \"memory\": lookup needs MST_CAP_INPROC");
    quick.ops.provider.lookup = NULL;
    quick.ops.provider.lookup_many = look_many_nothing;
    refused(&quick, "/p/x.so: provider \"memory\": lookup_many needs a lookup beside it");
    quick.ops.provider.lookup_many = NULL;
    quick.ops.provider.shrink = shrink_nothing;
    refused(&quick, "/p/x.so: provider \"memory\": shrink needs MST_CAP_INPROC");
    quick.ops.provider.shrink = NULL;
    quick.ops.provider.expect = expect_nothing;
    refused(&quick, "/p/x.so: provider \"memory\": expect needs MST_CAP_INPROC");
    provider_refused(0, 0, 4097, "op_priv_size 4097 is more than 4096");
    provider_refused(0x100, 0, 0, "caps has unknown bits (0x100)");
    good g = take(MST_KIND_PROVIDER);
    g.ops.provider.submit = NULL;
    refused(&g, "/p/x.so: provider \"memory\": required op submit is missing");
    g = take(MST_KIND_PROVIDER);
    g.ops.provider.op_codes = MST_OP_GET;
    refused(&g,
            "/p/x.so: provider \"memory\": op_codes is 0x1; it must be a sum of 1u << MST_OP_*, "
            "with MST_OP_GET");
}

static void eviction_refused(void (*spoil)(mst_eviction_ops *), const char *why)
{
    char expected[256];
    good g = take(MST_KIND_EVICTION);
    spoil(&g.ops.eviction);
    ts_format(expected, sizeof expected, "/p/x.so: eviction \"adaptive\": %s", why);
    refused(&g, "%s", expected);
}

static void no_insert(mst_eviction_ops *o)
{
    o->on_insert = NULL;
}

static void no_hit(mst_eviction_ops *o)
{
    o->hit_mode = MST_HIT_SHARED | MST_HIT_LOSSY;
}

static void hit_one(void *shard, mst_node *node)
{
    (void) shard;
    (void) node;
}

static void hit_many(void *shard, mst_node *const *nodes, size_t n)
{
    (void) shard;
    (void) nodes;
    (void) n;
}

static void a_hit(mst_eviction_ops *o)
{
    o->on_hit_many = hit_many;
}

static void no_mode(mst_eviction_ops *o)
{
    o->hit_mode = MST_HIT_LOSSY;
}

static void strange_mode(mst_eviction_ops *o)
{
    o->hit_mode = MST_HIT_NONE | 0x20;
}

static void large_node(mst_eviction_ops *o)
{
    o->node_size = 65;
}

static void no_align(mst_eviction_ops *o)
{
    o->node_align = 0;
}

static void odd_align(mst_eviction_ops *o)
{
    o->node_align = 12;
}

static void large_align(mst_eviction_ops *o)
{
    o->node_align = 32;
}

static void large_shard(mst_eviction_ops *o)
{
    o->shard_size = (16u << 20) + 1;
}

static void reads_outside(mst_eviction_ops *o)
{
    no_hit(o);
    o->on_hit = hit_one;
    o->node_size = 4;
    o->reads_at = 4;
    o->reads_max = 1;
}

static void many_reads(mst_eviction_ops *o)
{
    reads_outside(o);
    o->reads_at = 3;
    o->reads_max = 256;
}

static void reads_unheard(mst_eviction_ops *o)
{
    o->node_size = 4;
    o->reads_max = 1;
}

Test(describe, evictions)
{
    const char *mode = "it must be one of MST_HIT_NONE, _SHARED, _EXCLUSIVE, and may add _LOSSY";
    char text[200];
    eviction_refused(no_insert, "required op on_insert is missing");
    eviction_refused(no_hit, "required op on_hit is missing");
    eviction_refused(a_hit, "hit_mode is MST_HIT_NONE, but there is an on_hit");
    ts_format(text, sizeof text, "hit_mode is 0x10; %s", mode);
    eviction_refused(no_mode, text);
    ts_format(text, sizeof text, "hit_mode is 0x21; %s", mode);
    eviction_refused(strange_mode, text);
    eviction_refused(large_node, "node_size 65 is more than 64");
    eviction_refused(no_align, "node_align 0 is not 1, 2, 4, 8 or 16");
    eviction_refused(odd_align, "node_align 12 is not 1, 2, 4, 8 or 16");
    eviction_refused(large_align, "node_align 32 is not 1, 2, 4, 8 or 16");
    const char *reads = "it needs MST_HIT_SHARED, is at most 255, and is for one byte of the "
                        "node's 4";
    ts_format(text, sizeof text, "reads_max 1 with reads_at 4; %s", reads);
    eviction_refused(reads_outside, text);
    ts_format(text, sizeof text, "reads_max 256 with reads_at 3; %s", reads);
    eviction_refused(many_reads, text);
    ts_format(text, sizeof text, "reads_max 1 with reads_at 0; %s", reads);
    eviction_refused(reads_unheard, text);
    eviction_refused(large_shard, "shard_size 16777217 is more than 16777216");
}

Test(describe, eviction_without_node)
{
    good g = take(MST_KIND_EVICTION);
    msi_plugin out;
    mst_error error = {.text = ""};
    g.ops.eviction.node_size = g.ops.eviction.node_align = 0;
    cr_assert_eq(describe(&g, &out, &error), MST_OK, "%s", error.text);
    cr_assert_eq(out.ops.eviction.node_align, 1);
}
