/* json.c - writes JSON, one object a line. Strings are always valid UTF-8: bytes that are not go
 * out as base64, and names of files with U+FFFD in place of what cannot be shown. */
#include <string.h>

#include "cli.h"

/* Length of the UTF-8 sequence at p, 0 when there is none (overlong, surrogate, cut, too high). */
static size_t sequence(const unsigned char *p, size_t len)
{
    static const struct {
        unsigned char mask, lead;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    for (size_t n = 0; n < 4; n++) {
        if ((p[0] & forms[n].mask) != forms[n].lead) {
            continue;
        }
        uint32_t code = p[0] & (unsigned char) ~forms[n].mask;
        if (n + 1 > len) {
            return 0;
        }
        for (size_t i = 1; i <= n; i++) {
            if ((p[i] & 0xc0) != 0x80) {
                return 0;
            }
            code = code << 6 | (p[i] & 0x3fu);
        }
        bool valid = code >= forms[n].least && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
        return valid ? n + 1 : 0;
    }
    return 0;
}

static bool is_utf8(const unsigned char *p, size_t len)
{
    while (len) {
        size_t n = sequence(p, len);
        if (!n) {
            return false;
        }
        p += n;
        len -= n;
    }
    return true;
}

static void escape(cli_out *out, unsigned char c)
{
    static const char plain[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
    const char *at = memchr(plain, c, sizeof plain - 1);
    if (at) {
        out_format(out, "\\%c", letter[at - plain]);
    } else {
        out_format(out, "\\u%04x", c);
    }
}

/* A string with its quotes. Runs of plain bytes go out in one piece. */
static void string(cli_out *out, const unsigned char *p, size_t len)
{
    size_t from = 0, i = 0;
    out_text(out, "\"");
    while (i < len) {
        size_t n = sequence(p + i, len - i);
        if (n && p[i] >= 0x20 && p[i] != '"' && p[i] != '\\') {
            i += n;
            continue;
        }
        out_bytes(out, p + from, i - from);
        if (n) {
            escape(out, p[i]);
        } else {
            out_text(out, "\\ufffd");
        }
        from = ++i;
    }
    out_bytes(out, p + from, len - from);
    out_text(out, "\"");
}

static void base64(cli_out *out, const unsigned char *p, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    out_text(out, "\"");
    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        uint32_t group = (uint32_t) p[i] << 16;
        group |= n > 1 ? (uint32_t) p[i + 1] << 8 : 0;
        group |= n > 2 ? p[i + 2] : 0;
        char four[4] = {digits[group >> 18], digits[group >> 12 & 63],
                        n > 1 ? digits[group >> 6 & 63] : '=', n > 2 ? digits[group & 63] : '='};
        out_bytes(out, four, sizeof four);
    }
    out_text(out, "\"");
}

static void name_of(cli_json *json, const char *name)
{
    out_text(json->out, json->more ? "," : "");
    json->more = true;
    if (name) {
        string(json->out, (const unsigned char *) name, strlen(name));
        out_text(json->out, ":");
    }
}

void json_open(cli_json *json, cli_out *out)
{
    json->out = out;
    json->more = false;
    out_text(out, "{");
}

void json_close(cli_json *json)
{
    out_text(json->out, "}\n");
}

void json_text(cli_json *json, const char *name, const char *text)
{
    if (!text) {
        json_nothing(json, name);
        return;
    }
    name_of(json, name);
    string(json->out, (const unsigned char *) text, strlen(text));
}

void json_number(cli_json *json, const char *name, int64_t value)
{
    name_of(json, name);
    out_format(json->out, "%lld", (long long) value);
}

void json_decimal(cli_json *json, const char *name, double value)
{
    name_of(json, name);
    out_format(json->out, "%.9g", value);
}

void json_bool(cli_json *json, const char *name, bool value)
{
    name_of(json, name);
    out_text(json->out, value ? "true" : "false");
}

void json_nothing(cli_json *json, const char *name)
{
    name_of(json, name);
    out_text(json->out, "null");
}

void json_bytes(cli_json *json, const char *name, const char *encoding, const void *data,
                size_t len)
{
    const unsigned char *p = len ? data : (const unsigned char *) "";
    name_of(json, name);
    if (is_utf8(p, len)) {
        string(json->out, p, len);
    } else {
        base64(json->out, p, len);
        json_text(json, encoding, "base64");
    }
}

void json_list_open(cli_json *json, const char *name)
{
    name_of(json, name);
    out_text(json->out, "[");
    json->more = false;
}

void json_item_text(cli_json *json, const char *text)
{
    name_of(json, NULL);
    string(json->out, (const unsigned char *) text, strlen(text));
}

void json_list_close(cli_json *json)
{
    out_text(json->out, "]");
    json->more = true;
}

void json_item_open(cli_json *json)
{
    name_of(json, NULL);
    out_text(json->out, "{");
    json->more = false;
}

void json_item_close(cli_json *json)
{
    out_text(json->out, "}");
    json->more = true;
}
