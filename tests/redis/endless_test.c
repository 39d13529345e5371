/* endless_test - a line that does not end, under the default limits: it is given up as soon as it
 * is longer than any line that a server sends, and not looked through again with each read. */
#include <stdlib.h>

#include "fake.h"
#include "use.h"

static t_env env;

static void a_line(void)
{
    enum { LEN = 64 << 20 };
    static const char types[] = "+-:$*";
    char *bytes = malloc(LEN);
    REQUIRE(bytes);
    for (const char *type = types; *type; type++) {
        t_about("%c", *type);
        fake *f = fake_start();
        memset(bytes, '1', LEN);
        bytes[0] = *type;
        use_open(&env, fake_url(f), NULL);
        use_until_it_works(&env);
        fake_rules(f, &(fake_rule){.action = FAKE_SAY, .data = bytes, .len = LEN, .times = 1}, 1);
        uint64_t begin = t_ms();
        t_release(t_get(&env, "a"));
        use_until_it_works(&env);
        CHECK(t_ms() - begin < 1000 * T_SLOWNESS);
        t_close(&env);
        fake_end(f);
    }
    free(bytes);
}

int main(int argc, char **argv)
{
    static const t_test tests[] = {
        T_TEST(a_line),
    };
    return t_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
