/* corpus.c - see corpus.h and tests/corpus/make.c. */
#include "corpus.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t *read_whole(const char *path, size_t *len)
{
    enum { FILE_MAX = 1 << 20 };
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = malloc(FILE_MAX);
    *len = f && bytes ? fread(bytes, 1, FILE_MAX, f) : 0;
    if (!f || *len == 0 || *len == FILE_MAX) {
        free(bytes);
        bytes = NULL;
    }
    if (f) {
        fclose(f);
    }
    return bytes;
}

/* `times` repetitions of the hexadecimal text, which must be raw_len bytes. */
static uint8_t *payload_of(const char *hex, unsigned times, size_t raw_len)
{
    size_t unit = strcmp(hex, "-") == 0 ? 0 : strlen(hex) / 2;
    uint8_t *payload = unit * times == raw_len ? malloc(raw_len + 1) : NULL;
    for (size_t i = 0; payload && i < raw_len; i++) {
        unsigned byte = 0;
        sscanf(hex + 2 * (i % unit), "%2x", &byte);
        payload[i] = (uint8_t) byte;
    }
    return payload;
}

static int read_line(const char *line, const char *root, corpus_file *f)
{
    char path[4096], hex[1024];
    unsigned times;
    mst_envelope *e = &f->expected;
    if (sscanf(line,
               "%63s %" SCNu32 " %" SCNu32 " %" SCNu32 " %" SCNu64 " %" SCNu64 " %" SCNu64
               " %" SCNu64 " %zu %u %1023s",
               f->name, &e->serializer_id, &e->compressor_id, &e->schema_id, &e->created_ms,
               &e->expires_ms, &e->sliding_ms, &e->raw_len, &e->header_len, &times, hex) != 11) {
        return 0;
    }
    snprintf(path, sizeof path, "%s/tests/corpus/envelope/%s.bin", root, f->name);
    f->bytes = read_whole(path, &f->len);
    f->payload = payload_of(hex, times, e->raw_len);
    e->version = 1;
    e->payload_len = f->len - e->header_len;
    return f->bytes && f->payload;
}

const char *corpus_load(corpus *c)
{
    const char *root = getenv("MEMSTACHE_SOURCE_ROOT");
    char path[4096], line[2048];
    memset(c, 0, sizeof *c);
    if (!root) {
        return "MEMSTACHE_SOURCE_ROOT is not set";
    }
    snprintf(path, sizeof path, "%s/tests/corpus/envelope/manifest.txt", root);
    FILE *manifest = fopen(path, "r");
    if (!manifest) {
        return "there is no manifest";
    }
    const char *wrong = NULL;
    while (!wrong && fgets(line, sizeof line, manifest)) {
        if (line[0] == '#') {
            continue;
        }
        if (c->count == CORPUS_MAX || !read_line(line, root, &c->files[c->count++])) {
            wrong = "a line of the manifest and its file do not agree";
        }
    }
    fclose(manifest);
    return wrong;
}

void corpus_free(corpus *c)
{
    for (size_t i = 0; i < c->count; i++) {
        free(c->files[i].bytes);
        free(c->files[i].payload);
    }
}
