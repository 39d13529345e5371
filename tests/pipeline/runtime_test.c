/* runtime_test.c - runtimes as guests: many at once, many in a row, leaving nothing behind. */
#include <dirent.h>
#include <stdlib.h>

#include "counting.h"
#include "env.h"

static int open_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = 0;
    while (dir && readdir(dir)) {
        n++;
    }
    if (dir) {
        closedir(dir);
    }
    return n;
}

static int threads(void)
{
    DIR *dir = opendir("/proc/self/task");
    int n = 0;
    for (struct dirent *e; dir && (e = readdir(dir));) {
        n += e->d_name[0] != '.';
    }
    if (dir) {
        closedir(dir);
    }
    return n;
}

static void use(t_env *env, const char *value)
{
    IS_STATUS(t_set(env, "k", value), MST_OK);
    IS_VALUE(t_get(env, "k"), value);
    IS_MISS(t_get(env, "nothing"));
}

enum { AT_ONCE = 8 };

/* Each has its own memory tier, its own loops, its own counters. */
static void several_at_once(void)
{
    static t_env envs[AT_ONCE];
    char value[16];
    t_fresh();
    for (int i = 0; i < AT_ONCE; i++) {
        char settings[100];
        snprintf(settings, sizeof settings, "cache tiers = memory, slow\ncache namespace = n%d\n",
                 i);
        t_open(&envs[i], (t_mode) (i % T_MODES), settings);
    }
    for (int i = 0; i < AT_ONCE; i++) {
        snprintf(value, sizeof value, "of %d", i);
        use(&envs[i], value);
    }
    for (int i = 0; i < AT_ONCE; i++) {
        snprintf(value, sizeof value, "of %d", i);
        IS_VALUE(t_get(&envs[i], "k"), value);
        CHECK_INT(t_stats(&envs[i]).started, 4);
    }
    for (int i = AT_ONCE; i-- > 0;) {
        t_close(&envs[i]);
    }
}

/* Opened and closed on threads of their own, all at the same time. */
static void *live_on_a_thread(void *arg)
{
    (void) arg;
    for (int i = 0; i < 10; i++) {
        t_env env;
        char settings[100];
        snprintf(settings, sizeof settings, "cache tiers = memory, slow\ncache namespace = %p\n",
                 (void *) &env);
        t_open(&env, (t_mode) (i % T_MODES), settings);
        use(&env, "mine");
        t_close(&env);
    }
    return NULL;
}

static void on_several_threads(void)
{
    pthread_t ids[4];
    t_fresh();
    for (int i = 0; i < 4; i++) {
        REQUIRE(!pthread_create(&ids[i], NULL, live_on_a_thread, NULL));
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(ids[i], NULL);
    }
}

enum { LIVES = 200 };

static void many_in_a_row(void)
{
    t_counting counting;
    int files = 0, tasks = 0;
    t_counting_init(&counting);
    for (int i = 0; i < LIVES; i++) {
        t_env env = {.allocator = &counting.allocator};
        mst_error error = {0};
        t_fresh();
        t_about("life %d", i);
        REQUIRE(!t_try_open(&env, (t_mode) (i % T_MODES), "cache tiers = memory, slow, block\n",
                            &error));
        use(&env, "v");
        t_close(&env);
        CHECK_INT(atomic_load(&counting.balance), 0);
        if (i == T_MODES * 2) { /* what libuv's worker pool keeps is there by now */
            files = open_files();
            tasks = threads();
        }
    }
    CHECK_INT(open_files(), files);
    T_UNTIL(threads() == tasks);
    CHECK_INT(atomic_load(&fx_slow.instances), atomic_load(&fx_slow.stops));
}

/* Without a config, without options: a memory tier that works. */
static void by_default(void)
{
    mst_runtime *runtime = NULL;
    mst_error error = {0};
    mst_result r = {0};
    mst_input in = {.data = "v", .len = 1};
    CHECK_INT(mst_open(NULL, NULL, &runtime, &error), MST_OK);
    CHECK_STR(error.text, "");
    REQUIRE(runtime);
    mst_cache *cache = mst_cache_named(runtime, NULL);
    REQUIRE(cache);
    CHECK_STR(mst_cache_tier_name(cache, 0), "memory");
    CHECK_INT(mst_set_wait(cache, mst_str("k"), &in, NULL, &r), MST_OK);
    mst_result_release(&r);
    CHECK_INT(mst_get_wait(cache, mst_str("k"), NULL, &r), MST_OK);
    CHECK(t_has_value(&r, "v"));
    mst_result_release(&r);
    mst_close_wait(runtime);
}

/* What cannot be opened says why and leaves nothing. */
static void refused(void)
{
    static const char *const settings[] = {
        "cache tiers = memory, nowhere\n", "cache expire = soon\n", "cache tiers =  \n",
        "cache tiers = memory, memory\n",  "cache nokey = 1\n",     "nosection key = 1\n"};
    t_counting counting;
    t_counting_init(&counting);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        t_env env = {.allocator = &counting.allocator};
        mst_error error = {0};
        t_about("%s", settings[i]);
        mst_status status = t_try_open(&env, T_ONE, settings[i], &error);
        CHECK(status == MST_ECONFIG || status == MST_EPLUGIN);
        CHECK_INT(error.status, status);
        CHECK(error.text[0]);
        if (status) {
            t_end(&env);
        } else {
            t_close(&env);
        }
        CHECK_INT(atomic_load(&counting.balance), 0);
    }
}

typedef struct figures {
    int memory, slow;
} figures;

static void on_figure(void *arg, const char *tier, const char *name, uint64_t value)
{
    figures *f = arg;
    (void) value;
    CHECK(name && name[0]);
    f->memory += !strcmp(tier, "memory");
    f->slow += !strcmp(tier, "slow") && !strcmp(name, "entries");
}

static void tier_figures(void)
{
    t_env env;
    figures f = {0};
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory, slow, block\n");
    use(&env, "v");
    mst_cache_tier_stats(env.cache, on_figure, &f);
    CHECK(f.memory > 0);
    CHECK_INT(f.slow, 1);
    t_close(&env);
}

/* Of two tiers in the process the nearest gives first; those outside are not asked. */
static void shrinking(void)
{
    t_env env;
    static char value[10000];
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory, near, slow\nprovider.near plugin = memory\n");
    for (int i = 0; i < 200; i++) {
        char key[20];
        snprintf(key, sizeof key, "key-%d", i);
        mst_slice bytes = {value, sizeof value};
        t_release(t_wait(t_begin_set_bytes(&env, mst_str(key), bytes, NULL)));
    }
    uint64_t freed = mst_cache_shrink(env.cache, 100000);
    CHECK(freed >= 100000 && freed < 200000);
    CHECK(mst_cache_shrink(env.cache, UINT64_MAX) > 2000000);
    CHECK_INT(mst_cache_shrink(env.cache, 1), 0);
    IS_STATUS(t_get(&env, "key-7"), MST_OK);
    t_close(&env);
}

T_MAIN(T_TEST(several_at_once), T_TEST(on_several_threads), T_TEST(many_in_a_row),
       T_TEST(by_default), T_TEST(refused), T_TEST(tier_figures), T_TEST(shrinking))
