/* codec_test.c - the rules of sealing and opening, readers by wire id, plugins that do
 * not behave, and failing allocations. */
#include <criterion/criterion.h>
#include <string.h>

#include "codec_floor.h"
#include "test.pb-c.h"

static codec_floor floor_;

static void setup(void)
{
    codec_floor_open(&floor_);
}

static void close_floor(void)
{
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

#define CODEC_TEST(name) Test(codec, name, .init = setup)

static const mst_type product_type = {"product", &memstache__test__product__descriptor, 0};

static const char *text_of(size_t len)
{
    static char text[2 << 20];
    for (size_t i = 0; i < len; i++) {
        text[i] = "all work and no play makes jack a dull boy. "[i % 44];
    }
    return text;
}

/* Seals text of `len` bytes; says how it was stored, and checks that it opens again. */
static bool is_compressed(size_t len, int compress)
{
    msi_codec *codec = &floor_.codec;
    mst_slice payload = {text_of(len), len}, opened;
    msi_meta meta = {0}, got;
    msi_sealed sealed;
    uint8_t *inflated, *stored = malloc(MSI_ENVELOPE_MAX + len + 1000);
    cr_assert_eq(msi_codec_seal(codec, payload, &meta, compress, &sealed), MST_OK);
    memcpy(stored, sealed.header, sealed.header_len);
    memcpy(stored + sealed.header_len, sealed.payload.data, sealed.payload.len);
    mst_slice bytes = {stored, sealed.header_len + sealed.payload.len};
    bool compressed = sealed.owned != NULL;
    cr_assert_eq(msi_codec_open_cost(codec, bytes), compressed ? len : 0);
    msi_sealed_fini(codec, &sealed);
    cr_assert_eq(msi_codec_open(codec, bytes, &got, &opened, &inflated), MST_OK);
    cr_assert_eq(opened.len, len);
    cr_assert_eq(memcmp(opened.data, payload.data, len), 0);
    cr_assert_eq(got.serializer_id, MSI_WIRE_RAW, "plain bytes say so");
    msi_free(codec->allocator, inflated);
    free(stored);
    return compressed;
}

CODEC_TEST(compression_follows_its_settings)
{
    msi_codec *codec = &floor_.codec;
    cr_assert_not(is_compressed(1000, MST_DEFAULT), "there is no compressor");
    cr_assert_not(is_compressed(1000, MST_YES));
    codec->compressor = floor_.readers[FLOOR_BROTLI];
    codec->settings.min_bytes = 500;
    cr_assert_not(is_compressed(0, MST_YES), "nothing to gain");
    cr_assert_not(is_compressed(499, MST_DEFAULT), "below min_size");
    cr_assert(is_compressed(500, MST_DEFAULT));
    cr_assert(is_compressed(200, MST_YES), "asked for");
    cr_assert_not(is_compressed(1000, MST_NO), "asked not to");
    cr_assert_not(is_compressed(3, MST_YES), "does not gain");
    codec->settings.min_gain = 0.999;
    cr_assert_not(is_compressed(1000, MST_DEFAULT), "gains too little");
    cr_assert_not(is_compressed(1000, MST_YES), "gains too little");
    codec->settings.min_gain = 0;
    cr_assert(is_compressed(1000, MST_DEFAULT));
    cr_assert_eq(codec->compressed, 3);
    close_floor();
}

CODEC_TEST(incompressible_bytes_stay_raw)
{
    uint8_t noise[4096];
    msi_sealed sealed;
    msi_meta meta = {0};
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof noise; i++) {
        noise[i] = (uint8_t) ((x = x * 1664525 + 1013904223) >> 24);
    }
    floor_.codec.compressor = floor_.readers[FLOOR_BROTLI];
    floor_.codec.settings.min_gain = 0;
    mst_slice payload = {noise, sizeof noise};
    cr_assert_eq(msi_codec_seal(&floor_.codec, payload, &meta, MST_YES, &sealed), MST_OK);
    cr_assert_null(sealed.owned);
    cr_assert_eq(sealed.payload.data, noise);
    msi_sealed_fini(&floor_.codec, &sealed);
    close_floor();
}

