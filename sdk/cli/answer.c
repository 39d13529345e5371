/* answer.c - how the answer for one key is shown: the value or a figure on standard output, a
 * remark on stderr when there is none, a line of --explain, or an object of --json. */
#include <string.h>
#include <unistd.h>

#include "cli.h"

mst_options answer_options(const cli_args *args)
{
    mst_options options = {.timeout_ms = args->timeout_ms};
    options.entry.expire_ms = args->expire_ms;
    options.entry.sliding_ms = args->sliding_ms;
    options.entry.compress = args->compress;
    options.flags |= args->if_absent ? MST_F_IF_ABSENT : 0;
    options.flags |= args->if_present ? MST_F_IF_PRESENT : 0;
    return options;
}

bool answer_key(const cli *c, const char *text, mst_slice *key)
{
    enum { KEY_MAX = 65535 };
    *key = mst_str(text);
    if (key->len == 0 || key->len > KEY_MAX) {
        cli_say(c, "a key has 1 to %d bytes, this one %zu", KEY_MAX, key->len);
        return false;
    }
    return true;
}

static int code_of(const mst_result *result)
{
    switch (result->status) {
    case MST_OK:
        return CLI_OK;
    case MST_MISS: /* a tier that could not be asked may have it: not the same as "not there" */
        return result->why == MST_WHY_TIER_FAILED ? CLI_FAILED : CLI_NO;
    case MST_UNCHANGED:
        return CLI_NO;
    case MST_EINVAL:
        return CLI_USAGE;
    case MST_ECONFIG:
    case MST_EPLUGIN:
        return CLI_CONFIG;
    default:
        return CLI_FAILED;
    }
}

static const char *why_text(int why)
{
    static const char *const texts[] = {
#define TEXT_OF(id, name, text) text,
        MST_WHY_MAP(TEXT_OF)
#undef TEXT_OF
    };
    return why >= 0 && why < MST_WHY_COUNT ? texts[why] : mst_why_name(why);
}

static const char *advice(mst_status status)
{
    switch (status) {
    case MST_ETIMEDOUT:
        return "; give it longer with --timeout, or see why the tier is slow with --verbose";
    case MST_ETOOBIG:
        return "; raise max_value_bytes of the cache";
    case MST_EBUSY:
        return "; raise max_pending of the cache, or ask for less at once";
    case MST_EIO:
    case MST_MISS:
        return "; see what the tier reports with --verbose";
    default:
        return "";
    }
}

static void remark(const cli *c, const cli_args *args, const char *verb, mst_slice key,
                   const mst_result *r, int code)
{
    char shown[TEXT_KEY_MAX];
    if (code == CLI_OK || (code == CLI_NO && args->quiet)) {
        return;
    }
    cli_say(c, "%s %s: %s (%s)%s", verb, text_show_key(key, shown), mst_strerror(r->status),
            why_text(r->why), code == CLI_FAILED ? advice(r->status) : "");
}

static void explain(const cli *c, mst_slice key, const mst_result *r)
{
    char shown[TEXT_KEY_MAX], age[TEXT_MS_MAX], ttl[TEXT_MS_MAX];
    const char *tier = mst_cache_tier_name(c->cache, r->tier);
    cli_say(c, "%s: status=%s why=%s tier=%s age=%s ttl=%s length=%zu", text_show_key(key, shown),
            mst_status_name(r->status), mst_why_name(r->why), tier ? tier : "none",
            r->age_ms < 0 ? "unknown" : text_show_ms(r->age_ms, age), text_show_ms(r->ttl_ms, ttl),
            r->len);
}

static void object(cli *c, mst_slice key, const mst_result *r, int show)
{
    cli_json json;
    json_open(&json, &c->out);
    json_bytes(&json, "key", "key_encoding", key.data, key.len);
    json_text(&json, "status", mst_status_name(r->status));
    json_text(&json, "why", mst_why_name(r->why));
    json_text(&json, "tier", mst_cache_tier_name(c->cache, r->tier));
    if (r->age_ms < 0) {
        json_nothing(&json, "age_ms");
    } else {
        json_number(&json, "age_ms", r->age_ms);
    }
    if (r->ttl_ms < 0) {
        json_nothing(&json, "ttl_ms");
    } else {
        json_number(&json, "ttl_ms", r->ttl_ms);
    }
    if ((show == SHOW_VALUE || show == SHOW_FRAMED) && r->status == MST_OK) {
        json_number(&json, "length", (int64_t) r->len);
        json_bytes(&json, "value", "encoding", r->data, r->len);
    }
    json_close(&json);
}

/* A value goes out as it is. The line end that a reader of a terminal or of a batch needs is not
 * part of it, and is left out where it would do harm. */
static void value(cli *c, const mst_result *r)
{
    out_bytes(&c->out, r->data, r->len);
    if (c->batch || isatty(fileno(c->out.file))) {
        out_text(&c->out, "\n");
    }
}

/* mget: "KEY LENGTH", the value, a line end; "KEY -" for a key that is not there. */
static void framed(cli *c, mst_slice key, const mst_result *r)
{
    out_bytes(&c->out, key.data, key.len);
    if (r->status == MST_OK) {
        out_format(&c->out, " %zu\n", r->len);
        out_bytes(&c->out, r->data, r->len);
        out_text(&c->out, "\n");
    } else {
        out_text(&c->out, " -\n");
    }
}

int answer(cli *c, const cli_args *args, const char *verb, mst_slice key, const mst_result *r,
           int show)
{
    char ttl[TEXT_MS_MAX];
    int code = code_of(r);
    if (args->json) {
        object(c, key, r, show);
    } else if (show == SHOW_FRAMED) {
        framed(c, key, r);
    } else if (code == CLI_OK && show == SHOW_VALUE) {
        value(c, r);
    } else if (code == CLI_OK && show == SHOW_TTL) {
        out_format(&c->out, "%s\n", text_show_ms(r->ttl_ms, ttl));
    }
    if (args->explain) {
        explain(c, key, r);
    }
    if (!args->json || code != CLI_NO) {
        remark(c, args, verb, key, r, code);
    }
    return code;
}
