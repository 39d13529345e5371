/* settings.c - the core's own keys: one row each, and the row is all there is. Reading, checking,
 * printing and the manual page take what they need to know of a key from here. */
#include "config/settings.h"

#define COUNT(table) ((uint32_t) (sizeof(table) / sizeof *(table)))

#define AT(type, member) (uint32_t) offsetof(type, member)

static const mst_option runtime_table[] = {
    {.name = "loops",
     .type = MST_OPT_INT,
     .offset = AT(msi_runtime_settings, loops),
     .def = "1",
     .min = "1",
     .max = "64",
     .help = "Number of private loop threads; each key belongs to one of them, and a loop that the "
             "program lends replaces them all."},
    {.name = "exporters",
     .type = MST_OPT_STR,
     .offset = AT(msi_runtime_settings, exporters),
     .def = "",
     .help = "Exporters that carry metrics and traces out of the process, separated by commas."},
    {.name = "log_level",
     .type = MST_OPT_ENUM,
     .offset = AT(msi_runtime_settings, log_level),
     .def = "info",
     .choices = "error|warning|info|debug",
     .help = "The least important lines that the program's log gets."},
    {.name = "admin_socket",
     .type = MST_OPT_STR,
     .offset = AT(msi_runtime_settings, admin_socket),
     .def = "",
     .help = "Path of a unix socket for its owner, where the process answers memstache stat and "
             "memstache health; empty: none."},
    {.name = "trace_ratio",
     .type = MST_OPT_PERCENT,
     .offset = AT(msi_runtime_settings, trace_ratio),
     .def = "1%",
     .min = "0",
     .max = "100%",
     .help =
         "Share of the requests without a trace of their own that exporters get spans of; those "
         "that were slow or failed are never left out."},
    {.name = "trace_keys",
     .type = MST_OPT_ENUM,
     .offset = AT(msi_runtime_settings, trace_keys),
     .def = "hash",
     .choices = "hash|plain",
     .help = "How spans show keys: as a hash, or as they are."},
};

static const mst_option plugins_table[] = {
    {.name = "path",
     .type = MST_OPT_STR,
     .offset = AT(msi_plugins_settings, path),
     .def = "",
     .help = "Directories with plugins, separated by colons; searched before "
             "MEMSTACHE_PLUGIN_PATH and the built-in directory."},
};

#define CACHE(member) AT(msi_cache_settings, member)

static const mst_option cache_table[] = {
    {.name = "namespace",
     .type = MST_OPT_STR,
     .offset = CACHE(namespace_),
     .def = "",
     .help = "Goes before every key in shared back ends, so that programs which share one do not "
             "meet."},
    {.name = "tiers",
     .type = MST_OPT_STR,
     .offset = CACHE(tiers),
     .def = "memory",
     .help = "Providers that hold the values, separated by commas, nearest first."},
    {.name = "serializer",
     .type = MST_OPT_STR,
     .offset = CACHE(serializer),
     .def = "raw",
     .help = "Serializer that turns typed values into bytes."},
    {.name = "compressor",
     .type = MST_OPT_STR,
     .offset = CACHE(compressor),
     .def = "none",
     .help = "Compressor for stored values, or none."},
    {.name = "expire",
     .type = MST_OPT_MS,
     .offset = CACHE(expire_ms),
     .def = "never",
     .min = "1ms",
     .help = "How long an entry lives after it was stored, unless the call says otherwise."},
    {.name = "sliding",
     .type = MST_OPT_MS,
     .offset = CACHE(sliding_ms),
     .def = "never",
     .min = "1ms",
     .help = "How long an entry lives after it was last read; expire still bounds its whole life."},
    {.name = "jitter",
     .type = MST_OPT_PERCENT,
     .offset = CACHE(jitter),
     .def = "0",
     .min = "0",
     .max = "100%",
     .help = "Shortens each entry's expire by a random share up to this one, so that entries "
             "stored together do not vanish together."},
    {.name = "timeout",
     .type = MST_OPT_MS,
     .offset = CACHE(timeout_ms),
     .def = "5s",
     .min = "1ms",
     .help = "A request that is not answered by then completes as timed out."},
    {.name = "max_value_bytes",
     .type = MST_OPT_SIZE,
     .offset = CACHE(max_value_bytes),
     .def = "64MiB",
     .min = "1B",
     .max = "4095MiB",
     .help = "The largest value, stored or unpacked; anything above is refused before memory is "
             "taken for it."},
    {.name = "envelope",
     .type = MST_OPT_ENUM,
     .offset = CACHE(envelope),
     .def = "on",
     .choices = "on|none",
     .help = "Whether stored values carry a header with codec, age, expiry and checksum; none "
             "reads and writes the values of other programs as they are."},
    {.name = "offload_bytes",
     .type = MST_OPT_SIZE,
     .offset = CACHE(offload_bytes),
     .def = "64KiB",
     .help = "Values larger than this are packed and unpacked on worker threads, where they keep "
             "nobody else waiting."},
    {.name = "max_pending",
     .type = MST_OPT_INT,
     .offset = CACHE(max_pending),
     .def = "100000",
     .min = "1",
     .max = "1000000000",
     .help = "Requests that may wait for an answer at once; further ones are refused as busy."},
    {.name = "slow_request",
     .type = MST_OPT_MS,
     .offset = CACHE(slow_request_ms),
     .def = "never",
     .min = "1ms",
     .help =
         "A request that takes longer is logged, with what took the time, and is always traced."},
};