CODEC_TEST(the_limit_holds_in_both_directions)
{
    msi_codec *codec = &floor_.codec;
    msi_sealed sealed;
    msi_meta meta = {0};
    mst_slice big = {text_of(1 << 20), (1 << 20) + 1}, payload;
    uint8_t stored[4096], *inflated;
    codec->compressor = floor_.readers[FLOOR_BROTLI];
    cr_assert_eq(msi_codec_seal(codec, big, &meta, 0, &sealed), MST_ETOOBIG);
    big.len = 1 << 20;
    cr_assert_eq(msi_codec_seal(codec, big, &meta, 0, &sealed), MST_OK);
    cr_assert_leq(sealed.payload.len, sizeof stored - MSI_ENVELOPE_MAX);
    memcpy(stored, sealed.header, sealed.header_len);
    memcpy(stored + sealed.header_len, sealed.payload.data, sealed.payload.len);
    mst_slice bytes = {stored, sealed.header_len + sealed.payload.len};
    msi_sealed_fini(codec, &sealed);

    codec->max_value_bytes = (1 << 20) - 1;
    cr_assert_eq(msi_codec_open_cost(codec, bytes), 0, "it will only look");
    floor_.own.largest = 0;
    cr_assert_eq(msi_codec_open(codec, bytes, &meta, &payload, &inflated), MST_ETOOBIG);
    cr_assert_eq(floor_.own.largest, 0, "nothing was allocated");
    cr_assert_eq(codec->faults[MSI_ENVELOPE_TOO_BIG], 1);
    codec->envelope = false;
    codec->max_value_bytes = bytes.len - 1;
    cr_assert_eq(msi_codec_open(codec, bytes, &meta, &payload, &inflated), MST_ETOOBIG);
    cr_assert_eq(codec->faults[MSI_ENVELOPE_TOO_BIG], 2);
    close_floor();
}

CODEC_TEST(without_envelope_bytes_pass_as_they_are)
{
    msi_codec *codec = &floor_.codec;
    msi_sealed sealed;
    msi_meta meta = {.expires_ms = 5, .schema_id = 9};
    mst_slice payload = {text_of(2000), 2000}, opened;
    uint8_t *inflated;
    codec->envelope = false;
    codec->compressor = floor_.readers[FLOOR_BROTLI];
    cr_assert_eq(msi_codec_seal(codec, payload, &meta, MST_YES, &sealed), MST_OK);
    cr_assert_eq(sealed.header_len, 0);
    cr_assert_eq(sealed.payload.data, payload.data);
    cr_assert_eq(sealed.payload.len, 2000);
    cr_assert_eq(msi_codec_open(codec, payload, &meta, &opened, &inflated), MST_OK);
    cr_assert_eq(opened.data, payload.data);
    cr_assert_eq(meta.serializer_id + meta.expires_ms + meta.schema_id, 0);
    cr_assert_eq(msi_codec_open_cost(codec, payload), 0);
    close_floor();
}

/* ---- typed values */

static mst_status encode_with(int reader, msi_bytes *out)
{
    static char *tags[] = {"new", "blue"};
    Memstache__Test__Product p = MEMSTACHE__TEST__PRODUCT__INIT;
    p.sku = "A-1";
    p.price_cents = 1999;
    p.n_tags = 2;
    p.tags = tags;
    floor_.codec.serializer = floor_.readers[reader];
    return msi_codec_encode(&floor_.codec, &product_type, &p, out);
}

static bool decodes(uint32_t serializer_id, mst_slice payload)
{
    msi_object *o;
    mst_status status = msi_codec_decode(&floor_.codec, serializer_id, &product_type, payload, &o);
    cr_assert(status == MST_OK || status == MST_ECORRUPT);
    if (status) {
        cr_assert_null(o);
        return false;
    }
    const Memstache__Test__Product *p = o->object;
    cr_assert_str_eq(p->sku, "A-1");
    cr_assert_eq(p->price_cents, 1999);
    cr_assert_eq(p->n_tags, 2);
    cr_assert_gt(o->base.bytes, sizeof *o + sizeof *p);
    msi_object_retain(o);
    o->base.release(&o->base);
    cr_assert_eq(o->object, p, "still held");
    msi_object_release(o);
    return true;
}

