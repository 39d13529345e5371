/* typed_test.c - values that are more than bytes, through serializers, compressor and envelope. */
#include <stdlib.h>

#include "env.h"
#include "loading.h"
#include "test.pb-c.h"

typedef Memstache__Test__Product product;

static const mst_type product_type = {"Product", &memstache__test__product__descriptor, 7};
static const mst_type product_v2 = {"Product", &memstache__test__product__descriptor, 8};
static const mst_type product_any = {"Product", &memstache__test__product__descriptor, 0};

static char *const tags[] = {(char *) "red", (char *) "large", (char *) "on sale"};

static product make(const char *sku, int64_t price)
{
    product p = MEMSTACHE__TEST__PRODUCT__INIT;
    p.sku = (char *) sku;
    p.display_name =
        (char *) "A thing with a name that is long enough to be compressed, compressed, "
                 "compressed, compressed and compressed";
    p.price_cents = price;
    p.n_tags = 3;
    p.tags = (char **) tags;
    return p;
}

static void is_product(const t_reply *r, const char *sku, int64_t price)
{
    IS_STATUS(r, MST_OK);
    const product *p = r->result.object;
    CHECK(p != NULL);
    CHECK(r->result.data == NULL);
    if (p) {
        CHECK_STR(p->sku, sku);
        CHECK_INT(p->price_cents, price);
        CHECK_INT(p->n_tags, 3);
        CHECK_STR(p->tags[2], "on sale");
    }
}

static void set_typed(t_env *env, const char *key, product *p, const mst_type *type)
{
    mst_result r = {0};
    mst_input input = {.object = p};
    mst_options options = {.type = type};
    CHECK_INT(mst_set_wait(env->cache, mst_str(key), &input, &options, &r), MST_OK);
    mst_result_release(&r);
}

static t_reply *get_typed(t_env *env, const char *key, const mst_type *type, uint32_t flags)
{
    mst_options options = {.type = type, .flags = flags};
    return t_wait(t_begin_get(env, key, &options));
}

static const char *const serializers[] = {"protobuf", "json"};

static void open_typed(t_env *env, const char *serializer, const char *rest)
{
    char settings[400];
    snprintf(settings, sizeof settings, "cache serializer = %s\n%s", serializer, rest);
    t_about("%s", serializer);
    t_open(env, T_THREE, settings);
}

/* The second typed near hit decodes nothing. */
static void decodes_once(void)
{
    for (int i = 0; i < 4; i++) {
        t_env env;
        product p = make("one", 100);
        t_fresh();
        open_typed(&env, serializers[i % 2], "cache tiers = memory, slow\n");
        env.use_now = i / 2;
        t_about("%s, %s", serializers[i % 2], env.use_now ? "now" : "done only");
        IS_MISS(get_typed(&env, "k", &product_type, 0));
        set_typed(&env, "k", &p, &product_type);
        p.sku = (char *) "changed by the caller afterwards";
        is_product(get_typed(&env, "k", &product_type, 0), "one", 100);
        uint64_t decodes = t_stats(&env).decodes;
        CHECK(decodes <= 1);
        for (int n = 0; n < 5; n++) {
            t_reply *r = get_typed(&env, "k", &product_type, 0);
            is_product(r, "one", 100);
            IS_TIER(r, 0);
        }
        CHECK_INT(t_stats(&env).decodes, decodes);
        CHECK_INT(t_stats(&env).near_hits, 6);
        is_product(get_typed(&env, "k", &product_type, MST_F_FAR), "one", 100);
        CHECK(t_stats(&env).decodes >= 1);
        t_close(&env);
    }
}

/* A promoted value is decoded once as well. */
static void decodes_a_promoted_value_once(void)
{
    for (int i = 0; i < 2; i++) {
        t_env writer, reader;
        product p = make("far", 5);
        t_fresh();
        open_typed(&writer, serializers[i], "cache tiers = slow\n");
        open_typed(&reader, serializers[i], "cache tiers = memory, slow\n");
        set_typed(&writer, "k", &p, &product_type);
        t_reply *r = get_typed(&reader, "k", &product_type, 0);
        is_product(r, "far", 5);
        IS_TIER(r, 1);
        CHECK_INT(t_stats(&reader).decodes, 1);
        for (int n = 0; n < 3; n++) {
            r = get_typed(&reader, "k", &product_type, 0);
            is_product(r, "far", 5);
            IS_TIER(r, 0);
        }
        CHECK_INT(t_stats(&reader).decodes, 1);
        t_close(&writer);
        t_close(&reader);
    }
}

