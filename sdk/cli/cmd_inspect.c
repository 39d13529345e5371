/* cmd_inspect.c - `inspect`: what a stored value is, offline, from the bytes of a far tier. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <memstache/codec.h>

#include "cli.h"

enum { HEAD = 64 }; /* bytes of the payload that are shown */

static int digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char) (c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Pairs of digits; blanks, colons and "\x" between them are skipped, as tools print them. */
static bool read_hex(const cli *c, const char *text, char **data, size_t *len)
{
    *len = 0;
    *data = malloc(strlen(text) / 2 + 1);
    if (!*data) {
        cli_say(c, "%s", mst_strerror(MST_ENOMEM));
        return false;
    }
    for (const char *p = text; *p;) {
        if (strchr(" :\t\n\r", *p)) {
            p++;
        } else if (p[0] == '\\' && p[1] == 'x') {
            p += 2;
        } else if (digit(p[0]) >= 0 && digit(p[1]) >= 0) {
            (*data)[(*len)++] = (char) (digit(p[0]) << 4 | digit(p[1]));
            p += 2;
        } else {
            cli_say(c, "--hex: no pair of hexadecimal digits at \"%.8s\"", p);
            free(*data);
            return false;
        }
    }
    return true;
}

/* ---- wire ids: asked of the configuration's plugins and of those that come with memstache */

typedef struct id_search {
    uint32_t id;
    int kind;
    const char *name;
} id_search;

static int match_id(void *arg, const mst_plugin_use *use)
{
    id_search *search = arg;
    const mst_serializer_ops *serializer = use->plugin->ops;
    const mst_compressor_ops *compressor = use->plugin->ops;
    if (use->plugin->kind != search->kind) {
        return 0;
    }
    uint32_t id = search->kind == MST_KIND_SERIALIZER ? serializer->wire_id : compressor->wire_id;
    search->name = id == search->id ? use->plugin->name : NULL;
    return search->name != NULL;
}

static const char *name_of(mst_config *config, int kind, uint32_t id)
{
    static const char *const shipped[] = {"raw",    "protobuf", "json", "msgpack",
                                          "brotli", "gzip",     "lz4",  "zstd"};
    id_search search = {.id = id, .kind = kind};
    mst_plugin_use use;
    if (id == 0) {
        return "none";
    }
    if (config) {
        mst_config_each_plugin(config, match_id, &search, NULL);
    }
    for (size_t i = 0; config && !search.name && i < sizeof shipped / sizeof shipped[0]; i++) {
        if (mst_config_find_plugin(config, kind_name(kind), shipped[i], &use, NULL) == MST_OK) {
            match_id(&search, &use);
        }
    }
    return search.name ? search.name : "not known here";
}

/* ---- printing */

static const char *date(uint64_t ms, char buffer[40])
{
    time_t seconds = (time_t) (ms / 1000);
    struct tm tm;
    size_t at;
    if (!gmtime_r(&seconds, &tm)) {
        return "?";
    }
    at = strftime(buffer, 32, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(buffer + at, 40 - at, ".%03uZ", (unsigned) (ms % 1000));
    return buffer;
}

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void times_text(cli_out *out, const mst_envelope *e)
{
    char buffer[40], distance[TEXT_MS_MAX];
    int64_t left = (int64_t) e->expires_ms - wall_ms();
    out_format(out, "created     %s\n", date(e->created_ms, buffer));
    if (!e->expires_ms) {
        out_text(out, "expires     never\n");
    } else if (left > 0) {
        out_format(out, "expires     %s, in %s\n", date(e->expires_ms, buffer),
                   text_show_ms(left, distance));
    } else {
        out_format(out, "expires     %s, passed\n", date(e->expires_ms, buffer));
    }
    if (e->sliding_ms) {
        out_format(out, "sliding     %s\n", text_show_ms((int64_t) e->sliding_ms, distance));
    }
}

static void text(cli *c, mst_config *names, mst_slice bytes, const mst_envelope *e)
{
    cli_out *out = &c->out;
    size_t head = e->payload_len < HEAD ? e->payload_len : HEAD;
    out_format(out, "envelope    version %u, %zu bytes: header %zu, payload %zu\n", e->version,
               bytes.len, e->header_len, e->payload_len);
    out_format(out, "serializer  %u (%s)\n", e->serializer_id,
               name_of(names, MST_KIND_SERIALIZER, e->serializer_id));
    out_format(out, "compressor  %u (%s)\n", e->compressor_id,
               name_of(names, MST_KIND_COMPRESSOR, e->compressor_id));
    out_format(out, "schema      %u\n", e->schema_id);
    out_format(out, "raw length  %llu\n", (unsigned long long) e->raw_len);
    times_text(out, e);
    out_format(out, "payload%s\n", head < e->payload_len ? ", its beginning" : "");
    out_hex(out, "  ", (const char *) bytes.data + e->header_len, head);
}

static void object(cli *c, mst_config *names, mst_slice bytes, const mst_envelope *e)
{
    cli_json json;
    size_t head = e->payload_len < HEAD ? e->payload_len : HEAD;
    json_open(&json, &c->out);
    json_bool(&json, "envelope", true);
    json_number(&json, "version", e->version);
    json_number(&json, "serializer_id", e->serializer_id);
    json_text(&json, "serializer", name_of(names, MST_KIND_SERIALIZER, e->serializer_id));
    json_number(&json, "compressor_id", e->compressor_id);
    json_text(&json, "compressor", name_of(names, MST_KIND_COMPRESSOR, e->compressor_id));
    json_number(&json, "schema_id", e->schema_id);
    json_number(&json, "raw_length", (int64_t) e->raw_len);
    json_number(&json, "header_length", (int64_t) e->header_len);
    json_number(&json, "payload_length", (int64_t) e->payload_len);
    json_number(&json, "created_ms", (int64_t) e->created_ms);
    json_number(&json, "expires_ms", (int64_t) e->expires_ms);
    json_number(&json, "sliding_ms", (int64_t) e->sliding_ms);
    json_bytes(&json, "payload_head", "payload_encoding", (const char *) bytes.data + e->header_len,
               head);
    json_close(&json);
}

static int refuse(cli *c, const cli_args *args, mst_slice bytes, const mst_error *error)
{
    if (args->json) {
        cli_json json;
        json_open(&json, &c->out);
        json_bool(&json, "envelope", false);
        json_text(&json, "reason", error->text);
        json_number(&json, "length", (int64_t) bytes.len);
        json_close(&json);
        return CLI_NO;
    }
    cli_say(c, "not an envelope of memstache: %s", error->text);
    if (bytes.len) {
        cli_say(c, "%zu bytes that begin with", bytes.len);
        out_hex(&c->out, "  ", bytes.data, bytes.len < HEAD ? bytes.len : HEAD);
    }
    return CLI_NO;
}

static void ignore(void *arg, const char *problem)
{
}

static int inspect(cli *c, const cli_args *args)
{
    size_t problems;
    mst_envelope envelope = {0};
    mst_error error = {0};
    char *data = NULL;
    mst_slice bytes = {0};
    int code = CLI_OK;
    if (args->hex && args->count) {
        cli_say(c, "inspect: a FILE and --hex at once; leave one out");
        return CLI_USAGE;
    }
    if (args->hex) {
        if (!read_hex(c, args->hex, &data, &bytes.len)) {
            return CLI_USAGE;
        }
    } else if (c->batch && (!args->count || strcmp(args->operands[0], "-") == 0)) {
        cli_say(c, "inspect: nothing to read; in a batch give FILE or --hex TEXT");
        return CLI_USAGE;
    } else if (!input_read(c, args->count ? args->operands[0] : "-", &data, &bytes.len)) {
        return CLI_FAILED;
    }
    bytes.data = data;
    if (mst_envelope_read(bytes, &envelope, &error) != MST_OK) {
        code = refuse(c, args, bytes, &error);
    } else {
        /* Names are a courtesy: a configuration with problems must not hide the envelope. */
        session_examine(c, args, ignore, NULL, &problems);
        (args->json ? object : text)(c, c->config, bytes, &envelope);
    }
    free(data);
    return code;
}

const cli_command inspect_commands[] = {
    {"inspect", "[FILE|-]", "say what a stored value is, without a cache",
     "The bytes come from a file, from standard input or from --hex. Prints the fields of the "
     "envelope and the beginning of the payload, or why it is no envelope (exit code 1).",
     ARG_HEX, 0, 1, inspect},
    {0},
};