CODEC_TEST(typed_values_come_back_through_whoever_wrote_them)
{
    msi_codec *codec = &floor_.codec;
    msi_bytes packed, json;
    msi_bytes_init(&packed, codec->allocator, 1 << 20);
    msi_bytes_init(&json, codec->allocator, 1 << 20);
    cr_assert_eq(encode_with(FLOOR_PROTOBUF, &packed), MST_OK);
    cr_assert_eq(msi_codec_serializer_id(codec, &product_type), 2);
    cr_assert_eq(msi_codec_serializer_id(codec, NULL), MSI_WIRE_RAW);
    cr_assert_eq(encode_with(FLOOR_JSON, &json), MST_OK);
    cr_assert_eq(msi_codec_serializer_id(codec, &product_type), 3);
    mst_slice p = {packed.data, packed.len}, j = {json.data, json.len};

    /* json is configured */
    cr_assert(decodes(3, j), "by its own");
    cr_assert(decodes(2, p), "by another one that is loaded");
    cr_assert(decodes(0, j), "without envelope, by the configured one");
    cr_assert(decodes(MSI_WIRE_RAW, j), "stored as bytes, and they are one");
    cr_assert_not(decodes(MSI_WIRE_RAW, p), "stored as bytes, and they are none");
    cr_assert_not(decodes(2, j));
    cr_assert_eq(codec->faults[MSI_ENVELOPE_FAULTS], 2);
    cr_assert_not(decodes(4711, j));
    cr_assert_eq(codec->faults[MSI_ENVELOPE_CODEC_UNKNOWN], 1);
    codec->reader_count = 0;
    cr_assert(decodes(3, j), "the configured one needs no row among the readers");
    cr_assert_not(decodes(2, p));
    cr_assert_eq(codec->encodes, 2);
    cr_assert_eq(codec->decodes, 5);
    msi_bytes_fini(&packed);
    msi_bytes_fini(&json);
    close_floor();
}

CODEC_TEST(encoding_is_bounded)
{
    msi_bytes out;
    msi_bytes_init(&out, floor_.codec.allocator, 4);
    cr_assert_eq(encode_with(FLOOR_PROTOBUF, &out), MST_ETOOBIG);
    msi_bytes_fini(&out);
    msi_bytes_init(&out, floor_.codec.allocator, 4);
    cr_assert_eq(encode_with(FLOOR_JSON, &out), MST_ETOOBIG);
    msi_bytes_fini(&out);
    msi_bytes_init(&out, floor_.codec.allocator, 1 << 20);
    floor_.codec.max_value_bytes = 4;
    cr_assert_eq(encode_with(FLOOR_PROTOBUF, &out), MST_ETOOBIG);
    msi_bytes_fini(&out);
    cr_assert_eq(floor_.codec.encodes, 0);
    close_floor();
}

/* Another type's object, and no object, are refused instead of written. */
CODEC_TEST(encoding_checks_the_type)
{
    static const int readers[] = {FLOOR_PROTOBUF, FLOOR_JSON};
    Memstache__Test__Chain chain = MEMSTACHE__TEST__CHAIN__INIT;
    msi_bytes out;
    msi_bytes_init(&out, floor_.codec.allocator, 1 << 20);
    for (int i = 0; i < 2; i++) {
        floor_.codec.serializer = floor_.readers[readers[i]];
        cr_assert_eq(msi_codec_encode(&floor_.codec, &product_type, &chain, &out), MST_EINVAL);
        cr_assert_eq(msi_codec_encode(&floor_.codec, &product_type, NULL, &out), MST_EINVAL);
    }
    msi_bytes_fini(&out);
    close_floor();
}

static void count_release(void *owner)
{
    ++*(int *) owner;
}

