/* codec_floor.h - a codec over instances of the real plugins, linked in, with all memory metered.
 */
#ifndef TEST_CODEC_FLOOR_H
#define TEST_CODEC_FLOOR_H

#include "codec/codec.h"
#include "meter.h"

enum {
    FLOOR_RAW,
    FLOOR_PROTOBUF,
    FLOOR_JSON,
    FLOOR_MSGPACK,
    FLOOR_BROTLI,
    FLOOR_ZSTD,
    FLOOR_LZ4,
    FLOOR_GZIP,
    FLOOR_READERS
};

typedef struct codec_floor {
    trigger trigger;    /* shared by both meters */
    meter own, plugins; /* the codec's memory, the instances' */
    msi_log log;        /* counts its lines, keeps the last one */
    unsigned log_lines;
    char log_text[1024];
    msi_instance *readers[FLOOR_READERS];
    msi_codec codec;
} codec_floor;

/* Envelopes, all readers, raw as the serializer, no compressor, limit 1 MiB, min_size 64, min_gain
 * 5 %. The test changes floor->codec as it likes. */
void codec_floor_open(codec_floor *);
/* Blocks and lines of the log at level error that are left over: 0 when all is well. */
long codec_floor_close(codec_floor *);

/* An instance with its default options but for {"name", "value", ..., NULL}; NULL when it fails. */
msi_instance *codec_floor_instance(codec_floor *, const mst_module *, const char *const *options);

extern const mst_module memstache_module_serializer_raw, memstache_module_serializer_protobuf,
    memstache_module_serializer_json, memstache_module_serializer_msgpack,
    memstache_module_compressor_brotli, memstache_module_compressor_zstd,
    memstache_module_compressor_lz4, memstache_module_compressor_gzip;

#endif
