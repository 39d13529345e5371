/* fake_store.c - requests, a map, and the replies of the protocol's second version. */
#include "fake_store.h"

#include <stdarg.h>
#include <stdlib.h>
#include <strings.h>

#include "pipeline/t.h"

struct fake_entry {
    fake_entry *next;
    fake_text key, value;
    uint64_t expires_ms; /* 0: never */
};

/* ---- texts */

void fake_text_add(fake_text *t, const void *data, size_t len)
{
    if (t->len + len > t->cap) {
        t->cap = (t->len + len) * 2 + 64;
        t->data = realloc(t->data, t->cap);
        REQUIRE(t->data);
    }
    if (len) {
        memcpy(t->data + t->len, data, len);
    }
    t->len += len;
}

void fake_text_print(fake_text *t, const char *format, ...)
{
    char line[200];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    REQUIRE(n >= 0 && (size_t) n < sizeof line);
    fake_text_add(t, line, (size_t) n);
}

void fake_text_free(fake_text *t)
{
    free(t->data);
    *t = (fake_text){0};
}

/* ---- requests */

/* "*3\r\n" at *at: the number, and *at behind it. -2: not complete; -1: something else. */
static long read_header(char kind, const char *data, size_t len, size_t *at)
{
    const char *from = data + *at, *end = len > *at ? memchr(from, '\n', len - *at) : NULL;
    if (len > *at && *from != kind) {
        return -1;
    }
    if (!end) {
        return -2;
    }
    *at = (size_t) (end - data) + 1;
    return strtol(from + 1, NULL, 10);
}

long fake_parse(fake_request *r, const char *data, size_t len)
{
    size_t at = 0;
    long n = read_header('*', data, len, &at);
    if (n < 1 || n > FAKE_ARGS_MAX) {
        return n == -2 ? 0 : -1;
    }
    r->n = (size_t) n;
    for (size_t i = 0; i < r->n; i++) {
        long size = read_header('$', data, len, &at);
        if (size < 0) {
            return size == -2 ? 0 : -1;
        }
        if (len - at < (size_t) size + 2) {
            return 0;
        }
        r->arg[i] = (fake_arg){data + at, (size_t) size};
        at += (size_t) size + 2;
    }
    return (long) at;
}

bool fake_is(const fake_request *r, size_t i, const char *text)
{
    return i < r->n && r->arg[i].len == strlen(text) &&
           !strncasecmp(r->arg[i].data, text, r->arg[i].len);
}

bool fake_has_key(const fake_request *r)
{
    static const char *const names[] = {"GET",    "MGET", "SET",     "GETEX",  "DEL",
                                        "UNLINK", "PTTL", "PEXPIRE", "EXISTS", "PERSIST"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (fake_is(r, 0, names[i])) {
            return true;
        }
    }
    return false;
}

static long long number(const fake_request *r, size_t i)
{
    char text[32] = "";
    if (i < r->n && r->arg[i].len < sizeof text) {
        memcpy(text, r->arg[i].data, r->arg[i].len);
    }
    return strtoll(text, NULL, 10);
}

/* ---- the map */

static size_t bucket_of(fake_arg key)
{
    uint64_t h = 1469598103934665603u;
    for (size_t i = 0; i < key.len; i++) {
        h = (h ^ (uint8_t) key.data[i]) * 1099511628211u;
    }
    return (h >> 20) % FAKE_BUCKETS;
}

static void erase_at(fake_entry **at)
{
    fake_entry *e = *at;
    *at = e->next;
    fake_text_free(&e->key);
    fake_text_free(&e->value);
    free(e);
}

/* Where the entry is linked; what has expired is dropped on the way. */
static fake_entry **find(fake_store *s, fake_arg key, uint64_t now_ms)
{
    fake_entry **at = &s->bucket[bucket_of(key)];
    while (*at) {
        fake_entry *e = *at;
        if (e->expires_ms && e->expires_ms <= now_ms) {
            erase_at(at);
        } else if (e->key.len == key.len && !memcmp(e->key.data, key.data, key.len)) {
            return at;
        } else {
            at = &e->next;
        }
    }
    return at;
}

void fake_store_put(fake_store *s, fake_arg key, fake_arg value, uint64_t expires_ms)
{
    fake_entry **at = find(s, key, 0), *e = *at;
    if (!e) {
        e = *at = calloc(1, sizeof *e);
        REQUIRE(e);
        fake_text_add(&e->key, key.data, key.len);
    }
    e->value.len = 0;
    fake_text_add(&e->value, value.data, value.len);
    e->expires_ms = expires_ms;
}

const fake_text *fake_store_get(fake_store *s, fake_arg key, uint64_t now_ms)
{
    fake_entry *e = *find(s, key, now_ms);
    return e ? &e->value : NULL;
}

void fake_store_clear(fake_store *s)
{
    for (size_t i = 0; i < FAKE_BUCKETS; i++) {
        while (s->bucket[i]) {
            erase_at(&s->bucket[i]);
        }
    }
}

/* ---- commands */

static void say_bulk(fake_text *reply, const fake_text *value)
{
    if (!value) {
        fake_text_print(reply, "$-1\r\n");
        return;
    }
    fake_text_print(reply, "$%zu\r\n", value->len);
    fake_text_add(reply, value->data, value->len);
    fake_text_add(reply, "\r\n", 2);
}

