/* chaos.c - servers and connections are killed, paused, reset, swallowed and delayed while caches
 * are under load. What must hold all the time: no wrong value, every request answered once,
 * started = completed + pending in every sample, and service again soon after each disturbance.
 *
 *   chaos [--cluster | --sentinel] [SECONDS]
 *
 * Alone, there are two caches: one on the server, one behind a proxy whose connections suffer as
 * well. Servers are started and killed on the main thread, with which they would die. */
#include <signal.h>
#include <stdlib.h>

#include "load.h"
#include "proxy.h"
#include "redis/cluster.h"
#include "redis/trio.h"

enum { BACKOFF_MAX_MS = 200, CONNECT_MS = 300, STALL_MS = 500, EVERY_MS = 2000, CACHES = 2 };
/* The longest pause, an attempt that was under way and has to fail, and one that succeeds; and the
 * noise of a machine that has other things to do. */
enum { RECOVERY_MS = BACKOFF_MAX_MS + 2 * CONNECT_MS + 400 };

static const char impatient[] = "cache timeout = 1s\n"
                                "provider.redis timeout = 800ms\n"
                                "provider.redis connect_timeout = 300ms\n"
                                "provider.redis stall_timeout = 500ms\n"
                                "provider.redis backoff_max = 200ms\n";

static t_env envs[CACHES];
static load loads[CACHES];
static int caches;
static server alone;
static proxy *between;
static cluster shards;
static trio three;

typedef struct disturbance {
    const char *name;
    void (*run)(void); /* returns when the service is possible again */
    int times;
    uint64_t recovery_ms; /* the longest */
    uint64_t limit_ms;
} disturbance;

/* ---- disturbances */

static void kill_and_restart(void)
{
    server_kill(&alone);
    t_sleep_until(t_ms() + 400);
    server_restart(&alone);
}

static void pause_shortly(void)
{
    server_pause(&alone);
    t_sleep_until(t_ms() + STALL_MS / 2);
    server_resume(&alone);
}

static void pause_beyond_stall(void)
{
    server_pause(&alone);
    t_sleep_until(t_ms() + 2 * STALL_MS);
    server_resume(&alone);
}

static void reset(void)
{
    proxy_reset(between);
}

static void black_hole(void)
{
    proxy_black_hole(between, true);
    t_sleep_until(t_ms() + 2 * STALL_MS);
    proxy_black_hole(between, false);
}

static void delay(void)
{
    proxy_delay(between, 100);
    t_sleep_until(t_ms() + 500);
    proxy_delay(between, 0);
}

static void kill_a_master(void)
{
    static int slot;
    slot = (slot + CLUSTER_SLOTS / CLUSTER_SHARDS) % CLUSTER_SLOTS;
    int old = cluster_master_of(&shards, slot);
    REQUIRE(old >= 0);
    server_kill(&shards.node[old]);
    cluster_wait_failover(&shards, slot, old);
    server_restart(&shards.node[old]);
    cluster_wait_rejoined(&shards, old);
}

static void move_slots(void)
{
    static int key;
    for (int i = 0; i < 5; i++) {
        char name[24];
        snprintf(name, sizeof name, "t:k%d", key++ % LOAD_KEYS);
        int slot = cluster_slot(&shards, name), from = cluster_master_of(&shards, slot);
        int to = from;
        for (int other = 0; other < CLUSTER_SLOTS && to == from; other += CLUSTER_SLOTS / 4) {
            to = cluster_master_of(&shards, other);
        }
        REQUIRE(to >= 0 && from >= 0);
        cluster_move_slot(&shards, slot, to);
    }
}

static void kill_the_master(void)
{
    int old = trio_master(&three);
    REQUIRE(old >= 0);
    server_kill(&three.server[old]);
    trio_wait_failover(&three, old);
    trio_rejoin(&three, old);
}

static disturbance on_one[] = {
    {"kill -9, restart", kill_and_restart, 0, 0, RECOVERY_MS},
    {"reset", reset, 0, 0, RECOVERY_MS},
    {"pause, long", pause_beyond_stall, 0, 0, RECOVERY_MS},
    {"black hole", black_hole, 0, 0, RECOVERY_MS},
    {"pause, short", pause_shortly, 0, 0, RECOVERY_MS},
    {"delay 100 ms", delay, 0, 0, RECOVERY_MS},
};
static disturbance on_cluster[] = {
    {"kill a master", kill_a_master, 0, 0, 2 * RECOVERY_MS},
    {"move slots", move_slots, 0, 0, RECOVERY_MS},
};
static disturbance on_sentinel[] = {
    {"kill the master", kill_the_master, 0, 0, 2 * RECOVERY_MS},
};

/* ---- set-ups */

static void open_one(void)
{
    char url[64];
    server_start(&alone, NULL);
    between = proxy_start(alone.port);
    use_open_mode(&envs[0], T_THREE, use_url(&alone), impatient);
    snprintf(url, sizeof url, "redis://127.0.0.1:%d", proxy_port(between));
    char settings[512];
    snprintf(settings, sizeof settings, "cache namespace = p\n%s", impatient);
    use_open_mode(&envs[1], T_ONE, url, settings);
    caches = 2;
}

