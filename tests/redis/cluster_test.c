/* cluster_test - a real Redis Cluster of three masters with a replica each: slots, redirections,
 * dead masters, slots that move. */
#include "cluster.h"
#include "load.h"

enum { MANY = 300 };

static cluster at;
static t_env env;

/* Two seeds; the second is enough when the first is gone. */
static void open_cluster(const char *more)
{
    char url[64], settings[512];
    snprintf(url, sizeof url, "redis://127.0.0.1:%d,127.0.0.1:%d", at.node[0].port,
             at.node[1].port);
    snprintf(settings, sizeof settings, "provider.redis mode = cluster\n%s", more ? more : "");
    use_open(&env, url, settings);
}

static int shard_of(const char *key)
{
    char full[64];
    snprintf(full, sizeof full, "t:%s", key);
    int master = cluster_master_of(&at, cluster_slot(&at, full));
    return master % CLUSTER_SHARDS;
}

static void spread(void)
{
    static mst_slice keys[MANY];
    static mst_input values[MANY];
    static char names[MANY][24];
    open_cluster(NULL);
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], i % 3 ? "k%d" : "{tag}%d", i);
        keys[i] = mst_str(names[i]);
        values[i] = (mst_input){.data = names[i], .len = strlen(names[i])};
    }
    t_reply *r = t_wait(t_begin_set_many(&env, keys, values, MANY));
    for (int i = 0; i < MANY; i++) {
        CHECK_INT(r->many[i].status, MST_OK);
    }
    r = t_wait(t_begin_get_many(&env, keys, MANY, NULL));
    for (int i = 0; i < MANY; i++) {
        CHECK_INT(r->many[i].status, MST_OK);
        CHECK_BYTES(r->many[i].data, r->many[i].len, names[i]);
    }
    long long sum = 0, mgets = 0;
    for (int i = 0; i < CLUSTER_SHARDS; i++) {
        long long keys_there = server_integer(&at.node[i], "DBSIZE");
        CHECK(keys_there > MANY / 10);
        sum += keys_there;
        mgets += server_calls(&at.node[i], "mget");
    }
    CHECK_INT(sum, MANY);
    CHECK(mgets >= 1); /* keys with the same tag are asked for together */
    t_close(&env);
}

/* The slot is that of the tag, and the prefix of the namespace is no part of it. */
static void hash_tags(void)
{
    open_cluster(NULL);
    IS_STATUS(t_set(&env, "{user7}.name", "n"), MST_OK);
    IS_STATUS(t_set(&env, "{user7}.mail", "m"), MST_OK);
    int node = cluster_master_of(&at, cluster_slot(&at, "user7"));
    CHECK(server_says(&at.node[node], "n", "GET t:{user7}.name"));
    CHECK(server_says(&at.node[node], "m", "GET t:{user7}.mail"));
    t_close(&env);
}

/* A slot stays half moved: old keys here, new ones there, and an MGET of both of them nowhere. */
static void a_slot_is_moving(void)
{
    const mst_slice both[2] = {mst_str("{half}1"), mst_str("{half}2")};
    open_cluster(NULL);
    IS_STATUS(t_set(&env, "{half}1", "old"), MST_OK);
    int slot = cluster_slot(&at, "half"), home = cluster_master_of(&at, slot);
    int away = (home + 1) % CLUSTER_SHARDS;
    cluster_move_begin(&at, slot, away);
    IS_VALUE(t_get(&env, "{half}1"), "old");
    IS_STATUS(t_set(&env, "{half}2", "new"), MST_OK);
    CHECK(!server_says(&at.node[home], "new", "GET t:{half}2"));
    IS_VALUE(t_get(&env, "{half}2"), "new");
    t_reply *r = t_wait(t_begin_get_many(&env, both, 2, NULL));
    CHECK_BYTES(r->many[0].data, r->many[0].len, "old");
    CHECK_BYTES(r->many[1].data, r->many[1].len, "new");
    cluster_move_keys(&at, slot, away);
    cluster_move_end(&at, slot, away);
    IS_VALUE(t_get(&env, "{half}1"), "old");
    IS_VALUE(t_get(&env, "{half}2"), "new");
    cluster_move_slot(&at, slot, home);
    IS_VALUE(t_get(&env, "{half}1"), "old");
    t_close(&env);
}

static void clear_on_all_nodes(void)
{
    open_cluster(NULL);
    IS_STATUS(t_set(&env, "mine", "1"), MST_OK);
    int other = cluster_master_of(&at, cluster_slot(&at, "other:key"));
    CHECK(server_says(&at.node[other], "OK", "SET other:key x"));
    IS_STATUS(t_clear(&env), MST_OK);
    long long left = 0;
    for (int i = 0; i < CLUSTER_SHARDS; i++) {
        left += server_integer(&at.node[i], "DBSIZE");
    }
    CHECK_INT(left, 1);
    IS_MISS(t_get(&env, "mine"));
    CHECK_INT(server_integer(&at.node[other], "DEL other:key"), 1);
    t_close(&env);
}