static void get_many(fake_store *s, const fake_request *r, uint64_t now_ms, fake_text *reply)
{
    fake_text_print(reply, "*%zu\r\n", r->n - 1);
    for (size_t i = 1; i < r->n; i++) {
        say_bulk(reply, fake_store_get(s, r->arg[i], now_ms));
    }
}

static void set(fake_store *s, const fake_request *r, uint64_t now_ms, fake_text *reply)
{
    uint64_t expires_ms = 0;
    bool there = fake_store_get(s, r->arg[1], now_ms) != NULL, refused = false;
    for (size_t i = 3; i < r->n; i++) {
        if (fake_is(r, i, "PX") || fake_is(r, i, "EX")) {
            long long life = number(r, i + 1) * (fake_is(r, i, "EX") ? 1000 : 1);
            expires_ms = now_ms + (uint64_t) life;
            i++;
        }
        refused = refused || (fake_is(r, i, "NX") && there) || (fake_is(r, i, "XX") && !there);
    }
    if (!refused) {
        fake_store_put(s, r->arg[1], r->arg[2], expires_ms);
    }
    fake_text_print(reply, refused ? "$-1\r\n" : "+OK\r\n");
}

static void count(fake_store *s, const fake_request *r, uint64_t now_ms, bool erase,
                  fake_text *reply)
{
    int n = 0;
    for (size_t i = 1; i < r->n; i++) {
        fake_entry **at = find(s, r->arg[i], now_ms);
        n += *at != NULL;
        if (erase && *at) {
            erase_at(at);
        }
    }
    fake_text_print(reply, ":%d\r\n", n);
}

static void get_and_renew(fake_store *s, const fake_request *r, uint64_t now_ms, fake_text *reply)
{
    fake_entry *e = *find(s, r->arg[1], now_ms);
    say_bulk(reply, e ? &e->value : NULL);
    if (e && fake_is(r, 2, "PX")) {
        e->expires_ms = now_ms + (uint64_t) number(r, 3);
    } else if (e && fake_is(r, 2, "PERSIST")) {
        e->expires_ms = 0;
    }
}

static void life(fake_store *s, const fake_request *r, uint64_t now_ms, fake_text *reply)
{
    fake_entry *e = *find(s, r->arg[1], now_ms);
    if (fake_is(r, 0, "PTTL")) {
        long long left = !e ? -2 : !e->expires_ms ? -1 : (long long) (e->expires_ms - now_ms);
        fake_text_print(reply, ":%lld\r\n", left);
        return;
    }
    bool ends = fake_is(r, 0, "PEXPIRE"), done = e && (ends || e->expires_ms);
    if (done) {
        e->expires_ms = ends ? now_ms + (uint64_t) number(r, 2) : 0;
    }
    fake_text_print(reply, ":%d\r\n", done);
}

/* All of it in one step. Patterns are a prefix and a star, with backslashes. */
static void scan(fake_store *s, const fake_request *r, fake_text *reply)
{
    fake_text keys = {0}, prefix = {0};
    size_t n = 0;
    for (size_t i = 0; r->n > 3 && i + 1 < r->arg[3].len; i++) {
        i += r->arg[3].data[i] == '\\';
        fake_text_add(&prefix, r->arg[3].data + i, 1);
    }
    for (size_t i = 0; i < FAKE_BUCKETS; i++) {
        for (const fake_entry *e = s->bucket[i]; e; e = e->next) {
            if (e->key.len >= prefix.len &&
                (!prefix.len || !memcmp(e->key.data, prefix.data, prefix.len))) {
                say_bulk(&keys, &e->key);
                n++;
            }
        }
    }
    fake_text_print(reply, "*2\r\n$1\r\n0\r\n*%zu\r\n", n);
    fake_text_add(reply, keys.data, keys.len);
    fake_text_free(&keys);
    fake_text_free(&prefix);
}

static bool answers_ok(const fake_request *r)
{
    return fake_is(r, 0, "AUTH") || fake_is(r, 0, "SELECT") || fake_is(r, 0, "CLIENT") ||
           fake_is(r, 0, "READONLY") || fake_is(r, 0, "ASKING");
}

void fake_execute(fake_store *s, const fake_request *r, uint64_t now_ms, fake_text *reply)
{
    if (fake_is(r, 0, "PING")) {
        fake_text_print(reply, "+PONG\r\n");
    } else if (answers_ok(r)) {
        fake_text_print(reply, "+OK\r\n");
    } else if (r->n < 2) {
        fake_text_print(reply, "-ERR unknown command, or one argument too few\r\n");
    } else if (fake_is(r, 0, "GET")) {
        say_bulk(reply, fake_store_get(s, r->arg[1], now_ms));
    } else if (fake_is(r, 0, "MGET")) {
        get_many(s, r, now_ms, reply);
    } else if (fake_is(r, 0, "SET") && r->n >= 3) {
        set(s, r, now_ms, reply);
    } else if (fake_is(r, 0, "GETEX")) {
        get_and_renew(s, r, now_ms, reply);
    } else if (fake_is(r, 0, "DEL") || fake_is(r, 0, "UNLINK")) {
        count(s, r, now_ms, true, reply);
    } else if (fake_is(r, 0, "EXISTS")) {
        count(s, r, now_ms, false, reply);
    } else if (fake_is(r, 0, "PTTL") || fake_is(r, 0, "PEXPIRE") || fake_is(r, 0, "PERSIST")) {
        life(s, r, now_ms, reply);
    } else if (fake_is(r, 0, "SCAN")) {
        scan(s, r, reply);
    } else {
        fake_text_print(reply, "-ERR unknown command\r\n");
    }
}
