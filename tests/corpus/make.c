/* make.c - writes the golden corpus of the stored form, tests/corpus/envelope/.
 *
 * It shares no code with the library: it lays the bytes down by hand, as core/codec/envelope.h
 * describes them, so that the corpus also proves the description. Files that exist are never
 * written again: what a released version has written must stay readable for ever. A new version of
 * the format adds rows here.
 *
 *   corpus_make DIRECTORY      files, and manifest.txt: one line a file, with what it must say
 */
#include <brotli/encode.h>
#include <inttypes.h>
#include <lz4frame.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { COMPRESSED = 1, SCHEMA = 2, EXPIRY = 4, SLIDING = 8, PAYLOAD_MAX = 1 << 20 };

/* A moment in 2024, and usual values for what a row does not care about. */
#define CREATED UINT64_C(1718000000123)

typedef struct row {
    const char *name;
    unsigned flags;
    uint32_t serializer, compressor, schema;
    uint64_t created, life;      /* life: milliseconds from created */
    unsigned mantissa, exponent; /* of the sliding window */
    const char *text;            /* the payload before compression, `times` times */
    unsigned times;
} row;

#define PLAIN .serializer = 1, .created = CREATED, .text = "hello", .times = 1
#define WINDOW .mantissa = 1500, .exponent = 1 /* 24 s */
#define LONG_TEXT "{\"name\":\"memstache\",\"kind\":\"cache\"}"

