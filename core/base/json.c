/* json.c - see json.h. */
#include "base/json.h"

#include <stdio.h>
#include <string.h>

void msi_json_init(msi_json *j, const mst_allocator *allocator)
{
    *j = (msi_json){.allocator = allocator};
}

void msi_json_fini(msi_json *j)
{
    if (j->allocator) {
        msi_free(j->allocator, j->data);
        *j = (msi_json){.failed = true};
    }
}

static void add(msi_json *j, const char *bytes, size_t len)
{
    if (j->failed || len == 0) {
        return;
    }
    if (j->cap - j->len < len) {
        size_t cap = (j->len + len) * 2 < 1024 ? 1024 : (j->len + len) * 2;
        char *grown = msi_realloc(j->allocator, j->data, cap);
        if (!grown) {
            j->failed = true;
            return;
        }
        j->data = grown;
        j->cap = cap;
    }
    memcpy(j->data + j->len, bytes, len);
    j->len += len;
}

static void string(msi_json *j, const char *text)
{
    add(j, "\"", 1);
    for (const unsigned char *p = (const unsigned char *) text; *p; p++) {
        char escaped[8];
        if (*p >= 0x20 && *p < 0x7f && *p != '"' && *p != '\\') {
            add(j, (const char *) p, 1);
        } else {
            add(j, escaped, (size_t) snprintf(escaped, sizeof escaped, "\\u%04x", *p));
        }
    }
    add(j, "\"", 1);
}

static void begin(msi_json *j, const char *name)
{
    add(j, ",", j->more ? 1 : 0);
    j->more = true;
    if (name) {
        string(j, name);
        add(j, ":", 1);
    }
}

void msi_json_open(msi_json *j, const char *name, char bracket)
{
    begin(j, name);
    add(j, &bracket, 1);
    j->more = false;
}

void msi_json_close(msi_json *j, char bracket)
{
    add(j, &bracket, 1);
    j->more = true;
}

void msi_json_text(msi_json *j, const char *name, const char *text)
{
    begin(j, name);
    string(j, text);
}

void msi_json_number(msi_json *j, const char *name, uint64_t value)
{
    char digits[24];
    begin(j, name);
    add(j, digits, (size_t) snprintf(digits, sizeof digits, "%llu", (unsigned long long) value));
}

void msi_json_end_line(msi_json *j)
{
    add(j, "\n", 1);
    j->more = false;
}