/* Near tiers that take no objects, and sealed ones, decode every time, rightly. */
static void plain_near_tiers(void)
{
    static const char *const rest[] = {
        "cache tiers = near, slow\n", "cache tiers = memory, slow\nprovider.memory hold = sealed\n",
        "cache tiers = near\n", "cache tiers = memory, block\n"};
    for (int i = 0; i < 8; i++) {
        t_env env;
        product p = make("plain", 9);
        t_fresh();
        open_typed(&env, serializers[i % 2], rest[i / 2]);
        set_typed(&env, "k", &p, &product_type);
        for (int n = 0; n < 3; n++) {
            t_reply *r = get_typed(&env, "k", &product_type, 0);
            is_product(r, "plain", 9);
            IS_TIER(r, 0);
        }
        IS_STATUS(t_remove(&env, "k"), MST_OK);
        IS_MISS(get_typed(&env, "k", &product_type, 0));
        t_close(&env);
    }
}

/* Typed, compressed, sealed, and read by somebody else. */
static void through_brotli(void)
{
    for (int i = 0; i < 2; i++) {
        t_env writer, reader;
        product p = make("brotli", 77);
        uint8_t stored[1000];
        char text[4001];
        memset(text, 'n', 4000);
        text[4000] = 0;
        p.display_name = text;
        t_fresh();
        open_typed(&writer, serializers[i],
                   "cache tiers = memory, slow\ncache compressor = brotli\n");
        set_typed(&writer, "k", &p, &product_type);
        CHECK_INT(t_stats(&writer).compressed, 1);
        long len = fx_server_peek(fx_server_at(0), "t:k", stored, sizeof stored);
        CHECK(len > 0 && len < 500);
        mst_envelope envelope;
        CHECK_INT(mst_envelope_read((mst_slice){stored, (size_t) len}, &envelope, NULL), MST_OK);
        CHECK_INT(envelope.schema_id, 7);
        CHECK(envelope.compressor_id != 0 && envelope.serializer_id != 0);
        CHECK(envelope.raw_len > 4000);
        open_typed(&reader, serializers[i],
                   "cache tiers = memory, slow\ncache compressor = brotli\n");
        t_reply *r = get_typed(&reader, "k", &product_type, 0);
        is_product(r, "brotli", 77);
        CHECK_STR(((const product *) r->result.object)->display_name, text);
        is_product(get_typed(&writer, "k", &product_type, MST_F_FAR), "brotli", 77);
        t_close(&writer);
        t_close(&reader);
    }
}

/* Without a type one gets what the serializer wrote, from wherever. */
static void payload_without_type(void)
{
    t_env env, far;
    product p = make("payload", 3);
    uint8_t packed[1000];
    size_t len = protobuf_c_message_pack(&p.base, packed);
    t_fresh();
    open_typed(&env, "protobuf", "cache tiers = memory, slow\n");
    set_typed(&env, "k", &p, &product_type);
    for (int n = 0; n < 3; n++) {
        t_reply *r = t_wait(t_begin_get(&env, "k", NULL));
        IS_STATUS(r, MST_OK);
        CHECK(r->result.len == len && !memcmp(r->result.data, packed, len));
        CHECK(!r->result.object);
        is_product(get_typed(&env, "k", &product_type, 0), "payload", 3);
    }
    open_typed(&far, "protobuf", "cache tiers = slow\n");
    t_reply *r = t_wait(t_begin_get(&far, "k", NULL));
    CHECK(r->result.len == len && !memcmp(r->result.data, packed, len));
    t_close(&env);
    t_close(&far);
}

