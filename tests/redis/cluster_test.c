/* cluster_test - mode = cluster against six real nodes, and the answers that nodes give in passing
 * against scripted ones. */
#include <stdlib.h>

#include "cluster.h"
#include "fake.h"
#include "use.h"

enum { KEYS = 300 };

static cluster c;
static t_env env;
static char names[KEYS][24];
static mst_slice keys[KEYS];
static mst_input values[KEYS];

static void open_cluster(const char *more)
{
    char url[128], settings[512];
    snprintf(url, sizeof url, "redis://127.0.0.1:%d,127.0.0.1:%d", c.node[1].port, c.node[4].port);
    snprintf(settings, sizeof settings,
             "provider.redis mode = cluster\n"
             "provider.redis connect_timeout = 300ms\n"
             "provider.redis stall_timeout = 500ms\n%s",
             more ? more : "");
    use_open(&env, url, settings);
}

static int set_all(void)
{
    int ok = 0;
    t_reply *r = t_wait(t_begin_set_many(&env, keys, values, KEYS));
    for (int i = 0; i < KEYS; i++) {
        ok += r->many[i].status == MST_OK;
    }
    t_release(r);
    return ok;
}

/* How many keys have their value; a wrong one is a failure. */
static int get_all(void)
{
    int ok = 0;
    t_reply *r = t_wait(t_begin_get_many(&env, keys, KEYS, NULL));
    for (int i = 0; i < KEYS; i++) {
        if (r->many[i].status == MST_OK) {
            CHECK_BYTES(r->many[i].data, r->many[i].len, names[i]);
            ok++;
        }
    }
    t_release(r);
    return ok;
}

static void all_slots(void)
{
    open_cluster(NULL);
    use_until_it_works(&env);
    CHECK_INT(set_all(), KEYS);
    CHECK_INT(get_all(), KEYS);
    for (int i = 0; i < CLUSTER_SHARDS; i++) {
        CHECK(server_integer(&c.node[i], "DBSIZE") > KEYS / 6);
    }
    t_reply *r = t_wait(t_begin_remove_many(&env, keys, KEYS / 2));
    for (int i = 0; i < KEYS / 2; i++) {
        CHECK_INT(r->many[i].status, MST_OK);
    }
    CHECK_INT(get_all(), KEYS - KEYS / 2);
    IS_STATUS(t_clear(&env), MST_OK);
    CHECK_INT(get_all(), 0);
    t_close(&env);
}

static void hash_tags(void)
{
    open_cluster(NULL);
    use_until_it_works(&env);
    IS_STATUS(t_set(&env, "{user7}.name", "n"), MST_OK);
    IS_STATUS(t_set(&env, "{user7}.mail", "m"), MST_OK);
    int node = cluster_master_of(&c, cluster_slot(&c, "user7"));
    REQUIRE(node >= 0);
    CHECK(server_says(&c.node[node], "n", "GET t:{user7}.name"));
    CHECK(server_says(&c.node[node], "m", "GET t:{user7}.mail"));
    t_close(&env);
}

typedef struct reader {
    atomic_bool stop;
    atomic_int failed, wrong, good, away; /* away: of the shard that is down */
    int slot_of[KEYS], from, to;          /* the slots that are down */
} reader;

/* Reads and writes all keys, round and round; each must succeed, but those that are excused. */
static void *keep_asking(void *arg)
{
    reader *w = arg;
    for (int i = 0; !atomic_load(&w->stop); i = (i + 1) % KEYS) {
        mst_result result;
        bool excused = w->slot_of[i] >= w->from && w->slot_of[i] < w->to;
        mst_status set = mst_set_wait(env.cache, keys[i], &values[i], NULL, &result);
        mst_result_release(&result);
        mst_status get = mst_get_wait(env.cache, keys[i], NULL, &result);
        if (get == MST_OK &&
            (result.len != keys[i].len || memcmp(result.data, names[i], result.len))) {
            atomic_fetch_add(&w->wrong, 1);
        }
        atomic_fetch_add(set == MST_OK && get == MST_OK ? &w->good
                         : excused                      ? &w->away
                                                        : &w->failed,
                         1);
        mst_result_release(&result);
        t_nap();
    }
    return NULL;
}

