/* reply.c - objects for hiredis's reader. A string is one block, header and bytes, so that it can
 * be lent as it is to whoever asked. Nothing that the server says makes us allocate more than a
 * small multiple of what it has sent: strings are bounded, arrays by their sum, depth by what our
 * commands can be answered with. */
#include "reply.h"

#include <string.h>

/* As CLUSTER SLOTS needs: ranges of nodes of names, and a slot to each range at worst. */
enum { ELEMENTS_MAX = 256 * 1024, DEPTH_MAX = 4 };

#if HIREDIS_MAJOR >= 1
typedef size_t red_count;
#else
typedef int red_count;
#endif

static red_reply *make(const redisReadTask *task, int type, size_t bytes)
{
    red_limits *limits = task->privdata;
    const mst_host *host = limits->host;
    red_reply *r = host->alloc(host, sizeof *r + bytes);
    if (!r) {
        limits->refusal = "out of memory";
        return NULL;
    }
    *r = (red_reply){.host = host, .type = type};
    if (task->parent) {
        ((red_reply *) task->parent->obj)->element[task->idx] = r;
    }
    return r;
}

static void *make_string(const redisReadTask *task, char *data, size_t len)
{
    red_limits *limits = task->privdata;
    int type = task->type == REDIS_REPLY_STRING   ? RED_STRING
               : task->type == REDIS_REPLY_STATUS ? RED_STATUS
               : task->type == REDIS_REPLY_ERROR  ? RED_ERROR
                                                  : RED_STRANGE;
    if (len > limits->max_bytes) {
        limits->refusal = "a value above max_value_bytes";
        return NULL;
    }
    red_reply *r = make(task, type, len + 1);
    if (r) {
        r->bytes = (char *) (r + 1);
        r->len = len;
        memcpy(r->bytes, data, len);
        r->bytes[len] = '\0';
    }
    return r;
}

static void *make_array(const redisReadTask *task, red_count count)
{
    red_limits *limits = task->privdata;
    size_t n = (size_t) count;
    int depth = 1;
    for (const redisReadTask *at = task->parent; at; at = at->parent) {
        depth++;
    }
    limits->elements = depth == 1 ? 0 : limits->elements;
    if (task->type != REDIS_REPLY_ARRAY) {
        limits->refusal = "a reply of a protocol that was not asked for";
        return NULL;
    }
    if (depth > DEPTH_MAX || n > ELEMENTS_MAX - limits->elements) {
        limits->refusal =
            depth > DEPTH_MAX ? "a reply that nests too deep" : "a reply with too many elements";
        return NULL;
    }
    limits->elements += n;
    red_reply *r = make(task, RED_ARRAY, n * sizeof(red_reply *));
    if (r) {
        r->element = (red_reply **) (r + 1);
        r->len = n;
        memset(r->element, 0, n * sizeof(red_reply *));
    }
    return r;
}

static void *make_integer(const redisReadTask *task, long long value)
{
    red_reply *r = make(task, RED_INTEGER, 0);
    if (r) {
        r->integer = value;
    }
    return r;
}

static void *make_nil(const redisReadTask *task)
{
    return make(task, RED_NIL, 0);
}

#if HIREDIS_MAJOR >= 1
static void *make_double(const redisReadTask *task, double value, char *text, size_t len)
{
    (void) value;
    (void) text;
    (void) len;
    return make(task, RED_STRANGE, 0);
}

static void *make_bool(const redisReadTask *task, int value)
{
    (void) value;
    return make(task, RED_STRANGE, 0);
}
#endif

static void free_object(void *object)
{
    red_reply_free(object);
}

void red_reply_functions(redisReplyObjectFunctions *f)
{
    *f = (redisReplyObjectFunctions)
    {
        .createString = make_string, .createArray = make_array, .createInteger = make_integer,
        .createNil = make_nil,
#if HIREDIS_MAJOR >= 1
        .createDouble = make_double, .createBool = make_bool,
#endif
        .freeObject = free_object,
    };
}

/* As deep as make_array() lets replies become. */
void red_reply_free(red_reply *r)
{
    if (!r) {
        return;
    }
    if (r->type == RED_ARRAY) {
        for (size_t i = 0; i < r->len; i++) {
            red_reply_free(r->element[i]);
        }
    }
    r->host->free(r->host, r);
}

static void give_back(void *owner)
{
    red_reply *r = owner;
    const mst_host *host = r->host;
    host->free(host, r);
    host->release(host);
}

void red_reply_lend(red_reply *r, mst_value *out)
{
    r->host->retain(r->host);
    *out = (mst_value){r->bytes, r->len, give_back, r};
}
