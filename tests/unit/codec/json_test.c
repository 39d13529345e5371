/* json_test.c - the proto3 JSON mapping: exact texts, what is accepted, what is refused. That other
 * programs agree is tested by typed.py. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "codec_floor.h"
#include "messages.h"
#include "plugins/serializer/json/mapping.h"

#define DESCRIPTOR(name) &memstache__test__##name##__descriptor

typedef Memstache__Test__Everything everything;
typedef Memstache__Test__Chain chain;
typedef Memstache__Test__Legacy legacy;

static codec_floor floor_;

static void setup(void)
{
    codec_floor_open(&floor_);
}

#define JSON_TEST(name) Test(json, name, .init = setup)

static mst_status encode(const void *object, msi_bytes *out)
{
    msi_instance *i = floor_.readers[FLOOR_JSON];
    const ProtobufCMessage *message = object;
    msi_bytes_init(out, &floor_.own.allocator, 64 << 20);
    return i->plugin->ops.serializer.encode(i->self, message->descriptor, object, &out->sink);
}

static void *decode(const void *descriptor, const char *text, size_t len, mst_status *status)
{
    msi_instance *i = floor_.readers[FLOOR_JSON];
    void *object = NULL;
    size_t bytes = 0, before = (size_t) i->bytes;
    *status = i->plugin->ops.serializer.decode(i->self, descriptor, (mst_slice){text, len}, &object,
                                               &bytes);
    cr_assert_eq((size_t) i->bytes - before, *status ? 0 : bytes, "charged as taken");
    return object;
}

static void destroy(void *object)
{
    msi_instance *i = floor_.readers[FLOOR_JSON];
    i->plugin->ops.serializer.destroy(i->self, ((ProtobufCMessage *) object)->descriptor, object);
}

static mst_status decode_only(const void *descriptor, const char *text, size_t len)
{
    mst_status status;
    void *object = decode(descriptor, text, len, &status);
    if (status == MST_OK) {
        destroy(object);
    }
    return status;
}

static void round_trip(const void *object)
{
    msi_bytes out;
    const ProtobufCMessage *message = object;
    mst_status status;
    cr_assert_eq(encode(object, &out), MST_OK);
    void *got = decode(message->descriptor, (const char *) out.data, out.len, &status);
    cr_assert_eq(status, MST_OK, "%.*s", (int) out.len, (const char *) out.data);
    cr_assert(message_equal(got, message), "%.*s", (int) out.len, (const char *) out.data);
    destroy(got);
    msi_bytes_fini(&out);
}

static void expect_text(const void *object, const char *text)
{
    msi_bytes out;
    cr_assert_eq(encode(object, &out), MST_OK);
    cr_assert_eq(out.len, strlen(text), "%.*s", (int) out.len, (const char *) out.data);
    cr_assert_eq(memcmp(out.data, text, out.len), 0, "%.*s", (int) out.len,
                 (const char *) out.data);
    msi_bytes_fini(&out);
}

JSON_TEST(every_kind_of_field_comes_back)
{
    Memstache__Test__Product empty = MEMSTACHE__TEST__PRODUCT__INIT;
    round_trip(message_everything());
    round_trip(message_product());
    round_trip(message_legacy());
    round_trip(&empty);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

JSON_TEST(the_text_is_as_the_mapping_says)
{
    Memstache__Test__Product empty = MEMSTACHE__TEST__PRODUCT__INIT;
    expect_text(&empty, "{}");
    expect_text(message_product(),
                "{\"sku\":\"4711-B\",\"displayName\":\"Eau de Cologne, Echt Koelnisch Wasser, Eau "
                "de Cologne de Cologne\","
                "\"priceCents\":\"9007199254740993\",\"tags\":[\"perfume for him\",\"perfume for "
                "her\",\"perfume for all\"],"
                "\"color\":\"COLOR_GREEN\",\"stockByStore\":{\"Glockengasse\":12,\"Paris\":0},"
                "\"related\":{\"sku\":\"4711-A\"},\"thumbnail\":\"iVBORw0KGgo=\","
                "\"weightKg\":0.35}");
    expect_text(message_legacy(),
                "{\"id\":\"\",\"count\":0,\"level\":0,\"raw\":\"\",\"active\":false,"
                "\"size\":\"SIZE_S\",\"child\":{\"id\":\"child\",\"count\":-3},"
                "\"packed\":[1,2,3],\"loose\":[4,5],\"names\":{\"5\":\"five\"},"
                "\"word\":\"picked\"}");
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

/* Finds the shortest decimal, also where the locale writes a comma. */
static void check_reals(void)
{
    static double doubles[] = {0.1, -0.0, 1e15, 1e16, 1.0 / 3, 5e-324, 1.5e300, 123456.789};
    static float floats[] = {0.1f, 3.4028235e38f, 1e-45f, 16777216, 0.3f};
    everything e = MEMSTACHE__TEST__EVERYTHING__INIT;
    e.n_r_double = 8;
    e.r_double = doubles;
    e.n_r_float = 5;
    e.r_float = floats;
    expect_text(&e, "{\"rFloat\":[0.1,3.402823466e+38,1.4013e-45,16777216,0.3],"
                    "\"rDouble\":[0.1,-0.0,1e+15,1e+16,0.3333333333333333,4.94065645841247e-324,"
                    "1.5e+300,123456.789]}");
    round_trip(&e);
}