/* Another schema is a miss that is counted, near and far; id 0 asks for no check. */
static void schema_mismatch(void)
{
    static const char *const rest[] = {"cache tiers = memory\n", "cache tiers = slow\n",
                                       "cache tiers = memory, slow\n", "cache tiers = near\n"};
    for (int i = 0; i < 4; i++) {
        t_env env;
        product p = make("schema", 1);
        t_fresh();
        open_typed(&env, "protobuf", rest[i]);
        t_about("%s", rest[i]);
        set_typed(&env, "k", &p, &product_type);
        uint64_t before = t_stats(&env).decode_misses;
        t_reply *r = get_typed(&env, "k", &product_v2, 0);
        IS_MISS(r);
        IS_WHY(r, MST_WHY_UNDECODABLE);
        CHECK(t_stats(&env).decode_misses > before);
        is_product(get_typed(&env, "k", &product_any, 0), "schema", 1);
        is_product(get_typed(&env, "k", &product_type, 0), "schema", 1);
        IS_MISS(get_typed(&env, "k", &product_v2, 0));
        t_close(&env);
    }
}

/* ---- what cannot be decoded */

static void garbage_in_the_far_tier(void)
{
    static const char *const garbage[] = {
        "", "x", "plain text of another program",
        "\xc1\x10\x02 an envelope, or nearly so .............",
        "\xc1\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"};
    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        t_env env;
        t_loader loader;
        t_fresh();
        open_typed(&env, "protobuf", "cache tiers = memory, slow\ncache compressor = brotli\n");
        t_about("garbage %zu", i);
        t_far_put(fx_server_at(0), "k", garbage[i]);
        t_reply *r = t_get(&env, "k");
        IS_MISS(r);
        IS_WHY(r, MST_WHY_UNDECODABLE);
        IS_MISS(get_typed(&env, "k", &product_type, 0));
        CHECK_INT(t_stats(&env).decode_misses, 2);
        NEAR_IS(&env, "k", NULL);
        t_loader_init(&loader, T_LOAD_NOW, "made");
        IS_VALUE(t_load(&env, "k", &loader.loader), "made");
        IS_VALUE(t_get(&env, "k"), "made");
        CHECK(!t_log_has(&env, "plain text"));
        t_close(&env);
        t_loader_fini(&loader);
    }
}

/* Every single bit of a stored value: no flip goes unnoticed, none does harm. */
static void flipped_bits(void)
{
    t_env env;
    product p = make("flip", 1);
    uint8_t stored[1000], broken[1000];
    t_fresh();
    open_typed(&env, "protobuf", "cache tiers = slow\ncache compressor = brotli\n");
    set_typed(&env, "k", &p, &product_type);
    long len = fx_server_peek(fx_server_at(0), "t:k", stored, sizeof stored);
    REQUIRE(len > 0 && len < 1000);
    for (long bit = 0; bit < len * 8; bit++) {
        memcpy(broken, stored, (size_t) len);
        broken[bit / 8] ^= (uint8_t) (1 << bit % 8);
        fx_server_put(fx_server_at(0), "t:k", broken, (size_t) len);
        t_about("bit %ld", bit);
        t_reply *r = get_typed(&env, "k", &product_type, 0);
        IS_MISS(r);
        t_release(r);
    }
    for (long cut = 0; cut < len; cut++) {
        fx_server_put(fx_server_at(0), "t:k", stored, (size_t) cut);
        t_about("cut to %ld", cut);
        IS_MISS(get_typed(&env, "k", &product_type, 0));
    }
    CHECK_INT(t_stats(&env).decode_misses, len * 9);
    fx_server_put(fx_server_at(0), "t:k", stored, (size_t) len);
    is_product(get_typed(&env, "k", &product_type, 0), "flip", 1);
    t_close(&env);
}

/* After a change of configuration the values of before can still be read. */
static void reads_what_the_old_config_wrote(void)
{
    t_env old, new;
    product p = make("old", 4);
    t_fresh();
    open_typed(&old, "protobuf", "cache tiers = slow\ncache compressor = brotli\n");
    set_typed(&old, "k", &p, &product_type);
    t_close(&old);
    open_typed(&new, "json",
               "cache tiers = memory, slow\n"
               "cache.old serializer = protobuf\n"
               "cache.old compressor = brotli\n"
               "cache.old namespace = old\n");
    is_product(get_typed(&new, "k", &product_type, 0), "old", 4);
    t_close(&new);
}