CODEC_TEST(objects_of_the_application_are_released_once)
{
    int released = 0, value = 5;
    msi_object *o;
    cr_assert_eq(msi_object_new(floor_.codec.allocator, &product_type, &value, 100, count_release,
                                &released, &o),
                 MST_OK);
    cr_assert_geq(o->base.bytes, 100 + sizeof *o);
    o->base.retain(&o->base);
    msi_object_release(o);
    cr_assert_eq(released, 0);
    o->base.release(&o->base);
    cr_assert_eq(released, 1);
    floor_.trigger.fail_at = floor_.trigger.calls + 1;
    cr_assert_eq(msi_object_new(floor_.codec.allocator, &product_type, &value, 100, count_release,
                                &released, &o),
                 MST_ENOMEM);
    cr_assert_eq(released, 1, "not taken over");
    close_floor();
}

/* A result may be held longer than the runtime lives. */
CODEC_TEST(objects_hold_their_serializer)
{
    msi_bytes out;
    msi_object *o;
    msi_bytes_init(&out, floor_.codec.allocator, 1 << 20);
    cr_assert_eq(encode_with(FLOOR_PROTOBUF, &out), MST_OK);
    cr_assert_eq(
        msi_codec_decode(&floor_.codec, 2, &product_type, (mst_slice){out.data, out.len}, &o),
        MST_OK);
    msi_bytes_fini(&out);
    cr_assert_gt(codec_floor_close(&floor_), 0, "what the object holds is left");
    msi_object_release(o);
    cr_assert_eq(floor_.own.blocks + floor_.plugins.blocks, 0);
}

/* ---- a plugin that does not behave */

static mst_status odd_answer;

static mst_status odd_encode(void *self, const void *type, const void *object, mst_sink *sink)
{
    sink->write(sink, "0123456789", 10); /* and does not look */
    return odd_answer;
}

static mst_status odd_decode(void *self, const void *type, mst_slice src, void **object,
                             size_t *bytes)
{
    return odd_answer; /* without an object, whatever it is */
}

static void odd_destroy(void *self, const void *type, void *object)
{
}

static const mst_serializer_ops odd_ops = {sizeof odd_ops, 200, odd_encode, odd_decode,
                                           odd_destroy};
static const mst_plugin odd_plugin = {
    .struct_size = sizeof odd_plugin,
    .kind = MST_KIND_SERIALIZER,
    .kind_version = MST_SERIALIZER_VERSION,
    .instance_size = 8,
    .name = "odd",
    .version = "1",
    .author = "test",
    .license = "MIT",
    .summary = "answers as it likes",
    .ops = &odd_ops,
};
static const mst_plugin *const odd_plugins[] = {&odd_plugin};
static const mst_module odd_module = {
    MST_MODULE_MAGIC, sizeof odd_module, MST_ABI_MAJOR, MST_ABI_MINOR, 0, 1, odd_plugins};

CODEC_TEST(odd_answers_of_plugins_are_failures)
{
    msi_instance *instance = codec_floor_instance(&floor_, &odd_module, NULL);
    msi_codec *codec = &floor_.codec;
    msi_bytes out;
    msi_object *o;
    codec->serializer = instance;
    odd_answer = MST_OK;
    msi_bytes_init(&out, codec->allocator, 5);
    cr_assert_eq(msi_codec_encode(codec, &product_type, "", &out), MST_ETOOBIG, "it did not look");
    cr_assert_eq(msi_codec_decode(codec, 200, &product_type, (mst_slice){"", 0}, &o), MST_ECORRUPT,
                 "success without an object");
    msi_bytes_fini(&out);
    msi_bytes_init(&out, codec->allocator, 100);
    odd_answer = MST_MISS;
    cr_assert_eq(msi_codec_encode(codec, &product_type, "", &out), MST_EINVAL);
    cr_assert_eq(msi_codec_decode(codec, 200, &product_type, (mst_slice){"", 0}, &o), MST_ECORRUPT);
    odd_answer = MST_ETIMEDOUT;
    cr_assert_eq(msi_codec_decode(codec, 200, &product_type, (mst_slice){"", 0}, &o), MST_ECORRUPT);
    odd_answer = MST_ETOOBIG;
    cr_assert_eq(msi_codec_decode(codec, 200, &product_type, (mst_slice){"", 0}, &o), MST_ETOOBIG);
    odd_answer = MST_ENOMEM;
    cr_assert_eq(msi_codec_decode(codec, 200, &product_type, (mst_slice){"", 0}, &o), MST_ENOMEM);
    cr_assert_eq(codec->faults[MSI_ENVELOPE_FAULTS], 3);
    cr_assert_eq(codec->faults[MSI_ENVELOPE_TOO_BIG], 1, "memory is not the value's fault");
    cr_assert_leq(floor_.log_lines, 1 + 3, "limited");
    cr_assert(strstr(floor_.log_text, "wire id 200"), "%s", floor_.log_text);
    msi_bytes_fini(&out);
    msi_instance_release(instance);
    close_floor();
}

