/* tape.c - the bytes of a payload to a list of values, by the parser of libmsgpack (msgpack-c).
 *
 * The library's own unpacker is not used. It refuses what nests deeper than 32 levels, and messages
 * may nest 400; it allocates for an array as many values as five bytes claim; and its memory is not
 * the host's. But it is made of a template, which comes with it to be used like this: it knows the
 * format, and tells of each value that it has seen whole. The values go one behind the other, in
 * the order of the bytes. Nothing is taken for what is only announced, and nothing here recurses.
 */
#define MSGPACK_EMBED_STACK_SIZE (2 * MSGPACK_DEPTH_LIMIT + 2)

#include "mapping.h"

#include <msgpack/unpack.h>
#include <msgpack/unpack_define.h>
#include <string.h>

enum { FIRST_ROOM = 64 };

static bool make_room(mst_tape *t)
{
    size_t room = t->room ? 2 * t->room : FIRST_ROOM;
    room = room < t->max ? room : t->max;
    if (room == t->room) {
        t->status = MST_ETOOBIG;
        return false;
    }
    mst_item *items = t->host->realloc(t->host, t->items, room * sizeof *items);
    if (!items) {
        t->status = MST_ENOMEM;
        return false;
    }
    t->items = items;
    t->room = room;
    return true;
}

/* 0, or -1 as the parser wants it. */
static int push(mst_tape *t, mst_item item)
{
    if (t->count == t->room && !make_room(t)) {
        return -1;
    }
    t->items[t->count++] = item;
    return 0;
}

static int push_unsigned(mst_tape *t, uint64_t value)
{
    return push(t, (mst_item){.kind = ITEM_UNSIGNED, .u = value});
}

static int push_signed(mst_tape *t, int64_t value)
{
    return value >= 0 ? push_unsigned(t, (uint64_t) value)
                      : push(t, (mst_item){.kind = ITEM_NEGATIVE, .i = value});
}

/* For an empty one the parser may say NULL. */
static int push_bytes(mst_tape *t, mst_item_kind kind, const char *at, uint32_t n)
{
    return push(t, (mst_item){.kind = kind, .n = n, .at = n ? at : ""});
}

/* ---- what the template calls. What it keeps of each value, an `unpacked`, is of no interest; but
 * it copies it, and so it is set. */

typedef char unpacked;

static unpacked found_root(mst_tape **t)
{
    return 0;
}

#define FOUND_NUMBER(name, type, pushed)                                                           \
    static int found_##name(mst_tape **t, type value, unpacked *out)                               \
    {                                                                                              \
        *out = 0;                                                                                  \
        return pushed;                                                                             \
    }
FOUND_NUMBER(uint8, uint8_t, push_unsigned(*t, value))
FOUND_NUMBER(uint16, uint16_t, push_unsigned(*t, value))
FOUND_NUMBER(uint32, uint32_t, push_unsigned(*t, value))
FOUND_NUMBER(uint64, uint64_t, push_unsigned(*t, value))
FOUND_NUMBER(int8, int8_t, push_signed(*t, value))
FOUND_NUMBER(int16, int16_t, push_signed(*t, value))
FOUND_NUMBER(int32, int32_t, push_signed(*t, value))
FOUND_NUMBER(int64, int64_t, push_signed(*t, value))
FOUND_NUMBER(float, float, push(*t, (mst_item){.kind = ITEM_REAL, .real = (double) value}))
FOUND_NUMBER(double, double, push(*t, (mst_item){.kind = ITEM_REAL, .real = value}))
FOUND_NUMBER(array, uint32_t, push(*t, (mst_item){.kind = ITEM_ARRAY, .n = value}))
FOUND_NUMBER(map, uint32_t, push(*t, (mst_item){.kind = ITEM_MAP, .n = value}))

static int found_nil(mst_tape **t, unpacked *out)
{
    *out = 0;
    return push(*t, (mst_item){.kind = ITEM_NIL});
}

static int found_true(mst_tape **t, unpacked *out)
{
    *out = 0;
    return push(*t, (mst_item){.kind = ITEM_BOOL, .u = 1});
}

static int found_false(mst_tape **t, unpacked *out)
{
    *out = 0;
    return push(*t, (mst_item){.kind = ITEM_BOOL, .u = 0});
}

static int found_str(mst_tape **t, const char *base, const char *at, uint32_t n, unpacked *out)
{
    *out = 0;
    return push_bytes(*t, ITEM_TEXT, at, n);
}

static int found_bin(mst_tape **t, const char *base, const char *at, uint32_t n, unpacked *out)
{
    *out = 0;
    return push_bytes(*t, ITEM_BYTES, at, n);
}

static int found_ext(mst_tape **t, const char *base, const char *at, uint32_t n, unpacked *out)
{
    *out = 0;
    return push_bytes(*t, ITEM_EXT, at, n);
}

static int found_array_item(mst_tape **t, unpacked *array, unpacked value)
{
    return 0;
}

static int found_map_item(mst_tape **t, unpacked *map, unpacked key, unpacked value)
{
    return 0;
}

#define msgpack_unpack_struct(name) struct parser##name
#define msgpack_unpack_func(ret, name) __attribute__((unused)) static ret parser##name
#define msgpack_unpack_callback(name) found##name
#define msgpack_unpack_object unpacked
#define msgpack_unpack_user mst_tape *
#include <msgpack/unpack_template.h>

/* ---- */

static mst_status parse(struct parser_context *parser, mst_slice payload, mst_tape *t)
{
    size_t at = 0;
    parser->user = t;
    parser_init(parser);
    bool whole = parser_execute(parser, payload.data, payload.len, &at) == 1;
    if (whole && at == payload.len) {
        return MST_OK;
    }
    return t->status ? t->status : MST_ECORRUPT;
}

mst_status mst_tape_read(const mst_host *host, mst_slice payload, uint64_t max_memory, mst_tape *t)
{
    uint64_t max = max_memory / sizeof(mst_item);
    *t = (mst_tape){.host = host, .max = max < payload.len ? (size_t) max : payload.len};
    if (payload.len == 0) {
        return MST_ECORRUPT;
    }
    struct parser_context *parser = host->alloc(host, sizeof *parser);
    if (!parser) {
        return MST_ENOMEM;
    }
    mst_status status = parse(parser, payload, t);
    host->free(host, parser);
    if (status) {
        mst_tape_free(t);
    }
    return status;
}

void mst_tape_free(mst_tape *t)
{
    if (t->items) {
        t->host->free(t->host, t->items);
        t->items = NULL;
    }
}

const mst_item *mst_item_next(const mst_item *item)
{
    for (uint64_t left = 1; left > 0; left--, item++) {
        if (item->kind == ITEM_ARRAY) {
            left += item->n;
        } else if (item->kind == ITEM_MAP) {
            left += 2 * (uint64_t) item->n;
        }
    }
    return item;
}