#define PLUGIN_ROW(struct_type)                                                                    \
    {                                                                                              \
        .name = "plugin", .type = MST_OPT_STR, .offset = AT(struct_type, plugin), .def = "",       \
        .help = "Name of the plugin, when the section has a name of its own."                      \
    }

#define TIER(member) AT(msi_tier_settings, member)

static const mst_option tier_table[] = {
    PLUGIN_ROW(msi_tier_settings),
    {.name = "eviction",
     .type = MST_OPT_STR,
     .offset = TIER(eviction),
     .def = "",
     .help =
         "Policy that picks what goes when the tier is full; " MSI_EVICTION_DEFAULT " when empty."},
    {.name = "hold",
     .type = MST_OPT_ENUM,
     .offset = TIER(hold),
     .def = "auto",
     .choices = "auto|values|sealed",
     .help = "What a tier in the process keeps: values ready for use, or sealed ones, compressed; "
             "auto seals only in the last tier of a cache that compresses."},
    {.name = "expire",
     .type = MST_OPT_MS,
     .offset = TIER(expire_ms),
     .def = "never",
     .min = "1ms",
     .help = "The longest life of an entry in this tier."},
    {.name = "timeout",
     .type = MST_OPT_MS,
     .offset = TIER(timeout_ms),
     .def = "1s",
     .min = "1ms",
     .help = "An operation of this tier that takes longer counts as failed, and the next tier is "
             "asked."},
    {.name = "breaker_failures",
     .type = MST_OPT_INT,
     .offset = TIER(breaker_failures),
     .def = "20",
     .min = "0",
     .max = "1000000000",
     .help = "After so many failures in a row, seen by one loop, a tier outside the process is not "
             "asked for a while; 0: it always is."},
    {.name = "breaker_pause",
     .type = MST_OPT_MS,
     .offset = TIER(breaker_pause_ms),
     .def = "250ms",
     .min = "1ms",
     .max = "1h",
     .help = "How long it is not asked; then one operation tries, and decides."},
};

static const mst_option compressor_table[] = {
    PLUGIN_ROW(msi_compressor_settings),
    {.name = "min_size",
     .type = MST_OPT_SIZE,
     .offset = AT(msi_compressor_settings, min_bytes),
     .def = "256B",
     .help = "Smaller values are stored as they are."},
    {.name = "min_gain",
     .type = MST_OPT_PERCENT,
     .offset = AT(msi_compressor_settings, min_gain),
     .def = "5%",
     .min = "0",
     .max = "99%",
     .help = "A compressed value is kept only when it saves at least this share of its size."},
};

static const mst_option plain_table[] = {
    PLUGIN_ROW(msi_plain_settings),
};

static msi_option_set set_of(const mst_option *table, uint32_t count, void *target)
{
    return (msi_option_set){table, count, sizeof(mst_option), target};
}

msi_option_set msi_runtime_options(msi_runtime_settings *target)
{
    return set_of(runtime_table, COUNT(runtime_table), target);
}

msi_option_set msi_plugins_options(msi_plugins_settings *target)
{
    return set_of(plugins_table, COUNT(plugins_table), target);
}

msi_option_set msi_cache_options(msi_cache_settings *target)
{
    return set_of(cache_table, COUNT(cache_table), target);
}

msi_option_set msi_kind_options(int kind, void *target)
{
    switch (kind) {
    case MST_KIND_PROVIDER:
        return set_of(tier_table, COUNT(tier_table), target);
    case MST_KIND_COMPRESSOR:
        return set_of(compressor_table, COUNT(compressor_table), target);
    default:
        return set_of(plain_table, COUNT(plain_table), target);
    }
}
