/* protobuf_test.c - the protobuf serializer: all fields come back, memory is charged exactly, and
 * hostile bytes are misses that cost little. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/hash.h"
#include "codec_floor.h"
#include "messages.h"

#define DESCRIPTOR(name) &memstache__test__##name##__descriptor

static codec_floor floor_;

static void setup(void)
{
    codec_floor_open(&floor_);
}

#define PROTOBUF_TEST(name) Test(protobuf, name, .init = setup)

static msi_instance *protobuf(void)
{
    return floor_.readers[FLOOR_PROTOBUF];
}

static mst_status encode(const void *object, msi_bytes *out)
{
    msi_instance *i = protobuf();
    const ProtobufCMessage *message = object;
    msi_bytes_init(out, &floor_.own.allocator, 64 << 20);
    return i->plugin->ops.serializer.encode(i->self, message->descriptor, object, &out->sink);
}

/* Decodes and destroys; returns the status, and checks what is charged. */
static mst_status decode(const void *descriptor, const void *data, size_t len,
                         const ProtobufCMessage *same)
{
    msi_instance *i = protobuf();
    const mst_serializer_ops *ops = &i->plugin->ops.serializer;
    void *object = NULL;
    size_t bytes = 0, before = (size_t) i->bytes;
    mst_status status = ops->decode(i->self, descriptor, (mst_slice){data, len}, &object, &bytes);
    if (status == MST_OK) {
        cr_assert_eq(bytes, (size_t) i->bytes - before, "charged as taken");
        cr_assert(!same || message_equal(object, same));
        ops->destroy(i->self, descriptor, object);
    }
    cr_assert_eq((size_t) i->bytes, before, "all memory came back");
    return status;
}

static void round_trip(const void *object)
{
    msi_bytes out;
    const ProtobufCMessage *message = object;
    cr_assert_eq(encode(object, &out), MST_OK);
    cr_assert_eq(decode(message->descriptor, out.data, out.len, message), MST_OK);
    msi_bytes_fini(&out);
}