/* ---- every allocation fails in turn */

static mst_status seal_and_open(void)
{
    msi_codec *codec = &floor_.codec;
    msi_sealed sealed;
    msi_meta meta = {0};
    mst_slice payload = {text_of(5000), 5000};
    uint8_t stored[8192], *inflated = NULL;
    mst_status status = msi_codec_seal(codec, payload, &meta, MST_YES, &sealed);
    if (status == MST_OK) {
        memcpy(stored, sealed.header, sealed.header_len);
        memcpy(stored + sealed.header_len, sealed.payload.data, sealed.payload.len);
        mst_slice bytes = {stored, sealed.header_len + sealed.payload.len};
        cr_assert_not_null(sealed.owned);
        status = msi_codec_open(codec, bytes, &meta, &payload, &inflated);
        msi_free(codec->allocator, inflated);
    }
    msi_sealed_fini(codec, &sealed);
    return status;
}

static mst_status encode_and_decode(int reader)
{
    msi_bytes out;
    msi_object *o;
    msi_bytes_init(&out, floor_.codec.allocator, 1 << 20);
    mst_status status = encode_with(reader, &out);
    if (status == MST_OK) {
        status =
            msi_codec_decode(&floor_.codec, 0, &product_type, (mst_slice){out.data, out.len}, &o);
    }
    if (status == MST_OK) {
        msi_object_release(o);
    }
    msi_bytes_fini(&out);
    return status;
}

static void fail_each(mst_status (*run)(int), int arg)
{
    long blocks = floor_.own.blocks + floor_.plugins.blocks, failed = 0;
    for (long n = 1;; n++) {
        /* A fresh one, which keeps no working memory of earlier calls. */
        floor_.codec.compressor =
            codec_floor_instance(&floor_, &memstache_module_compressor_brotli, NULL);
        floor_.trigger.fail_at = floor_.trigger.calls + n;
        mst_status status = run(arg);
        bool reached = floor_.trigger.calls >= floor_.trigger.fail_at;
        floor_.trigger.fail_at = 0;
        msi_instance_release(floor_.codec.compressor);
        cr_assert_eq(floor_.own.blocks + floor_.plugins.blocks, blocks, "leak after call %ld", n);
        if (!reached) {
            cr_assert_eq(status, MST_OK);
            break;
        }
        /* Working memory that cannot be had is done without. */
        cr_assert(status == MST_ENOMEM || (status == MST_OK && n > 20), "call %ld", n);
        failed += status == MST_ENOMEM;
    }
    cr_assert_gt(failed, 1);
    for (int i = 1; i <= MSI_ENVELOPE_FAULTS; i++) {
        cr_assert_eq(floor_.codec.faults[i], 0, "lack of memory is not counted as a fault");
    }
}

/* Twice: the second time with what was kept. */
static mst_status run_seal_and_open(int unused)
{
    mst_status status = seal_and_open();
    return status ? status : seal_and_open();
}

CODEC_TEST(every_failing_allocation_is_an_error)
{
    fail_each(run_seal_and_open, 0);
    fail_each(encode_and_decode, FLOOR_PROTOBUF);
    fail_each(encode_and_decode, FLOOR_JSON);
    close_floor();
}