static void reader_init(reader *w)
{
    memset(w, 0, sizeof *w);
    for (int i = 0; i < KEYS; i++) {
        char full[32];
        snprintf(full, sizeof full, "t:%s", names[i]);
        w->slot_of[i] = cluster_slot(&c, full);
    }
}

/* The slot of the first key moves to another master and back, while all keys are in use. */
static void a_slot_moves(void)
{
    reader w;
    pthread_t thread;
    open_cluster(NULL);
    use_until_it_works(&env);
    reader_init(&w);
    REQUIRE(!pthread_create(&thread, NULL, keep_asking, &w));
    int home = cluster_master_of(&c, w.slot_of[0]);
    for (int i = 0; i < 4; i++) {
        int before = atomic_load(&w.good);
        cluster_move_slot(&c, w.slot_of[0], i % 2 ? home : (home + 1) % CLUSTER_SHARDS);
        T_UNTIL(atomic_load(&w.good) > before + KEYS);
    }
    atomic_store(&w.stop, true);
    pthread_join(thread, NULL);
    CHECK_INT(atomic_load(&w.wrong), 0);
    CHECK_INT(atomic_load(&w.failed), 0);
    t_close(&env);
}

/* A slot stays half moved: old keys here, new ones there. */
static void a_slot_is_moving(void)
{
    char full[32];
    open_cluster(NULL);
    use_until_it_works(&env);
    IS_STATUS(t_set(&env, "{half}1", "old"), MST_OK);
    snprintf(full, sizeof full, "half");
    int slot = cluster_slot(&c, full), home = cluster_master_of(&c, slot);
    int away = (home + 1) % CLUSTER_SHARDS;
    cluster_move_begin(&c, slot, away);
    IS_VALUE(t_get(&env, "{half}1"), "old");
    IS_STATUS(t_set(&env, "{half}2", "new"), MST_OK);
    IS_VALUE(t_get(&env, "{half}2"), "new");
    const mst_slice both[2] = {mst_str("{half}1"), mst_str("{half}2")};
    t_reply *r = t_wait(t_begin_get_many(&env, both, 2, NULL));
    CHECK_BYTES(r->many[0].data, r->many[0].len, "old");
    CHECK_BYTES(r->many[1].data, r->many[1].len, "new");
    cluster_move_keys(&c, slot, away);
    cluster_move_end(&c, slot, away);
    IS_VALUE(t_get(&env, "{half}1"), "old");
    IS_VALUE(t_get(&env, "{half}2"), "new");
    cluster_move_slot(&c, slot, home);
    t_close(&env);
}

static void reads_from_replicas(void)
{
    open_cluster("provider.redis read_from = replica\n");
    use_until_it_works(&env);
    CHECK_INT(set_all(), KEYS);
    T_UNTIL(get_all() == KEYS);
    long long gets = 0;
    for (int i = CLUSTER_SHARDS; i < CLUSTER_NODES; i++) {
        gets += server_calls(&c.node[i], "get") + server_calls(&c.node[i], "mget");
    }
    CHECK(gets > 0);
    t_close(&env);
}

