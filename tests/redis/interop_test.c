/* interop_test - values shared with other programs: envelope = none with the json serializer, both
 * ways. */
#include <stdlib.h>

#include "test.pb-c.h"
#include "use.h"

typedef Memstache__Test__Product product;
static const mst_type product_type = {"Product", &memstache__test__product__descriptor, 0};

static server at;
static t_env env;

static void they_read_what_we_write(void)
{
    product p = MEMSTACHE__TEST__PRODUCT__INIT;
    mst_result result = {0};
    p.sku = (char *) "x-1";
    p.price_cents = 250;
    const mst_input in = {.object = &p};
    const mst_options o = {.type = &product_type};
    use_open_server(&env, &at, "cache serializer = json\n");
    CHECK_INT(mst_set_wait(env.cache, mst_str("product"), &in, &o, &result), MST_OK);
    CHECK(server_mentions(&at, "\"sku\":", "GET t:product"));
    CHECK(server_mentions(&at, "\"x-1\"", "GET t:product"));
    CHECK(server_mentions(&at, "{", "GETRANGE t:product 0 0"));
    t_close(&env);
}

static void we_read_what_they_write(void)
{
    static const char text[] = "{\"sku\": \"y-2\", \"price_cents\": 7, \"tags\": [\"a\", \"b\"]}";
    const mst_options o = {.type = &product_type};
    use_open_server(&env, &at, "cache serializer = json\n");
    CHECK(server_says(&at, "OK", "SET t:theirs %s", text));
    t_reply *r = t_wait(t_begin_get(&env, "theirs", &o));
    IS_STATUS(r, MST_OK);
    const product *p = r->result.object;
    REQUIRE(p);
    CHECK_STR(p->sku, "y-2");
    CHECK_INT(p->price_cents, 7);
    CHECK_INT(p->n_tags, 2);
    CHECK(server_says(&at, "OK", "SET t:theirs %s", "no json at all"));
    r = t_wait(t_begin_get(&env, "theirs", &o));
    IS_MISS(r);
    IS_WHY(r, MST_WHY_UNDECODABLE);
    t_close(&env);
}

int main(int argc, char **argv)
{
    static const t_test tests[] = {
        T_TEST(they_read_what_we_write),
        T_TEST(we_read_what_they_write),
    };
    server_require();
    server_start(&at, NULL);
    int failed = t_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
    server_end(&at);
    return failed;
}