static void ask_all(void)
{
    for (int i = 0; i < 30; i++) {
        use_get(&env, load_key(i));
    }
}

/* A replica is told of when it has replicated something. */
static bool are_told(int node)
{
    redisReply *r = server_ask(&at.node[node], "CLUSTER SLOTS");
    bool all = r && r->type == REDIS_REPLY_ARRAY && r->elements >= CLUSTER_SHARDS;
    for (size_t i = 0; all && i < r->elements; i++) {
        all = r->element[i]->elements >= 4;
    }
    if (r) {
        freeReplyObject(r);
    }
    return all;
}

static void from_replicas(void)
{
    open_cluster(NULL);
    for (int i = 0; i < LOAD_KEYS; i++) {
        IS_STATUS(t_set(&env, load_key(i), "1"), MST_OK);
    }
    t_close(&env);
    for (int i = 0; i < CLUSTER_NODES; i++) {
        T_UNTIL(are_told(i));
    }
    /* Until connections to them are there the masters answer. */
    open_cluster("provider.redis read_from = replica\n");
    for (int i = 0; i < CLUSTER_NODES; i++) {
        if (cluster_replica_of(&at, i) < 0) {
            REQUIRE(server_says(&at.node[i], "OK", "CONFIG RESETSTAT"));
        }
    }
    for (int i = 0; i < CLUSTER_NODES; i++) {
        t_about("node %d", i);
        if (cluster_replica_of(&at, i) < 0) {
            T_UNTIL((ask_all(), server_calls(&at.node[i], "get") > 0));
        }
    }
    t_about("%s", "");
    t_close(&env);
}

/* The first seed is down at the start. */
static void second_seed(void)
{
    server gone = at.node[0];
    char url[64];
    snprintf(url, sizeof url, "redis://127.0.0.1:1,127.0.0.1:%d", gone.port);
    use_open(&env, url, "provider.redis mode = cluster\n");
    T_UNTIL(use_set(&env, "a", "1") == MST_OK);
    CHECK(use_get_is(&env, "a", "1"));
    t_close(&env);
}

/* Live moves are not seen by those who ask. */
static void slots_move(void)
{
    load l;
    open_cluster(NULL);
    load_start(&l, &env, NULL);
    for (int i = 0; i < 12; i++) {
        char full[64];
        snprintf(full, sizeof full, "t:%s", load_key(i));
        int slot = cluster_slot(&at, full), from = cluster_master_of(&at, slot);
        int to = (from + 1) % CLUSTER_SHARDS;
        cluster_move_begin(&at, slot, to);
        load_until(&l, 0, 200);
        cluster_move_keys(&at, slot, to);
        load_until(&l, 0, 200);
        cluster_move_end(&at, slot, to);
        load_until(&l, 0, 200);
    }
    load_stop(&l);
    t_about("first failure: %s", mst_strerror(atomic_load(&l.first_failure)));
    CHECK_INT(load_failed(&l), 0);
    CHECK(use_figure(&env, "redirects") > 0);
    t_about("%s", "");
    t_close(&env);
}

/* A master dies under load. Its slots are answered again after the failover, with the same runtime;
 * the others do not notice. */
static void master_dies(void)
{
    load l;
    open_cluster(NULL);
    load_start(&l, &env, shard_of);
    for (int i = 0; i < CLUSTER_SHARDS; i++) {
        load_until(&l, i, 500);
    }
    CHECK_INT(load_failed(&l), 0);
    char full[64];
    int key = 0;
    while (l.class[key] != 2) {
        key++;
    }
    snprintf(full, sizeof full, "t:%s", load_key(key));
    int slot = cluster_slot(&at, full), victim = cluster_master_of(&at, slot);
    server_kill(&at.node[victim]);
    load_until(&l, 0, 1000);
    load_until(&l, 1, 1000);
    cluster_wait_failover(&at, slot, victim);
    load_until(&l, 2, 1000);
    load_stop(&l);
    fprintf(stderr,
            "  failed: %" PRIu64 " of the dead shard, %" PRIu64 " and %" PRIu64 " of the others\n",
            l.failed[2], l.failed[0], l.failed[1]);
    CHECK_INT(l.failed[0], 0);
    CHECK_INT(l.failed[1], 0);
    server_restart(&at.node[victim]);
    cluster_wait_rejoined(&at, victim);
    t_close(&env);
}

int main(int argc, char **argv)
{
    static const t_test tests[] = {
        T_TEST(spread),     T_TEST(clear_on_all_nodes), T_TEST(second_seed),
        T_TEST(hash_tags),  T_TEST(a_slot_is_moving),   T_TEST(from_replicas),
        T_TEST(slots_move), T_TEST(master_dies),
    };
    server_require();
    cluster_start(&at, NULL);
    int failed = t_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
    cluster_end(&at);
    return failed;
}
