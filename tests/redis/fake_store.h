/* fake_store.h - what the scripted server knows and how it answers; without sockets or rules. */
#ifndef REDIS_FAKE_STORE_H
#define REDIS_FAKE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FAKE_BUCKETS = 4096, FAKE_ARGS_MAX = 4096 };

/* Bytes that grow. */
typedef struct fake_text {
    char *data;
    size_t len, cap;
} fake_text;
void fake_text_add(fake_text *, const void *data, size_t len);
void fake_text_print(fake_text *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void fake_text_free(fake_text *);

typedef struct fake_arg {
    const char *data;
    size_t len;
} fake_arg;
typedef struct fake_request {
    fake_arg arg[FAKE_ARGS_MAX];
    size_t n;
} fake_request;

/* Reads one request. Returns its length; 0: it is not complete; -1: it is none. */
long fake_parse(fake_request *, const char *data, size_t len);
bool fake_is(const fake_request *, size_t i, const char *text); /* in any case of letters */
bool fake_has_key(const fake_request *);

typedef struct fake_entry fake_entry;
typedef struct fake_store {
    fake_entry *bucket[FAKE_BUCKETS];
} fake_store;

/* Executes it; the reply is added to the text. */
void fake_execute(fake_store *, const fake_request *, uint64_t now_ms, fake_text *reply);
void fake_store_put(fake_store *, fake_arg key, fake_arg value, uint64_t expires_ms);
/* NULL when there is none. */
const fake_text *fake_store_get(fake_store *, fake_arg key, uint64_t now_ms);
void fake_store_clear(fake_store *);

#endif