static const row rows[] = {
    {"flags_0", 0, PLAIN},
    {"flags_schema", SCHEMA, PLAIN, .schema = 0xCAFE0001},
    {"flags_expiry", EXPIRY, PLAIN, .life = 1800000},
    {"flags_schema_expiry", SCHEMA | EXPIRY, PLAIN, .schema = 7, .life = 1800000},
    {"flags_sliding", SLIDING, PLAIN, WINDOW},
    {"flags_schema_sliding", SCHEMA | SLIDING, PLAIN, WINDOW, .schema = 7},
    {"flags_expiry_sliding", EXPIRY | SLIDING, PLAIN, WINDOW, .life = 86400000},
    {"flags_schema_expiry_sliding", SCHEMA | EXPIRY | SLIDING, PLAIN, WINDOW, .schema = UINT32_MAX,
     .life = 86400000},
#define PACKED .serializer = 3, .compressor = 1, .created = CREATED, .text = LONG_TEXT, .times = 12
    {"brotli_0", COMPRESSED, PACKED},
    {"brotli_schema", COMPRESSED | SCHEMA, PACKED, .schema = 7},
    {"brotli_expiry", COMPRESSED | EXPIRY, PACKED, .life = 1800000},
    {"brotli_schema_expiry", COMPRESSED | SCHEMA | EXPIRY, PACKED, .schema = 7, .life = 1800000},
    {"brotli_sliding", COMPRESSED | SLIDING, PACKED, WINDOW},
    {"brotli_schema_sliding", COMPRESSED | SCHEMA | SLIDING, PACKED, WINDOW, .schema = 7},
    {"brotli_expiry_sliding", COMPRESSED | EXPIRY | SLIDING, PACKED, WINDOW, .life = 86400000},
    {"brotli_schema_expiry_sliding", COMPRESSED | SCHEMA | EXPIRY | SLIDING, PACKED, WINDOW,
     .schema = 7, .life = 86400000},
    {"brotli_one_byte", COMPRESSED, .serializer = 1, .compressor = 1, .created = CREATED,
     .text = "x", .times = 1},
    {"brotli_70k", COMPRESSED, .serializer = 1, .compressor = 1, .created = CREATED,
     .text = LONG_TEXT, .times = 2000},
    {"zstd_0", COMPRESSED, .serializer = 3, .compressor = 2, .created = CREATED, .text = LONG_TEXT,
     .times = 12},
    {"zstd_70k", COMPRESSED, .serializer = 1, .compressor = 2, .created = CREATED,
     .text = LONG_TEXT, .times = 2000},
    {"lz4_0", COMPRESSED, .serializer = 3, .compressor = 3, .created = CREATED, .text = LONG_TEXT,
     .times = 12},
    {"lz4_70k", COMPRESSED, .serializer = 1, .compressor = 3, .created = CREATED, .text = LONG_TEXT,
     .times = 2000},
    {"gzip_0", COMPRESSED, .serializer = 3, .compressor = 4, .created = CREATED, .text = LONG_TEXT,
     .times = 12},
    {"gzip_70k", COMPRESSED, .serializer = 1, .compressor = 4, .created = CREATED,
     .text = LONG_TEXT, .times = 2000},
    {"msgpack", 0, .serializer = 4, .created = CREATED,
     .text = "\x83\xa7"
             "f_int32\x05\xa8"
             "f_string\xa5"
             "hello\xa7"
             "r_int32\x93\x01\x02\x03",
     .times = 1},
    {"id_127", 0, .serializer = 127, .created = CREATED, .text = "hello", .times = 1},
    {"id_128", 0, .serializer = 128, .created = CREATED, .text = "hello", .times = 1},
    {"id_32767", SCHEMA, .serializer = 32767, .schema = 1, .created = CREATED, .text = "hello",
     .times = 1},
    {"id_compressor_300", COMPRESSED, .serializer = 200, .compressor = 300, .created = CREATED,
     .text = "hello", .times = 1},
    {"longest_header", COMPRESSED | SCHEMA | EXPIRY | SLIDING, WINDOW, .serializer = 32767,
     .compressor = 32767, .schema = 1, .created = CREATED, .life = 1, .text = "hello", .times = 1},
    {"empty", 0, .serializer = 1, .created = CREATED, .text = "", .times = 0},
    {"empty_all", SCHEMA | EXPIRY | SLIDING, WINDOW, .serializer = 2, .schema = 1,
     .created = CREATED, .life = 60000, .text = "", .times = 0},
    {"expiry_at_once", EXPIRY, PLAIN, .life = 0},
    {"expiry_longest", EXPIRY, PLAIN, .life = (UINT64_C(1) << 40) - 1},
    {"created_0", EXPIRY, .serializer = 1, .life = 1, .text = "hello", .times = 1},
    {"created_largest", EXPIRY, .serializer = 1, .created = (UINT64_C(1) << 48) - 1, .life = 1,
     .text = "hello", .times = 1},
    {"sliding_1ms", SLIDING, PLAIN, .mantissa = 1, .exponent = 0},
    {"sliding_8191ms", SLIDING, PLAIN, .mantissa = 8191, .exponent = 0},
    {"sliding_8192ms", SLIDING, PLAIN, .mantissa = 512, .exponent = 1},
    {"sliding_30min", SLIDING, PLAIN, .mantissa = 7032, .exponent = 2},
    {"sliding_longest", SLIDING, PLAIN, .mantissa = 8191, .exponent = 7},
    {"text_utf8", 0, .serializer = 3, .created = CREATED, .text = "{\"\xc3\xa4\":\"\xe2\x82\xac\"}",
     .times = 1},
    {"like_an_envelope", 0, .serializer = 1, .created = CREATED, .text = "\xc1\x10\x01\xc1\x10\x01",
     .times = 3},
};

static unsigned char raw[PAYLOAD_MAX], packed[2 * PAYLOAD_MAX], file[2 * PAYLOAD_MAX];

static unsigned char *little(unsigned char *at, uint64_t value, int bytes)
{
    for (; bytes > 0; bytes--, value >>= 8) {
        *at++ = (unsigned char) value;
    }
    return at;
}

static unsigned char *id(unsigned char *at, uint32_t value)
{
    if (value < 128) {
        *at++ = (unsigned char) value;
    } else {
        *at++ = (unsigned char) (value % 128 + 128);
        *at++ = (unsigned char) (value / 128);
    }
    return at;
}

