/* deadline_test - a request ends at its deadline, whatever the server does or does not, and the
 * late reply of one request is never the answer to another.
 *
 * Replies of one connection come in order, so one that is late delays those behind it: here they
 * only have to be right. That requests on other connections are not delayed is late_test.c. */
#include <stdlib.h>
#include <time.h>

#include "fake.h"
#include "use.h"

enum { DEADLINE_MS = 100, GRACE_MS = 20, EVERY_MS = 10, WRITES = 100 };

static t_env env;

/* A reply is 400 ms late: its request has been over for long. It is swallowed, what follows gets
 * its own, and the connection stays. */
static void late_replies_are_swallowed(void)
{
    static const fake_rule late = {.command = "GET", .action = FAKE_DELAY, .ms = 400, .times = 1};
    const mst_options soon = {.timeout_ms = 50};
    fake *f = fake_start();
    fake_put(f, "t:late", "late", 4);
    fake_put(f, "t:next", "next", 4);
    use_open(&env, fake_url(f), "provider.redis hedge_after = never\n");
    use_until_it_works(&env);
    fake_rules(f, &late, 1);
    uint64_t begin = t_ms();
    t_reply *first = t_begin_get(&env, "late", &soon);
    T_UNTIL(fake_acted(f) == 1);
    t_reply *second = t_begin_get(&env, "next", NULL);
    IS_STATUS(t_wait(first), MST_ETIMEDOUT);
    CHECK(t_ms() - begin < 200 * T_SLOWNESS);
    IS_VALUE(t_wait(second), "next");
    CHECK(t_ms() - begin >= 350);
    IS_VALUE(t_get(&env, "late"), "late");
    CHECK_INT(fake_count(f, "ACCEPT"), 1);
    t_close(&env);
    fake_end(f);
}

/* The same for a part of an MGET, and for writes. */
static void parts_of_a_batch_end_alone(void)
{
    static const fake_rule late = {.action = FAKE_DELAY, .ms = 300, .times = 1};
    const mst_options soon = {.timeout_ms = 50};
    fake *f = fake_start();
    fake_put(f, "t:a", "1", 1);
    fake_put(f, "t:b", "2", 1);
    use_open_mode(&env, T_LENT, fake_url(f), "provider.redis hedge_after = never\n");
    IS_STATUS(t_set(&env, "ready", "1"), MST_OK);
    fake_rules(f, &late, 1);
    t_reply *hasty = t_begin_get(&env, "a", &soon), *patient = t_begin_get(&env, "b", NULL);
    t_reply *write = t_begin_set(&env, "c", "3", &soon);
    t_reply *after = t_begin_get(&env, "c", NULL);
    IS_STATUS(t_wait(hasty), MST_ETIMEDOUT);
    IS_STATUS(t_wait(write), MST_ETIMEDOUT);
    IS_VALUE(t_wait(patient), "2");
    IS_VALUE(t_wait(after), "3");
    CHECK_INT(fake_count(f, "MGET"), 1);
    CHECK_INT(fake_count(f, "ACCEPT"), 1);
    t_close(&env);
    fake_end(f);
}

/* Bytes that keep coming do not keep a request alive. */
static void a_trickle_is_no_answer(void)
{
    static const fake_rule slow = {.command = "GET", .action = FAKE_TRICKLE, .bytes = 1, .ms = 20};
    const mst_options soon = {.timeout_ms = DEADLINE_MS};
    fake *f = fake_start();
    fake_put(f, "t:a", "a value that takes a second or so", 33);
    use_open(&env, fake_url(f),
             "provider.redis stall_timeout = 200ms\nprovider.redis hedge_after = never\n");
    use_until_it_works(&env);
    fake_rules(f, &slow, 1);
    uint64_t begin = t_ms();
    IS_STATUS(t_wait(t_begin_get(&env, "a", &soon)), MST_ETIMEDOUT);
    CHECK(t_ms() - begin < 3 * DEADLINE_MS * T_SLOWNESS);
    fake_behave(f);
    IS_VALUE(t_get(&env, "a"), "a value that takes a second or so");
    CHECK_INT(fake_count(f, "ACCEPT"), 1);
    t_close(&env);
    fake_end(f);
}

/* ---- black holes */

typedef struct flight {
    uint64_t begin_ns, end_ns;
    atomic_int answers;
    mst_status status;
} flight;

static void on_done(void *arg, mst_result *result)
{
    flight *f = arg;
    f->end_ns = use_ns();
    f->status = result->status;
    atomic_fetch_add(&f->answers, 1);
}