PROTOBUF_TEST(every_kind_of_field_comes_back)
{
    Memstache__Test__Product empty = MEMSTACHE__TEST__PRODUCT__INIT;
    round_trip(message_everything());
    round_trip(message_product());
    round_trip(message_legacy());
    round_trip(&empty);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

/* A tag and a length for a field of type Chain, nested `depth` times. */
static size_t nest(uint8_t *out, size_t cap, unsigned tag, unsigned depth)
{
    size_t at = cap, len = 0;
    for (unsigned i = 0; i < depth; i++) {
        uint8_t prefix[6];
        size_t n = 0;
        for (size_t rest = len; n == 0 || rest; rest >>= 7) {
            prefix[n++] = (uint8_t) ((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
        }
        at -= n;
        memcpy(out + at, prefix, n);
        out[--at] = (uint8_t) (tag << 3 | 2);
        len = cap - at;
    }
    memmove(out, out + at, len);
    return len;
}

PROTOBUF_TEST(nesting_is_limited)
{
    enum { CAP = 2 << 20 };
    static uint8_t bytes[CAP];
    static const unsigned tags[] = {1, 2, 5}; /* single, repeated, oneof */
    for (int i = 0; i < 3; i++) {
        size_t len = nest(bytes, CAP, tags[i], 100);
        cr_assert_eq(decode(DESCRIPTOR(chain), bytes, len, NULL), MST_OK);
        len = nest(bytes, CAP, tags[i], 101);
        cr_assert_eq(decode(DESCRIPTOR(chain), bytes, len, NULL), MST_ECORRUPT);
        len = nest(bytes, CAP, tags[i], 100000);
        cr_assert_gt(len, 200000);
        cr_assert_eq(decode(DESCRIPTOR(chain), bytes, len, NULL), MST_ECORRUPT);
        cr_assert_eq(decode(DESCRIPTOR(legacy), bytes, len, NULL), MST_ECORRUPT);
    }
    memset(bytes, 1 << 3 | 3, CAP); /* groups in groups */
    cr_assert_eq(decode(DESCRIPTOR(chain), bytes, CAP, NULL), MST_ECORRUPT);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

PROTOBUF_TEST(too_deep_objects_are_not_written)
{
    static Memstache__Test__Chain links[102];
    msi_bytes out;
    for (int i = 0; i < 102; i++) {
        memstache__test__chain__init(&links[i]);
        links[i].next = i < 101 ? &links[i + 1] : NULL;
    }
    cr_assert_eq(encode(&links[1], &out), MST_OK, "100 levels below the root");
    msi_bytes_fini(&out);
    cr_assert_eq(encode(&links[0], &out), MST_EINVAL);
    msi_bytes_fini(&out);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

PROTOBUF_TEST(the_limit_is_an_option)
{
    static uint8_t bytes[4096];
    msi_instance *deep = codec_floor_instance(&floor_, &memstache_module_serializer_protobuf,
                                              (const char *[]){"max_depth", "400", NULL});
    msi_instance *usual = floor_.readers[FLOOR_PROTOBUF];
    floor_.readers[FLOOR_PROTOBUF] = deep;
    cr_assert_eq(decode(DESCRIPTOR(chain), bytes, nest(bytes, sizeof bytes, 1, 400), NULL), MST_OK);
    cr_assert_eq(decode(DESCRIPTOR(chain), bytes, nest(bytes, sizeof bytes, 1, 401), NULL),
                 MST_ECORRUPT);
    floor_.readers[FLOOR_PROTOBUF] = usual;
    msi_instance_release(deep);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

/* Two bytes of payload for each empty message, more than a hundred of memory. */
PROTOBUF_TEST(memory_is_limited)
{
    enum { MANY = 100000 };
    static uint8_t bytes[2 * MANY];
    msi_instance *small = codec_floor_instance(&floor_, &memstache_module_serializer_protobuf,
                                               (const char *[]){"max_memory", "1MiB", NULL});
    msi_instance *usual = floor_.readers[FLOOR_PROTOBUF];
    for (size_t i = 0; i < sizeof bytes; i += 2) {
        bytes[i] = 2 << 3 | 2; /* Chain.more */
    }
    cr_assert_eq(decode(DESCRIPTOR(chain), bytes, sizeof bytes, NULL), MST_OK);
    floor_.readers[FLOOR_PROTOBUF] = small;
    size_t resting = floor_.plugins.bytes;
    floor_.plugins.peak = 0;
    cr_assert_eq(decode(DESCRIPTOR(chain), bytes, sizeof bytes, NULL), MST_ETOOBIG);
    cr_assert_lt(floor_.plugins.peak - resting, 2 << 20);
    floor_.readers[FLOOR_PROTOBUF] = usual;
    msi_instance_release(small);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

/* Each occurrence of a single message is merged into the one before, lists are copied every time:
 * quadratic work, which the limit on memory ends. */
PROTOBUF_TEST(merging_is_limited)
{
    enum { MANY = 200000 };
    static uint8_t bytes[4 * MANY];
    for (size_t i = 0; i < sizeof bytes; i += 4) {
        memcpy(bytes + i, "\x0a\x02\x12\x00", 4); /* next { more {} } */
    }
    mst_status status = decode(DESCRIPTOR(chain), bytes, sizeof bytes, NULL);
    cr_assert(status == MST_ETOOBIG || status == MST_ECORRUPT, "%d", (int) status);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

PROTOBUF_TEST(large_and_small_blocks_come_back)
{
    static char text[4000];
    static char *tags[300];
    Memstache__Test__Product p = MEMSTACHE__TEST__PRODUCT__INIT;
    memset(text, 'x', sizeof text - 1);
    for (size_t size = 1; size < sizeof text; size += 13) {
        p.n_tags = size % 300;
        p.tags = tags;
        for (size_t i = 0; i < p.n_tags; i++) {
            tags[i] = text + sizeof text - 1 - (size * (i + 1)) % 600;
        }
        p.sku = text + sizeof text - 1 - size;
        p.thumbnail = (ProtobufCBinaryData){size, (uint8_t *) text};
        round_trip(&p);
    }
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

PROTOBUF_TEST(unknown_fields_are_kept)
{
    static const uint8_t bytes[] =
        "\x0a\x03sku\xfa\x07\x05hello\xf8\x07\x01"; /* 127: text, 127: 1 */
    msi_instance *i = protobuf();
    void *object;
    size_t charged;
    msi_bytes out;
    cr_assert_eq(i->plugin->ops.serializer.decode(i->self, DESCRIPTOR(product),
                                                  (mst_slice){bytes, sizeof bytes - 1}, &object,
                                                  &charged),
                 MST_OK);
    cr_assert_eq(encode(object, &out), MST_OK);
    cr_assert_eq(out.len, sizeof bytes - 1);
    cr_assert_eq(memcmp(out.data, bytes, out.len), 0);
    msi_bytes_fini(&out);
    i->plugin->ops.serializer.destroy(i->self, DESCRIPTOR(product), object);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

PROTOBUF_TEST(broken_bytes_are_misses)
{
    static uint8_t broken[8192];
    msi_bytes out;
    uint64_t x = 99;
    unsigned refused = 0;
    cr_assert_eq(encode(message_everything(), &out), MST_OK);
    cr_assert_leq(out.len, sizeof broken);
    for (size_t cut = 0; cut < out.len; cut++) {
        refused += decode(DESCRIPTOR(everything), out.data, cut, NULL) == MST_ECORRUPT;
    }
    for (int n = 0; n < 20000; n++) {
        x = msi_mix(x + 1);
        memcpy(broken, out.data, out.len);
        broken[x % out.len] = (uint8_t) (x >> 32);
        broken[(x >> 16) % out.len] ^= (uint8_t) (x >> 40);
        refused += decode(DESCRIPTOR(everything), broken, out.len, NULL) == MST_ECORRUPT;
    }
    cr_assert_gt(refused, 5000);
    cr_assert_eq(decode(DESCRIPTOR(legacy), "", 0, NULL), MST_ECORRUPT, "required fields");
    cr_assert_eq(decode("no descriptor at all", "", 0, NULL), MST_EINVAL);
    msi_bytes_fini(&out);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

PROTOBUF_TEST(every_failing_allocation_is_an_error)
{
    msi_bytes out;
    cr_assert_eq(encode(message_everything(), &out), MST_OK);
    for (long n = 1;; n++) {
        floor_.trigger.fail_at = floor_.trigger.calls + n;
        mst_status status = decode(DESCRIPTOR(everything), out.data, out.len, NULL);
        if (status == MST_OK) {
            cr_assert_gt(n, 2);
            break;
        }
        cr_assert_eq(status, MST_ENOMEM);
    }
    floor_.trigger.fail_at = 0;
    msi_bytes_fini(&out);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}