JSON_TEST(reals_are_short_and_exact)
{
    check_reals();
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

JSON_TEST(the_locale_does_not_matter)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE", "fr_FR.UTF-8", "ps_AF"};
    for (int i = 0; i < 4; i++) {
        if (setlocale(LC_ALL, names[i])) {
            check_reals();
            round_trip(message_everything());
        }
    }
    setlocale(LC_ALL, "C");
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

/* ---- reading what others write */

static bool reads(const void *descriptor, const char *text)
{
    mst_status status = decode_only(descriptor, text, strlen(text));
    cr_assert(status == MST_OK || status == MST_ECORRUPT, "%d: %s", (int) status, text);
    return status == MST_OK;
}

static const everything *read_everything(const char *text)
{
    static everything *last;
    mst_status status;
    if (last) {
        destroy(last);
        last = NULL;
    }
    if (text) {
        last = decode(DESCRIPTOR(everything), text, strlen(text), &status);
        cr_assert_eq(status, MST_OK, "%s", text);
    }
    return last;
}

JSON_TEST(both_names_of_a_field_are_read)
{
    cr_assert_eq(read_everything("{\"fInt32\":5}")->f_int32, 5);
    cr_assert_eq(read_everything("{\"f_int32\":6}")->f_int32, 6);
    cr_assert_str_eq(read_everything("{\"OddName9X\":\"x\"}")->_odd__name9_x, "x");
    cr_assert_str_eq(read_everything("{\"_odd__Name9_x\":\"y\"}")->_odd__name9_x, "y");
    cr_assert_eq(read_everything("{\"other\":[1,{\"a\":null}],\"fInt32\":7}")->f_int32, 7);
    cr_assert_eq(read_everything("{\"fInt32\":null,\"fChain\":null,\"rInt32\":null}")->f_int32, 0);
    read_everything(NULL);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

JSON_TEST(numbers_are_read_in_all_spellings)
{
    static const char *const good[] = {
        "{\"fInt32\":-2147483648}",
        "{\"fInt32\":\"2147483647\"}",
        "{\"fInt32\":1e3}",
        "{\"fInt32\":\"1e3\"}",
        "{\"fInt32\":5.0}",
        "{\"fInt64\":\"-9223372036854775808\"}",
        "{\"fInt64\":9223372036854775807}",
        "{\"fUint64\":\"18446744073709551615\"}",
        "{\"fUint64\":-0}",
        "{\"fUint32\":4294967295}",
        "{\"fDouble\":\"1.5\"}",
        "{\"fDouble\":\"NaN\"}",
        "{\"fDouble\":\"-Infinity\"}",
        "{\"fDouble\":3}",
        "{\"fFloat\":3.4028235e38}",
        "{\"fFloat\":\"Infinity\"}",
        "{\"fFloat\":1e-60}",
        "{\"fColor\":-5}",
        "{\"fColor\":77}",
        "{\"fColor\":\"COLOR_BELOW\"}",
        "{\"fBytes\":\"_-8\"}",
        "{\"fBytes\":\"/+8=\"}",
        "{\"mBool\":{\"true\":1,\"false\":0}}",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_assert(reads(DESCRIPTOR(everything), good[i]), "%s", good[i]);
    }
    cr_assert_eq(read_everything("{\"fInt32\":\"1e3\"}")->f_int32, 1000);
    cr_assert_eq(read_everything("{\"fUint64\":\"18446744073709551615\"}")->f_uint64, UINT64_MAX);
    cr_assert_eq(read_everything("{\"fInt64\":\"-9223372036854775808\"}")->f_int64, INT64_MIN);
    cr_assert_float_eq(read_everything("{\"fFloat\":3.4028235e38}")->f_float, 3.4028235e38f, 0);
    cr_assert_eq(memcmp(read_everything("{\"fBytes\":\"_-8\"}")->f_bytes.data, "\xff\xef", 2), 0);
    cr_assert_eq(read_everything("{\"fBytes\":\"_-8\"}")->f_bytes.len, 2);
    read_everything(NULL);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

static const char *const bad[] = {
    "",
    " ",
    "null",
    "[]",
    "5",
    "{",
    "{}}",
    "{\"fInt32\":}",
    "{\"fInt32\":2147483648}",
    "{\"fInt32\":-2147483649}",
    "{\"fInt32\":1.5}",
    "{\"fInt32\":\"\"}",
    "{\"fInt32\":\"-\"}",
    "{\"fInt32\":\" 1\"}",
    "{\"fInt32\":\"1 2\"}",
    "{\"fInt32\":\"0x10\"}",
    "{\"fInt32\":\"1\\u0000\"}",
    "{\"fInt32\":true}",
    "{\"fInt32\":[1]}",
    "{\"fInt32\":{}}",
    "{\"fUint32\":-1}",
    "{\"fUint32\":4294967296}",
    "{\"fUint64\":\"18446744073709551616\"}",
    "{\"fUint64\":18446744073709551615}",
    "{\"fUint64\":1e20}",
    "{\"fInt64\":\"9223372036854775808\"}",
    "{\"fInt64\":\"-9223372036854775809\"}",
    "{\"fInt64\":99999999999999999999999999999999999999}",
    "{\"fDouble\":1e999}",
    "{\"fDouble\":\"nan\"}",
    "{\"fDouble\":\"1.5x\"}",
    "{\"fDouble\":\"\"}",
    "{\"fDouble\":NaN}",
    "{\"fFloat\":3.5e38}",
    "{\"fFloat\":1e300}",
    "{\"fBool\":1}",
    "{\"fBool\":\"true\"}",
    "{\"fString\":5}",
    "{\"fString\":\"a\\u0000b\"}",
    "{\"fString\":\"\xff\"}",
    "{\"fString\":\"\\ud800\"}",
    "{\"fBytes\":5}",
    "{\"fBytes\":\"a\"}",
    "{\"fBytes\":\"ab=\"}",
    "{\"fBytes\":\"a===\"}",
    "{\"fBytes\":\"ab!=\"}",
    "{\"fBytes\":\"aa=a\"}",
    "{\"fBytes\":\"ab==\"}", /* bits behind the last byte */
    "{\"fColor\":\"PUCE\"}",
    "{\"fColor\":1.5}",
    "{\"fColor\":4294967296}",
    "{\"fChain\":[]}",
    "{\"fChain\":\"\"}",
    "{\"rInt32\":5}",
    "{\"rInt32\":[null]}",
    "{\"rInt32\":{\"0\":1}}",
    "{\"rChain\":[{},5]}",
    "{\"mInt32\":[]}",
    "{\"mInt32\":{\"x\":\"y\"}}",
    "{\"mInt32\":{\"2147483648\":\"y\"}}",
    "{\"mInt32\":{\"1\":null}}",
    "{\"mInt32\":{\"1\":2}}",
    "{\"mBool\":{\"yes\":1}}",
    "{\"notAMap\":{\"key\":3}}",
    "{\"fChain\":{\"text\":\"a\",\"number\":\"1\"}}", /* two of a oneof */
};

JSON_TEST(what_does_not_fit_is_refused)
{
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_not(reads(DESCRIPTOR(everything), bad[i]), "%s", bad[i]);
    }
    cr_assert_not(reads(DESCRIPTOR(legacy), "{\"id\":\"x\"}"), "count is required");
    cr_assert(reads(DESCRIPTOR(legacy), "{\"id\":\"x\",\"count\":0}"));
    cr_assert_eq(decode_only(DESCRIPTOR(everything), "{\"a\0b\":1}", 9), MST_ECORRUPT);
    cr_assert_eq(decode_only("no descriptor at all", "{}", 2), MST_EINVAL);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

JSON_TEST(presence_is_kept)
{
    mst_status status;
    const char *text = "{\"id\":\"x\",\"count\":1,\"level\":7,\"number\":0}";
    legacy *l = decode(DESCRIPTOR(legacy), text, strlen(text), &status);
    cr_assert_eq(status, MST_OK);
    cr_assert(l->has_level && l->level == 7);
    cr_assert(!l->has_active && l->active, "the default of an absent field");
    cr_assert_str_eq(l->label, "none");
    cr_assert_eq(l->pick_case, MEMSTACHE__TEST__LEGACY__PICK_NUMBER);
    destroy(l);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

/* ---- bounds */

static char *repeat(const char *open, const char *middle, const char *close, size_t n)
{
    size_t o = strlen(open), c = strlen(close), m = strlen(middle);
    char *text = malloc(n * (o + c) + m + 1), *at = text;
    for (size_t i = 0; i < n; i++, at += o) {
        memcpy(at, open, o);
    }
    memcpy(at, middle, m);
    at += m;
    for (size_t i = 0; i < n; i++, at += c) {
        memcpy(at, close, c);
    }
    *at = 0;
    return text;
}

static bool reads_nested(const char *open, const char *middle, const char *close, size_t n)
{
    char *text = repeat(open, middle, close, n);
    bool ok = reads(DESCRIPTOR(chain), text);
    free(text);
    return ok;
}

JSON_TEST(nesting_is_limited)
{
    cr_assert(reads_nested("{\"next\":", "{}", "}", 100));
    cr_assert_not(reads_nested("{\"next\":", "{}", "}", 101));
    cr_assert(reads_nested("{\"more\":[", "{}", "]}", 100));
    cr_assert_not(reads_nested("{\"more\":[", "{}", "]}", 101));
    cr_assert(reads_nested("{\"named\":{\"x\":", "{}", "}}", 100));
    cr_assert_not(reads_nested("{\"named\":{\"x\":", "{}", "}}", 101));
    cr_assert_not(reads_nested("{\"next\":", "{}", "}", 100000));
    cr_assert_not(reads_nested("[", "", "]", 100000));
    cr_assert_not(reads_nested("{\"unknown\":[", "1", "]}", 100000));
    cr_assert(reads(DESCRIPTOR(chain), "{\"text\":\"[[[[{{{{\\\"[[[[\"}"), "brackets in strings");
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

JSON_TEST(too_deep_objects_are_not_written)
{
    static chain links[102];
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

static size_t jansson_bytes, jansson_peak, jansson_max = SIZE_MAX;
static long jansson_calls, jansson_fail_at;

static void *jansson_alloc(size_t size)
{
    if (++jansson_calls == jansson_fail_at || size > jansson_max) {
        return NULL;
    }
    size_t *p = malloc(size + 16);
    *p = size;
    jansson_bytes += size + 16;
    jansson_peak = jansson_bytes > jansson_peak ? jansson_bytes : jansson_peak;
    return p + 2;
}

static void jansson_free(void *p)
{
    if (p) {
        size_t *block = (size_t *) p - 2;
        jansson_bytes -= *block + 16;
        free(block);
    }
}

/* What jansson takes for the dearest texts is never more than the scan assumed. */
JSON_TEST(memory_is_limited)
{
    static const char *const units[] = {
        "[],", "{},", "0,", "\"\",", "{\"\":0},", "[0],", "{\"a\":{\"b\":[1.5]}},"};
    enum { LIMIT = 4 << 20 };
    json_set_alloc_funcs(jansson_alloc, jansson_free);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        size_t refused_at = 0;
        for (size_t n = 500; !refused_at; n += n / 2) {
            char *list = repeat(units[i], "0", "", n);
            size_t cap = strlen(list) + 32;
            char *text = malloc(cap);
            snprintf(text, cap, "{\"unknown\":[%s]}", list);
            size_t longest;
            mst_status status =
                mst_json_scan((mst_slice){text, strlen(text)}, 100, LIMIT, &longest);
            if (status == MST_OK) {
                jansson_peak = jansson_bytes;
                size_t before = jansson_bytes;
                cr_assert(reads(DESCRIPTOR(chain), text));
                cr_assert_leq(jansson_peak - before, LIMIT, "%s: %zu", units[i], n);
                cr_assert_eq(jansson_bytes, before);
            } else {
                cr_assert_eq(status, MST_ETOOBIG);
                refused_at = n;
            }
            free(list);
            free(text);
        }
        cr_assert_gt(refused_at, 500);
    }
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

JSON_TEST(every_failing_allocation_is_an_error)
{
    msi_bytes out;
    cr_assert_eq(encode(message_everything(), &out), MST_OK);
    for (long n = 1; n < 100000; n++) {
        floor_.trigger.fail_at = floor_.trigger.calls + n;
        mst_status status = decode_only(DESCRIPTOR(everything), (char *) out.data, out.len);
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

/* jansson itself cannot be failed at every allocation: see can_grow() in json.c. */
JSON_TEST(no_memory_for_a_long_token_is_an_error)
{
    enum { LONG = 1 << 20 };
    char *text = repeat("x", "", "", LONG);
    memcpy(text, "{\"text\":\"", 9);
    memcpy(text + LONG - 2, "\"}", 2);
    json_set_alloc_funcs(jansson_alloc, jansson_free);
    cr_assert_eq(decode_only(DESCRIPTOR(chain), text, LONG), MST_OK);
    jansson_max = LONG;
    cr_assert_eq(decode_only(DESCRIPTOR(chain), text, LONG), MST_ENOMEM);
    memset(text, '1', LONG);
    memcpy(text, "{\"number\":", 10);
    text[LONG - 1] = '}';
    cr_assert_eq(decode_only(DESCRIPTOR(chain), text, LONG), MST_ENOMEM);
    free(text);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

JSON_TEST(failing_allocations_while_writing_are_errors)
{
    msi_bytes out;
    json_set_alloc_funcs(jansson_alloc, jansson_free);
    for (long n = 1; n < 100000; n++) {
        size_t before = jansson_bytes;
        jansson_fail_at = jansson_calls + n;
        mst_status status = encode(message_everything(), &out);
        bool reached = jansson_calls >= jansson_fail_at;
        msi_bytes_fini(&out);
        cr_assert_eq(jansson_bytes, before, "leak at %ld", n);
        if (!reached) {
            cr_assert_eq(status, MST_OK);
            cr_assert_gt(n, 3);
            break;
        }
        cr_assert(status == MST_ENOMEM || status == MST_EINVAL, "%ld: %d", n, (int) status);
    }
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

JSON_TEST(text_that_is_not_utf8_is_not_written)
{
    Memstache__Test__Product p = MEMSTACHE__TEST__PRODUCT__INIT;
    msi_bytes out;
    p.sku = "\xc3(";
    cr_assert_eq(encode(&p, &out), MST_EINVAL);
    msi_bytes_fini(&out);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

JSON_TEST(broken_texts_are_misses)
{
    static char broken[16384];
    msi_bytes out;
    uint64_t x = 5;
    unsigned refused = 0;
    cr_assert_eq(encode(message_everything(), &out), MST_OK);
    cr_assert_leq(out.len, sizeof broken);
    for (size_t cut = 0; cut < out.len; cut++) {
        cr_assert_eq(decode_only(DESCRIPTOR(everything), (char *) out.data, cut), MST_ECORRUPT);
    }
    for (int n = 0; n < 20000; n++) {
        x = msi_mix(x + 1);
        memcpy(broken, out.data, out.len);
        broken[x % out.len] = (char) (x >> 32);
        broken[(x >> 16) % out.len] = "{}[]\",:0-e\\"[(x >> 40) % 11];
        refused += decode_only(DESCRIPTOR(everything), broken, out.len) == MST_ECORRUPT;
    }
    cr_assert_gt(refused, 5000);
    msi_bytes_fini(&out);
    cr_assert_eq(codec_floor_close(&floor_), 0);
}

Test(base64, every_length_comes_back)
{
    uint8_t data[100], back[100];
    char text[140];
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t) (i * 37 + 11);
    }
    for (size_t len = 0; len <= sizeof data; len++) {
        size_t n = mst_base64_write(data, len, text), got = 999;
        cr_assert_eq(n, (len + 2) / 3 * 4);
        cr_assert(mst_base64_read(text, n, back, &got));
        cr_assert_eq(got, len);
        cr_assert_eq(memcmp(data, back, len), 0);
        while (n > 0 && text[n - 1] == '=') {
            n--;
        }
        cr_assert(mst_base64_read(text, n, back, &got) && got == len, "without padding");
    }
}