/* ---- loaders that give objects */

typedef struct object_loader {
    product p;
    bool take_over;
    _Atomic int calls, given_back;
} object_loader;

static void object_given_back(void *owner)
{
    atomic_fetch_add(&((object_loader *) owner)->given_back, 1);
}

static void load_object(void *arg, mst_load *load)
{
    object_loader *l = arg;
    atomic_fetch_add(&l->calls, 1);
    CHECK(mst_load_type(load)->descriptor == product_type.descriptor);
    mst_input input = {.object = &l->p};
    if (l->take_over) {
        input.release = object_given_back;
        input.owner = l;
    }
    mst_load_object(load, &input);
}

static void loaded_objects(const char *tiers, bool take_over)
{
    t_env env;
    char settings[200];
    object_loader l = {.p = make("object", 11), .take_over = take_over};
    mst_loader loader = {.load = load_object, .arg = &l};
    mst_options options = {.type = &product_type};
    snprintf(settings, sizeof settings, "cache tiers = %s\n", tiers);
    t_fresh();
    open_typed(&env, "protobuf", settings);
    t_about("%s, %s", tiers, take_over ? "taken over" : "copied");
    t_reply *r = t_wait(t_begin_load(&env, "k", &loader, &options));
    is_product(r, "object", 11);
    IS_WHY(r, MST_WHY_LOADED);
    CHECK((r->result.object == &l.p) == take_over);
    r = t_wait(t_begin_load(&env, "k", &loader, &options));
    is_product(r, "object", 11);
    IS_WHY(r, MST_WHY_HIT);
    if (take_over && !strncmp(tiers, "memory", 6)) {
        CHECK_INT(t_stats(&env).decodes, 0);
        CHECK(r->result.object == &l.p);
    }
    t_reply *plain = t_get(&env, "k");
    uint8_t packed[1000];
    size_t len = protobuf_c_message_pack(&l.p.base, packed);
    CHECK(plain->result.len == len && !memcmp(plain->result.data, packed, len));
    CHECK_INT(atomic_load(&l.calls), 1);
    t_close(&env);
    CHECK_INT(atomic_load(&l.given_back), take_over);
}

static void loader_gives_objects(void)
{
    static const char *const chains[] = {"memory", "memory, slow", "slow", "near, slow"};
    for (int i = 0; i < 8; i++) {
        loaded_objects(chains[i / 2], i % 2);
    }
}

/* What is stored and cannot be decoded is as good as not there: it is loaded again and replaced. */
static void undecodable_is_loaded(void)
{
    static const char *const chains[] = {"memory", "memory, slow", "slow", "near, slow"};
    for (int i = 0; i < 4; i++) {
        t_env env;
        char settings[200];
        product old = make("old", 1);
        object_loader l = {.p = make("new", 2)};
        mst_loader loader = {.load = load_object, .arg = &l};
        mst_options options = {.type = &product_v2};
        snprintf(settings, sizeof settings, "cache tiers = %s\n", chains[i]);
        t_fresh();
        open_typed(&env, "protobuf", settings);
        t_about("%s", chains[i]);
        set_typed(&env, "k", &old, &product_type);
        t_reply *r = t_wait(t_begin_load(&env, "k", &loader, &options));
        is_product(r, "new", 2);
        IS_WHY(r, MST_WHY_LOADED);
        is_product(get_typed(&env, "k", &product_v2, 0), "new", 2);
        IS_MISS(get_typed(&env, "k", &product_type, 0));
        CHECK_INT(atomic_load(&l.calls), 1);
        t_close(&env);
    }
}

