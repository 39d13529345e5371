/* jsonc_test.c - the serializer of sdk/examples/plugins/serializer_jsonc.c. The conformance kit
 * cannot make objects for it: they are structs of the program, described by a table of its own. */
#include <criterion/criterion.h>
#include <math.h>
#include <memstache/codec.h>
#include <stdlib.h>
#include <string.h>

#include "fake_host.h"
#include "jsonc.h"

extern const mst_module memstache_module_serializer_jsonc;

typedef struct item {
    int64_t id;
    double price;
    bool sold;
    const char *name, *note;
} item;

static const jsonc_field fields[] = {
    JSONC(item, id, JSONC_INT64),    JSONC(item, price, JSONC_DOUBLE),
    JSONC(item, sold, JSONC_BOOL),   JSONC(item, name, JSONC_STRING),
    JSONC(item, note, JSONC_STRING),
};
static const jsonc_type type = JSONC_TYPE(item, fields);
static const item sample = {INT64_MIN, 0.1, true, "a \"quoted\" \xc3\xa4\n", NULL};

typedef struct rig {
    mst_sink sink; /* first */
    fake_host host;
    void *self;
    const mst_plugin *plugin;
    const mst_serializer_ops *ops;
    char data[4096];
    size_t len, cap;
} rig;

static mst_status sink_write(mst_sink *sink, const void *data, size_t len)
{
    rig *r = (rig *) sink;
    if (len > r->cap - r->len) {
        return MST_ETOOBIG;
    }
    memcpy(r->data + r->len, data, len);
    r->len += len;
    return MST_OK;
}

static void rig_open(rig *r)
{
    *r = (rig){.sink = {.struct_size = sizeof r->sink, .write = sink_write}, .cap = sizeof r->data};
    fake_host_init(&r->host, "serializer.jsonc");
    r->plugin = memstache_module_serializer_jsonc.plugins[0];
    r->ops = r->plugin->ops;
    r->self = fake_instance_new(r->plugin);
    cr_assert_eq(r->plugin->init(r->self, &r->host.host), MST_OK);
}

static void rig_close(rig *r)
{
    fake_instance_free(r->self);
    cr_assert_eq(r->host.blocks, 0);
}

static mst_status encode(rig *r, const item *object)
{
    r->len = 0;
    return r->ops->encode(r->self, &type, object, &r->sink);
}

/* From memory that ends where the text ends, for ASan. */
static mst_status decode(rig *r, const char *text, size_t len, item **out, size_t *bytes)
{
    void *object = NULL;
    char *copy = malloc(len ? len : 1);
    memcpy(copy, text, len);
    mst_status status = r->ops->decode(r->self, &type, (mst_slice){copy, len}, &object, bytes);
    free(copy);
    *out = object;
    return status;
}

static mst_status decode_only(rig *r, const char *text, size_t len)
{
    item *object;
    size_t bytes;
    mst_status status = decode(r, text, len, &object, &bytes);
    if (status == MST_OK) {
        r->ops->destroy(r->self, &type, object);
    }
    return status;
}

Test(jsonc, what_goes_in_comes_out)
{
    rig r;
    item *made;
    size_t bytes;
    rig_open(&r);
    cr_assert_eq(encode(&r, &sample), MST_OK);
    cr_assert_eq(decode(&r, r.data, r.len, &made, &bytes), MST_OK);
    cr_assert_eq(made->id, sample.id);
    cr_assert_eq(made->price, sample.price);
    cr_assert_eq(made->sold, true);
    cr_assert_str_eq(made->name, sample.name);
    cr_assert_null(made->note);
    cr_assert_eq(bytes, sizeof(item) + strlen(sample.name) + 1);
    cr_assert_eq(r.host.bytes, (int64_t) bytes);
    r.ops->destroy(r.self, &type, made);
    rig_close(&r);
}

Test(jsonc, members_may_be_missing_or_unknown)
{
    static const char text[] = "{\"later\": [1, {\"a\": null}], \"price\": 3, \"name\": \"n\"}";
    rig r;
    item *made;
    size_t bytes;
    rig_open(&r);
    cr_assert_eq(decode(&r, text, sizeof text - 1, &made, &bytes), MST_OK);
    cr_assert_eq(made->id, 0);
    cr_assert_eq(made->price, 3);
    cr_assert_str_eq(made->name, "n");
    r.ops->destroy(r.self, &type, made);
    rig_close(&r);
}

Test(jsonc, what_is_no_such_struct_is_corrupt)
{
    static const char *const texts[] = {
        "",
        "null",
        "[]",
        "{",
        "{}}",
        "{\"id\": \"1\"}",
        "1",
        "\"a\"",
        "{\"id\": 1.5}",
        "{\"sold\": 1}",
        "{\"name\": 1}",
        "{\"name\": \"a\\u0000b\"}",
        "{id: 1}",
        "{\"id\": [1]}",
        "{\"price\": \"x\"}",
        "\xff",
        "{\"id\": 1} x",
    };
    rig r;
    rig_open(&r);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        cr_assert_eq(decode_only(&r, texts[i], strlen(texts[i])), MST_ECORRUPT, "%s", texts[i]);
    }
    rig_close(&r);
}

Test(jsonc, damaged_bytes_are_a_struct_or_corrupt)
{
    rig r;
    char damaged[4096];
    rig_open(&r);
    cr_assert_eq(encode(&r, &sample), MST_OK);
    for (size_t len = 0; len < r.len; len++) {
        cr_assert_eq(decode_only(&r, r.data, len), MST_ECORRUPT, "%zu bytes", len);
    }
    for (size_t bit = 0; bit < 8 * r.len; bit++) {
        memcpy(damaged, r.data, r.len);
        damaged[bit / 8] = (char) (damaged[bit / 8] ^ 1 << bit % 8);
        mst_status status = decode_only(&r, damaged, r.len);
        cr_assert(status == MST_OK || status == MST_ECORRUPT, "bit %zu: %d", bit, (int) status);
    }
    rig_close(&r);
}

Test(jsonc, descriptors_of_others_are_refused)
{
    static const uint64_t other[8];
    rig r;
    void *object;
    size_t bytes;
    rig_open(&r);
    cr_assert_eq(r.ops->encode(r.self, other, &sample, &r.sink), MST_EINVAL);
    cr_assert_eq(r.ops->decode(r.self, other, (mst_slice){"{}", 2}, &object, &bytes), MST_EINVAL);
    rig_close(&r);
}

Test(jsonc, what_cannot_be_written_is_refused)
{
    rig r;
    rig_open(&r);
    const item infinite = {.price = INFINITY};
    cr_assert_eq(encode(&r, &infinite), MST_EINVAL);
    r.cap = 10;
    cr_assert_eq(encode(&r, &sample), MST_ETOOBIG);
    rig_close(&r);
}

Test(jsonc, without_memory_there_is_no_object)
{
    rig r;
    rig_open(&r);
    cr_assert_eq(encode(&r, &sample), MST_OK);
    r.host.fail_in = 0;
    cr_assert_eq(decode_only(&r, r.data, r.len), MST_ENOMEM);
    r.host.fail_in = -1;
    cr_assert_eq(decode_only(&r, r.data, r.len), MST_OK);
    rig_close(&r);
}