static void open_cluster(void)
{
    char url[128], settings[512];
    cluster_start(&shards, NULL);
    snprintf(url, sizeof url, "redis://127.0.0.1:%d,127.0.0.1:%d", shards.node[0].port,
             shards.node[4].port);
    snprintf(settings, sizeof settings, "provider.redis mode = cluster\n%s", impatient);
    use_open_mode(&envs[0], T_THREE, url, settings);
    caches = 1;
}

static void open_sentinel(void)
{
    char url[128], settings[512];
    trio_start(&three, NULL);
    snprintf(url, sizeof url, "redis://127.0.0.1:%d,127.0.0.1:%d", three.sentinel[0].port,
             three.sentinel[1].port);
    snprintf(settings, sizeof settings,
             "provider.redis mode = sentinel\nprovider.redis master = " TRIO_NAME "\n%s",
             impatient);
    use_open_mode(&envs[0], T_THREE, url, settings);
    caches = 1;
}

/* ---- running */

/* How long until all caches store and find again. Each key of a few, so that in a cluster every
 * shard is asked. */
static uint64_t measure_recovery(void)
{
    uint64_t begin = t_ms();
    for (int i = 0; i < caches; i++) {
        for (int k = 0; k < 12; k++) {
            char key[16];
            snprintf(key, sizeof key, "probe%d", k);
            T_UNTIL(use_set(&envs[i], key, "1") == MST_OK && use_get_is(&envs[i], key, "1"));
        }
    }
    return t_ms() - begin;
}

static void disturb(disturbance *list, size_t n, int seconds)
{
    uint64_t end = t_ms() + (uint64_t) seconds * 1000;
    for (size_t i = 0; t_ms() + EVERY_MS <= end + 100; i++) {
        disturbance *d = &list[i % n];
        uint64_t next = t_ms() + EVERY_MS;
        d->run();
        uint64_t took = measure_recovery();
        d->times++;
        d->recovery_ms = took > d->recovery_ms ? took : d->recovery_ms;
        t_keep_going();
        t_sleep_until(next);
    }
}

static void print(const disturbance *list, size_t n)
{
    fprintf(stderr, "%-18s %6s %22s\n", "disturbance", "times", "longest recovery, ms");
    for (size_t i = 0; i < n; i++) {
        fprintf(stderr, "%-18s %6d %22llu\n", list[i].name, list[i].times,
                (unsigned long long) list[i].recovery_ms);
    }
    fprintf(stderr, "%-10s %9s %9s %9s %9s %6s %9s\n", "cache", "asked", "good", "missing",
            "failed", "wrong", "samples");
    for (int i = 0; i < caches; i++) {
        load_print(&loads[i]);
    }
}

static void run(disturbance *list, size_t n, int seconds)
{
    static const char *const names[CACHES] = {"direct", "proxied"};
    for (int i = 0; i < caches; i++) {
        use_until_it_works(&envs[i]);
        load_start(&loads[i], &envs[i], names[i]);
    }
    disturb(list, n, seconds);
    for (int i = 0; i < caches; i++) {
        load_stop(&loads[i]);
    }
    print(list, n);
    for (size_t i = 0; i < n; i++) {
        t_about("%s", list[i].name);
        CHECK(list[i].recovery_ms <= list[i].limit_ms * T_SLOWNESS);
    }
    t_about("%s", "");
    uint64_t begin = t_ms();
    for (int i = 0; i < caches; i++) {
        t_close(&envs[i]);
    }
    CHECK(t_ms() - begin < 1000 * T_SLOWNESS);
}

static int seconds = 60;

static void chaos(void)
{
    open_one();
    run(on_one, sizeof on_one / sizeof on_one[0], seconds);
    proxy_end(between);
    server_end(&alone);
}

static void chaos_in_a_cluster(void)
{
    open_cluster();
    run(on_cluster, sizeof on_cluster / sizeof on_cluster[0], seconds);
    cluster_end(&shards);
}

static void chaos_under_sentinels(void)
{
    open_sentinel();
    run(on_sentinel, sizeof on_sentinel / sizeof on_sentinel[0], seconds);
    trio_end(&three);
}

int main(int argc, char **argv)
{
    t_test test = T_TEST(chaos);
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--cluster")) {
            test = (t_test) T_TEST(chaos_in_a_cluster);
        } else if (!strcmp(argv[i], "--sentinel")) {
            test = (t_test) T_TEST(chaos_under_sentinels);
        } else if ((seconds = (int) strtol(argv[i], NULL, 10)) <= 0) {
            fprintf(stderr, "usage: chaos [--cluster | --sentinel] [SECONDS]\n");
            return 2;
        }
    }
    server_require();
    return t_main(1, argv, &test, 1);
}