/* Last, because the cluster is another one afterwards. */
static void a_master_is_killed(void)
{
    reader w;
    pthread_t thread;
    open_cluster(NULL);
    use_until_it_works(&env);
    CHECK_INT(set_all(), KEYS);
    reader_init(&w);
    w.from = CLUSTER_SLOTS / CLUSTER_SHARDS;
    w.to = 2 * CLUSTER_SLOTS / CLUSTER_SHARDS;
    REQUIRE(!pthread_create(&thread, NULL, keep_asking, &w));
    T_UNTIL(atomic_load(&w.good) > KEYS);
    server_kill(&c.node[1]); /* a seed, too */
    CHECK_INT(cluster_wait_failover(&c, w.from, 1), 4);
    uint64_t begin = t_ms();
    T_UNTIL(set_all() == KEYS && get_all() == KEYS);
    fprintf(stderr, "  all slots again %d ms after the failover\n", (int) (t_ms() - begin));
    atomic_store(&w.stop, true);
    pthread_join(thread, NULL);
    CHECK_INT(atomic_load(&w.wrong), 0);
    CHECK_INT(atomic_load(&w.failed), 0);
    CHECK(atomic_load(&w.away) > 0);
    t_close(&env);
}

/* ---- scripted: one node that says it has everything, another that it points to */

static void say_slots(char *text, size_t cap, int port)
{
    snprintf(text, cap,
             "*1\r\n*3\r\n:0\r\n:16383\r\n*3\r\n$9\r\n127.0.0.1\r\n:%d\r\n"
             "$40\r\n0123456789012345678901234567890123456789\r\n",
             port);
}

static void open_scripted(fake *f, const fake_rule *rule)
{
    char slots[200];
    say_slots(slots, sizeof slots, fake_port(f));
    const fake_rule rules[2] = {{.command = "CLUSTER", .action = FAKE_SAY, .data = slots}, *rule};
    fake_rules(f, rules, 2);
    use_open(&env, fake_url(f), "provider.redis mode = cluster\n");
}

static void answers_in_passing(void)
{
    static const char *const texts[] = {
        "-TRYAGAIN Multiple keys\r\n", "-CLUSTERDOWN The cluster is down\r\n",
        "-LOADING Redis is loading\r\n", "-MOVED 1 127.0.0.1:%d\r\n", "-ASK 1 127.0.0.1:%d\r\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char text[64];
        fake *f = fake_start();
        /* The format is one of those above. */
        if (strchr(texts[i], '%')) {
            const char *end = strchr(texts[i], '%');
            snprintf(text, sizeof text, "%.*s%d\r\n", (int) (end - texts[i]), texts[i],
                     fake_port(f));
        } else {
            snprintf(text, sizeof text, "%s", texts[i]);
        }
        t_about("%s", texts[i]);
        fake_put(f, "t:a", "1", 1);
        open_scripted(f,
                      &(fake_rule){.command = "GET", .action = FAKE_SAY, .data = text, .times = 2});
        IS_VALUE(t_get(&env, "a"), "1");
        CHECK_INT(fake_count(f, "ASKING"), i == 4 ? 2 : 0);
        t_close(&env);
        fake_end(f);
    }
}

/* Pointed in a circle, a request ends before its deadline, and does not ask for ever. */
static void moved_in_circles(void)
{
    char text[64];
    fake *f = fake_start();
    snprintf(text, sizeof text, "-MOVED 1 127.0.0.1:%d\r\n", fake_port(f));
    open_scripted(f, &(fake_rule){.action = FAKE_SAY, .data = text});
    IS_MISS(t_get(&env, "a"));
    CHECK(fake_count(f, "GET") < 50);
    t_close(&env);
    fake_end(f);
}

int main(int argc, char **argv)
{
    static const t_test tests[] = {
        T_TEST(answers_in_passing),  T_TEST(moved_in_circles),   T_TEST(all_slots),
        T_TEST(hash_tags),           T_TEST(a_slot_is_moving),   T_TEST(a_slot_moves),
        T_TEST(reads_from_replicas), T_TEST(a_master_is_killed),
    };
    server_require();
    for (int i = 0; i < KEYS; i++) {
        snprintf(names[i], sizeof names[i], "key-%d", i);
        keys[i] = mst_str(names[i]);
        values[i] = (mst_input){.data = names[i], .len = strlen(names[i])};
    }
    cluster_start(&c, NULL);
    int failed = t_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
    cluster_end(&c);
    return failed;
}
