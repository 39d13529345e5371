/* codec_floor.c - see codec_floor.h. */
#include "codec_floor.h"

#include <stdio.h>

#include "config/option.h"

static void keep_line(void *arg, int level, const char *text)
{
    codec_floor *floor = arg;
    floor->log_lines++;
    snprintf(floor->log_text, sizeof floor->log_text, "%d %s", level, text);
}

static int store_options(const mst_plugin *plugin, const char *const *options, void *target)
{
    const msi_option_set set = {plugin->options, plugin->option_count, plugin->option_size, target};
    for (uint32_t i = 0; i < set.count; i++) {
        const mst_option *o = msi_option_at(&set, i);
        const char *text = o->def;
        for (const char *const *at = options; at && *at; at += 2) {
            text = strcmp(at[0], o->name) == 0 ? at[1] : text;
        }
        if (msi_option_store(o, text, target, NULL)) {
            return -1;
        }
    }
    return 0;
}

msi_instance *codec_floor_instance(codec_floor *floor, const mst_module *module,
                                   const char *const *options)
{
    const mst_plugin *plugin = module->plugins[0];
    msi_instance *instance = NULL;
    msi_plugin described = {.file = NULL};
    mst_error error = {0, ""};
    char *values = calloc(1, plugin->instance_size);
    if (msi_module_check(module, NULL, &error) ||
        msi_plugin_describe(plugin, NULL, &described, &error) ||
        store_options(plugin, options, values) ||
        msi_instance_new(&instance, &described, plugin->name, values, NULL,
                         &floor->plugins.allocator, &floor->log, &error)) {
        fprintf(stderr, "%s: no instance %s\n", plugin->name, error.text);
    }
    free(values);
    return instance;
}

void codec_floor_open(codec_floor *floor)
{
    static const mst_module *const modules[FLOOR_READERS] = {
        [FLOOR_RAW] = &memstache_module_serializer_raw,
        [FLOOR_PROTOBUF] = &memstache_module_serializer_protobuf,
        [FLOOR_JSON] = &memstache_module_serializer_json,
        [FLOOR_MSGPACK] = &memstache_module_serializer_msgpack,
        [FLOOR_BROTLI] = &memstache_module_compressor_brotli,
        [FLOOR_ZSTD] = &memstache_module_compressor_zstd,
        [FLOOR_LZ4] = &memstache_module_compressor_lz4,
        [FLOOR_GZIP] = &memstache_module_compressor_gzip,
    };
    memset(floor, 0, sizeof *floor);
    meter_init(&floor->own, &floor->trigger);
    meter_init(&floor->plugins, &floor->trigger);
    floor->log = (msi_log){.write = keep_line, .arg = floor};
    for (int i = 0; i < FLOOR_READERS; i++) {
        floor->readers[i] = codec_floor_instance(floor, modules[i], NULL);
    }
    floor->codec.allocator = &floor->own.allocator;
    floor->codec.log = &floor->log;
    floor->codec.serializer = floor->readers[FLOOR_RAW];
    floor->codec.readers = floor->readers;
    floor->codec.reader_count = FLOOR_READERS;
    floor->codec.settings = (msi_compressor_settings){"", 64, 0.05};
    floor->codec.max_value_bytes = 1 << 20;
    floor->codec.envelope = true;
}

long codec_floor_close(codec_floor *floor)
{
    floor->log_text[0] = 0;
    for (int i = 0; i < FLOOR_READERS; i++) {
        msi_instance_release(floor->readers[i]);
    }
    return floor->own.blocks + floor->plugins.blocks + (floor->log_text[0] == '1');
}