static size_t gzip(size_t raw_len)
{
    z_stream s = {
        .next_in = raw, .avail_in = (uInt) raw_len, .next_out = packed, .avail_out = sizeof packed};
    deflateInit2(&s, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    deflate(&s, Z_FINISH);
    deflateEnd(&s);
    return s.total_out;
}

/* raw[raw_len] to packed; compressors that do not exist are played by brotli. */
static size_t compress_as(uint32_t compressor, size_t raw_len)
{
    size_t len = sizeof packed;
    if (compressor == 2) {
        return ZSTD_compress(packed, sizeof packed, raw, raw_len, 9);
    }
    if (compressor == 3) {
        return LZ4F_compressFrame(packed, sizeof packed, raw, raw_len, NULL);
    }
    if (compressor == 4) {
        return gzip(raw_len);
    }
    BrotliEncoderCompress(9, 16, BROTLI_MODE_GENERIC, raw_len, raw, &len, packed);
    return len;
}

static size_t payload_of(const row *r, size_t *raw_len)
{
    size_t len = strlen(r->text);
    for (unsigned i = 0; i < r->times; i++) {
        memcpy(raw + i * len, r->text, len);
    }
    *raw_len = len * r->times;
    if (!(r->flags & COMPRESSED)) {
        memcpy(packed, raw, *raw_len);
        return *raw_len;
    }
    return compress_as(r->compressor, *raw_len);
}

static size_t build(const row *r, size_t *raw_len, size_t *header_len)
{
    size_t len = payload_of(r, raw_len);
    unsigned char *at = file;
    *at++ = 0xC1;
    *at++ = (unsigned char) (1 << 4 | r->flags);
    at = id(at, r->serializer);
    at = little(at, r->created, 6);
    unsigned char *check = at;
    at = little(at, 0, 4);
    if (r->flags & COMPRESSED) {
        at = id(at, r->compressor);
        at = little(at, *raw_len, 4);
    }
    if (r->flags & SCHEMA) {
        at = little(at, r->schema, 4);
    }
    if (r->flags & EXPIRY) {
        at = little(at, r->life, 5);
    }
    if (r->flags & SLIDING) {
        at = little(at, r->mantissa | r->exponent << 13, 2);
    }
    *header_len = (size_t) (at - file);
    little(check, XXH3_64bits_withSeed(packed, len, XXH3_64bits_withSeed(file, *header_len, 0)), 4);
    memcpy(at, packed, len);
    return *header_len + len;
}

/* How often `text` stands one after the other, and the text in hexadecimal; "-" for nothing. */
static void describe(FILE *manifest, const row *r, size_t raw_len, size_t header_len)
{
    uint64_t window = r->mantissa;
    for (unsigned i = 0; i < r->exponent; i++) {
        window *= 16;
    }
    fprintf(manifest, "%s %u %u %u %" PRIu64 " %" PRIu64 " %" PRIu64 " %zu %zu %u ", r->name,
            (unsigned) r->serializer, (unsigned) r->compressor, (unsigned) r->schema, r->created,
            r->flags & EXPIRY ? r->created + r->life : 0, window, raw_len, header_len, r->times);
    for (const char *c = r->text; *c; c++) {
        fprintf(manifest, "%02x", (unsigned) (unsigned char) *c);
    }
    fprintf(manifest, "%s\n", *r->text ? "" : "-");
}

int main(int argc, char **argv)
{
    char path[4096];
    if (argc != 2) {
        fprintf(stderr, "usage: corpus_make DIRECTORY\n");
        return 2;
    }
    snprintf(path, sizeof path, "%s/manifest.txt", argv[1]);
    FILE *manifest = fopen(path, "w");
    if (!manifest) {
        perror(path);
        return 1;
    }
    fprintf(manifest, "# name serializer compressor schema created expires sliding raw_len "
                      "header_len times payload\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t raw_len, header_len, len = build(&rows[i], &raw_len, &header_len);
        describe(manifest, &rows[i], raw_len, header_len);
        snprintf(path, sizeof path, "%s/%s.bin", argv[1], rows[i].name);
        FILE *out = fopen(path, "wbx");
        if (!out) {
            fprintf(stderr, "%s: exists, kept\n", path);
            continue;
        }
        if (fwrite(file, 1, len, out) != len || fclose(out)) {
            perror(path);
            return 1;
        }
    }
    return fclose(manifest) ? 1 : 0;
}