/* A thread that only sleeps: by how much it comes too late at most is not the provider's doing. */
typedef struct witness {
    pthread_t thread;
    atomic_bool stop;
    uint64_t worst_ns;
} witness;

static void *sleep_and_look(void *arg)
{
    witness *w = arg;
    while (!atomic_load(&w->stop)) {
        uint64_t due = use_ns() + 2000000;
        struct timespec t = {0, 2000000};
        nanosleep(&t, NULL);
        uint64_t late = use_ns() - due;
        w->worst_ns = late > w->worst_ns ? late : w->worst_ns;
    }
    return NULL;
}

/* A write each 10 ms, and some reads. */
static void write_regularly(flight *flights, const char *value, size_t len)
{
    char key[16];
    const mst_input in = {.data = value, .len = len};
    const mst_options o = {.timeout_ms = DEADLINE_MS};
    uint64_t begin = use_ns();
    for (uint64_t i = 0; i < WRITES; i++) {
        while (use_ns() < begin + i * EVERY_MS * 1000000) {
            t_nap();
        }
        snprintf(key, sizeof key, "k%d", (int) i);
        flight *f = &flights[i];
        f->begin_ns = use_ns();
        mst_status s = i % 4 == 3 ? mst_get(env.cache, mst_str(key), &o, NULL, on_done, f)
                                  : mst_set(env.cache, mst_str(key), &in, &o, NULL, on_done, f);
        CHECK_INT(s, MST_PENDING);
    }
}

static uint64_t longest(flight *flights)
{
    uint64_t worst = 0;
    for (int i = 0; i < WRITES; i++) {
        T_UNTIL(atomic_load(&flights[i].answers) > 0);
        uint64_t took = flights[i].end_ns - flights[i].begin_ns;
        worst = took > worst ? took : worst;
        CHECK(flights[i].status != MST_OK);
    }
    return worst;
}

/* True when every request ended in time, but for what the witness was late. */
static bool fall_in(const fake_rule *hole, const char *value, size_t len)
{
    static flight flights[WRITES];
    witness w = {.worst_ns = 0};
    memset(flights, 0, sizeof flights);
    fake *f = fake_start();
    if (hole->command) {
        fake_rules(f, hole, 1); /* before the provider knocks */
    }
    use_open(&env, fake_url(f), "provider.redis hedge_after = never\n");
    if (!hole->command) {
        use_until_it_works(&env);
        fake_rules(f, hole, 1);
    }
    REQUIRE(!pthread_create(&w.thread, NULL, sleep_and_look, &w));
    write_regularly(flights, value, len);
    uint64_t worst = longest(flights);
    atomic_store(&w.stop, true);
    pthread_join(w.thread, NULL);
    fprintf(stderr, "  the longest took %.1f ms, the machine was %.1f ms late\n",
            (double) worst / 1e6, (double) w.worst_ns / 1e6);
    fake_end(f); /* resets what is open: the close of the cache has nothing to wait for */
    t_close(&env);
    for (int k = 0; k < WRITES; k++) {
        CHECK_INT(atomic_load(&flights[k].answers), 1);
    }
    return worst <= (uint64_t) (DEADLINE_MS + GRACE_MS * T_SLOWNESS) * 1000000 + w.worst_ns;
}

/* A machine that is busy with something else is late once in a while; a provider that is late is so
 * each time. */
static void black_holes(void)
{
    static const fake_rule holes[] = {
        {.action = FAKE_MUTE},                      /* reads on */
        {.action = FAKE_DEAF},                      /* does not even read */
        {.command = "ACCEPT", .action = FAKE_MUTE}, /* never greets */
        {.action = FAKE_STALL, .ms = 60000},
    };
    enum { LARGE = 200 * 1000, TRIES = 3 };
    char *value = calloc(1, LARGE);
    REQUIRE(value);
    for (size_t i = 0; i < sizeof holes / sizeof holes[0]; i++) {
        bool in_time = false;
        t_about("hole %d", (int) i);
        for (int tries = 0; !in_time && tries < TRIES; tries++) {
            in_time = fall_in(&holes[i], value, holes[i].action == FAKE_DEAF ? LARGE : 100);
        }
        CHECK(in_time);
    }
    free(value);
}

int main(int argc, char **argv)
{
    static const t_test tests[] = {
        T_TEST(late_replies_are_swallowed),
        T_TEST(parts_of_a_batch_end_alone),
        T_TEST(a_trickle_is_no_answer),
        T_TEST(black_holes),
    };
    return t_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
