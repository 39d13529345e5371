/* many_test.c - as many requests under way as max_pending admits by default, each on a key of its
 * own: a call takes no longer for those that wait, and all of them are answered. */
#include "counting.h"
#include "env.h"

enum { MANY = 100000 / T_SLOWNESS, MORE = 20 };

static const char settings[] = "cache tiers = memory, slow\n";

typedef struct asked {
    t_counting counting;
    t_env env;
    t_reply *replies[MANY];
} asked;

static const char *key_of(unsigned i)
{
    static char key[16];
    snprintf(key, sizeof key, "k%u", i);
    return key;
}

static uint64_t seen(void)
{
    return atomic_load(&fx_slow.seen[MST_OP_GET]) + atomic_load(&fx_slow.seen[MST_OP_SET]);
}

static bool is_set(unsigned i)
{
    return i % 2 == 0;
}

/* Nothing is answered until release(). `from` leaves places for others. */
static void ask_many(asked *a, t_mode mode, unsigned from)
{
    t_counting_init(&a->counting);
    a->env = (t_env){.allocator = &a->counting.allocator};
    t_fresh();
    t_open(&a->env, mode, settings);
    IS_STATUS(t_set(&a->env, "first", "v"), MST_OK);
    uint64_t before = seen();
    atomic_store(&fx_slow.hold_requests, FX_ALL_CODES);
    for (unsigned i = from; i < MANY; i++) {
        a->replies[i] = is_set(i) ? t_begin_set(&a->env, key_of(i), key_of(i), NULL)
                                  : t_begin_get(&a->env, key_of(i), NULL);
    }
    T_UNTIL(seen() - before == MANY - from);
    CHECK_INT(t_stats(&a->env).pending, MANY - from);
}

static void release(asked *a)
{
    atomic_store(&fx_slow.hold_requests, 0);
    T_UNTIL(t_stats(&a->env).pending == 0);
}

static void close_all(asked *a)
{
    t_close(&a->env);
    CHECK_INT(atomic_load(&a->counting.balance), 0);
}

static void all_are_answered(void)
{
    static asked a;
    for (int mode = T_ONE; mode <= T_THREE; mode++) {
        t_about("%s", t_mode_names[mode]);
        ask_many(&a, (t_mode) mode, 0);
        if (T_SLOWNESS == 1) {
            CHECK_INT(t_begin_get(&a.env, "one more", NULL)->status, MST_EBUSY);
        }
        release(&a);
        t_about("%s", t_mode_names[mode]);
        for (unsigned i = 0; i < MANY; i++) {
            CHECK_INT(t_wait(a.replies[i])->result.status, is_set(i) ? MST_OK : MST_MISS);
        }
        for (unsigned i = 0; i < MANY; i += 5000) {
            IS_VALUE(t_get(&a.env, key_of(i)), key_of(i));
        }
        close_all(&a);
    }
}

/* Among so many a get still finds the flight of its key, and a write the one it supersedes. */
static void keys_are_found_among_them(void)
{
    static asked a;
    t_reply *joined[MORE], *written[MORE];
    ask_many(&a, T_ONE, 3 * MORE);
    uint64_t gets = atomic_load(&fx_slow.seen[MST_OP_GET]);
    uint64_t sets = atomic_load(&fx_slow.seen[MST_OP_SET]);
    for (unsigned i = 0; i < MORE; i++) {
        joined[i] = t_begin_get(&a.env, key_of(1001 + 2 * i), NULL);
    }
    for (unsigned i = 0; i < MORE; i++) {
        written[i] = t_begin_set(&a.env, key_of(2001 + 2 * i), "written", NULL);
    }
    T_UNTIL(atomic_load(&fx_slow.seen[MST_OP_SET]) - sets == MORE);
    CHECK_INT(atomic_load(&fx_slow.seen[MST_OP_GET]), gets);
    release(&a);
    for (unsigned i = 0; i < MORE; i++) {
        IS_MISS(t_wait(joined[i]));
        IS_STATUS(t_wait(written[i]), MST_OK);
        IS_VALUE(t_get(&a.env, key_of(2001 + 2 * i)), "written");
    }
    close_all(&a);
}

T_MAIN(T_TEST(all_are_answered), T_TEST(keys_are_found_among_them))