/* Objects that are held live on when the runtime is closed. */
static void objects_outlive_the_runtime(void)
{
    for (int i = 0; i < 2; i++) {
        t_env env;
        product p = make("held", 2);
        mst_options options = {.type = &product_type};
        mst_result near = {0}, far = {0};
        t_fresh();
        open_typed(&env, serializers[i], "cache tiers = memory, slow\n");
        set_typed(&env, "k", &p, &product_type);
        CHECK_INT(mst_get_wait(env.cache, mst_str("k"), &options, &near), MST_OK);
        options.flags = MST_F_FAR;
        CHECK_INT(mst_get_wait(env.cache, mst_str("k"), &options, &far), MST_OK);
        mst_close_wait(env.runtime);
        CHECK_STR(((const product *) near.object)->sku, "held");
        CHECK_STR(((const product *) far.object)->sku, "held");
        mst_result_release(&near);
        mst_result_release(&far);
        t_end(&env);
    }
}

/* A type that is asked for where plain bytes were stored: a miss or a value, no accident. */
static void type_of_plain_bytes(void)
{
    t_env env;
    t_fresh();
    open_typed(&env, "protobuf", "cache tiers = memory, slow\n");
    IS_STATUS(t_set(&env, "k", "\xff\xff\xff\xff not a product"), MST_OK);
    t_reply *r = get_typed(&env, "k", &product_type, 0);
    IS_MISS(r);
    IS_MISS(get_typed(&env, "k", &product_type, MST_F_FAR));
    CHECK(t_stats(&env).decode_misses >= 2);
    IS_VALUE(t_get(&env, "k"), "\xff\xff\xff\xff not a product");
    t_close(&env);
}

/* A batch of bytes, objects that are held decoded, and keys that nobody has, longer than what is
 * looked up at once. */
static void batch_of_all_kinds(void)
{
    static const char *const chains[] = {"memory", "memory, slow",
                                         "memory, near\nprovider.near plugin = memory"};
    enum { KEYS = 75, OBJECTS = 5, MISSING = 7 };
    char names[KEYS][16], settings[100];
    mst_slice keys[KEYS];
    for (int i = 0; i < 6; i++) {
        t_env env;
        product p = make("in a batch", 3);
        uint64_t hits = 0;
        snprintf(settings, sizeof settings, "cache tiers = %s\n", chains[i / 2]);
        t_fresh();
        open_typed(&env, "protobuf", settings);
        env.use_now = i % 2;
        for (int k = 0; k < KEYS; k++) {
            snprintf(names[k], sizeof names[k], "key %d", k);
            keys[k] = mst_str(names[k]);
            if (k % MISSING == 0) {
                continue;
            }
            hits++;
            if (k % OBJECTS == 0) {
                set_typed(&env, names[k], &p, &product_type);
                is_product(get_typed(&env, names[k], &product_type, 0), "in a batch", 3);
            } else {
                IS_STATUS(t_set(&env, names[k], names[k]), MST_OK);
            }
        }
        mst_stats before = t_stats(&env);
        t_reply *r = t_wait(t_begin_get_many(&env, keys, KEYS, NULL));
        for (int k = 0; k < KEYS; k++) {
            const mst_result *one = &r->many[k];
            CHECK_INT(one->status, k % MISSING ? MST_OK : MST_MISS);
            if (k % MISSING && k % OBJECTS) {
                CHECK_BYTES(one->data, one->len, names[k]);
                CHECK_INT(one->tier, 0);
                CHECK(one->age_ms >= 0);
            } else if (k % MISSING) {
                CHECK(one->len > 0 && one->object == NULL);
            }
        }
        mst_stats after = t_stats(&env);
        CHECK_INT(after.near_hits - before.near_hits, hits);
        CHECK_INT(after.misses - before.misses, KEYS - hits);
        t_close(&env);
    }
}

T_MAIN(T_TEST(decodes_once), T_TEST(decodes_a_promoted_value_once), T_TEST(plain_near_tiers),
       T_TEST(through_brotli), T_TEST(payload_without_type), T_TEST(schema_mismatch),
       T_TEST(garbage_in_the_far_tier), T_TEST(flipped_bits),
       T_TEST(reads_what_the_old_config_wrote), T_TEST(loader_gives_objects),
       T_TEST(undecodable_is_loaded), T_TEST(objects_outlive_the_runtime),
       T_TEST(type_of_plain_bytes), T_TEST(batch_of_all_kinds))
