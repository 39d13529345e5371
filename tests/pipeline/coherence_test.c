/* coherence_test.c - what is written while a value is on its way: the value reaches those who wait,
 * and is not kept over what was written. Each interleaving is made with the slow fixture, which
 * holds requests or answers back, or with a loader that does. */
#include <sched.h>

#include "env.h"
#include "loading.h"

#define FAR_AS_TEXT "cache envelope = none\n"

typedef enum write_kind {
    W_SET,
    W_REMOVE,
    W_CLEAR,
    W_TOUCH,
    W_INVALIDATED, /* somebody else wrote "new", and the back end says so */
    W_FLUSHED,     /* the same, and the back end only knows that something was lost */
    W_KINDS
} write_kind;
static const char *const write_names[W_KINDS] = {"set",   "remove",      "clear",
                                                 "touch", "invalidated", "flushed"};

static void far_event(write_kind kind)
{
    mst_slice key = mst_str("t:k");
    t_far_put(fx_server_at(0), "k", "new");
    CHECK(kind == W_INVALIDATED ? fx_slow_invalidate(&key, 1) : fx_slow_flush());
}

/* The write, answered; `after` waits for what only a loop can have done. */
static void do_write(t_env *env, write_kind kind)
{
    switch (kind) {
    case W_SET:
        IS_STATUS(t_set(env, "k", "new"), MST_OK);
        break;
    case W_REMOVE:
        CHECK(t_remove(env, "k")->result.status >= 0);
        break;
    case W_CLEAR:
        IS_STATUS(t_clear(env), MST_OK);
        break;
    case W_TOUCH:
        CHECK(t_touch(env, "k")->result.status >= 0);
        break;
    default:
        far_event(kind);
        /* Told from this thread, heard on a loop: a request behind it on the same loop. */
        IS_MISS(t_get(env, "elsewhere"));
        break;
    }
}

static void check_after(t_env *env, write_kind kind, const char *old, bool near)
{
    const char *want = kind == W_TOUCH ? old : kind == W_REMOVE || kind == W_CLEAR ? NULL : "new";
    mst_result now = {0};
    if (!want && kind == W_TOUCH) { /* a touch changes no value: kept or not, it must be right */
        t_reply *r = t_get(env, "k");
        CHECK(r->result.status == MST_MISS || t_has_value(&r->result, "loaded"));
        return;
    }
    if (near && kind != W_TOUCH) {
        mst_status status = mst_get_now(env->cache, mst_str("k"), NULL, &now);
        CHECK(status == MST_MISS || (want && t_has_value(&now, want)));
        mst_result_release(&now);
    }
    t_reply *r = t_get(env, "k");
    if (want) {
        IS_VALUE(r, want);
    } else {
        IS_MISS(r);
    }
    mst_options far = {.flags = MST_F_FAR};
    r = t_wait(t_begin_get(env, "k", &far));
    if (want) {
        IS_VALUE(r, want);
    } else {
        IS_MISS(r);
    }
    CHECK(t_far_is(fx_server_at(0), "k", want));
    if (kind != W_TOUCH && near) {
        CHECK(t_stats(env).superseded >= 1);
    }
}

/* Read executed, answer on its way; then the write; then the answer arrives. */
static void write_during_fetch(t_mode mode, write_kind kind, const char *tiers)
{
    t_env env;
    char settings[200];
    snprintf(settings, sizeof settings, "cache tiers = %s\n" FAR_AS_TEXT, tiers);
    t_about("%s during a fetch, %s, %s", write_names[kind], tiers, t_mode_names[mode]);
    t_fresh();
    t_far_put(fx_server_at(0), "k", "old");
    t_open(&env, mode, settings);
    atomic_store(&fx_slow.hold_replies, FX_BIT(MST_OP_GET));
    t_reply *get = t_begin_get(&env, "k", NULL);
    T_PUMP_UNTIL(&env, atomic_load(&fx_slow.executed[MST_OP_GET]) == 1);
    if (kind == W_INVALIDATED || kind == W_FLUSHED) {
        far_event(kind);
        /* exists is not held back, and comes behind the event on the loop of the key */
        IS_STATUS(t_exists(&env, "k"), MST_OK);
    } else {
        do_write(&env, kind);
    }
    CHECK(!t_done(get));
    atomic_store(&fx_slow.hold_replies, 0);
    t_wait(get);
    CHECK(t_has_value(&get->result, "old") ||
          (kind != W_TOUCH && t_has_value(&get->result, "new")));
    check_after(&env, kind, "old", strchr(tiers, ',') != NULL);
    t_close(&env);
}

static void writes_during_a_fetch(void)
{
    for (int kind = 0; kind < W_KINDS; kind++) {
        write_during_fetch(T_ONE, (write_kind) kind, "memory, slow");
        write_during_fetch(T_THREE, (write_kind) kind, "memory, slow");
        write_during_fetch(T_LENT, (write_kind) kind, "memory, slow");
        write_during_fetch(T_ONE, (write_kind) kind, "near, slow");
        write_during_fetch(T_ONE, (write_kind) kind, "slow");
    }
}

/* Read sent, not executed; the write follows it to the back end. */
static void writes_behind_a_fetch(void)
{
    for (int kind = W_SET; kind <= W_CLEAR; kind++) {
        t_env env;
        t_about("%s behind a fetch", write_names[kind]);
        t_fresh();
        t_far_put(fx_server_at(0), "k", "old");
        t_open(&env, T_ONE, "cache tiers = memory, slow\n" FAR_AS_TEXT);
        atomic_store(&fx_slow.hold_requests, FX_BIT(MST_OP_GET));
        t_reply *get = t_begin_get(&env, "k", NULL);
        T_PUMP_UNTIL(&env, atomic_load(&fx_slow.seen[MST_OP_GET]) == 1);
        t_reply *write = kind == W_SET      ? t_begin_set(&env, "k", "new", NULL)
                         : kind == W_REMOVE ? t_begin_remove(&env, "k", NULL)
                                            : t_begin_clear(&env);
        T_PUMP_UNTIL(&env, t_stats(&env).pending == 2);
        atomic_store(&fx_slow.hold_requests, 0);
        CHECK(t_wait(write)->result.status >= 0);
        t_wait(get);
        CHECK(get->result.status == MST_MISS || t_has_value(&get->result, "old") ||
              t_has_value(&get->result, "new"));
        check_after(&env, (write_kind) kind, "old", false);
        t_close(&env);
    }
}

/* ---- the same with a loader in the place of the back end */

static void write_during_load(t_mode mode, write_kind kind, const char *tiers)
{
    t_env env;
    t_loader loader, second;
    char settings[200];
    bool slow = strstr(tiers, "slow") != NULL;
    snprintf(settings, sizeof settings, "cache tiers = %s\n" FAR_AS_TEXT, tiers);
    t_about("%s during a load, %s, %s", write_names[kind], tiers, t_mode_names[mode]);
    t_fresh();
    t_open(&env, mode, settings);
    t_loader_init(&loader, T_LOAD_HOLD, "loaded");
    t_loader_init(&second, T_LOAD_NOW, "again");
    t_reply *first = t_begin_load(&env, "k", &loader.loader, NULL);
    T_PUMP_UNTIL(&env, t_loader_waiting(&loader) == 1);
    if (kind == W_INVALIDATED || kind == W_FLUSHED) {
        far_event(kind);
        t_exists(&env, "k");
    } else {
        do_write(&env, kind);
    }
    if (kind == W_SET) { /* who asks now must not be given the load that began before */
        IS_VALUE(t_get(&env, "k"), "new");
        IS_VALUE(t_load(&env, "k", &second.loader), "new");
    }
    CHECK(!t_done(first));
    t_loader_end_here(&loader);
    IS_VALUE(t_wait(first), "loaded");
    IS_WHY(first, MST_WHY_LOADED);
    if (slow) {
        check_after(&env, kind, NULL, strchr(tiers, ',') != NULL);
    } else if (kind != W_TOUCH) {
        CHECK(t_near_is(&env, "k", kind == W_SET ? "new" : NULL));
        CHECK(t_stats(&env).superseded >= 1);
    }
    CHECK_INT(atomic_load(&second.calls), 0);
    t_close(&env);
    t_loader_fini(&loader);
    t_loader_fini(&second);
}

static void writes_during_a_load(void)
{
    for (int kind = 0; kind < W_KINDS; kind++) {
        if (kind < W_INVALIDATED) {
            write_during_load(T_ONE, (write_kind) kind, "memory");
        }
        write_during_load(T_ONE, (write_kind) kind, "memory, slow");
        write_during_load(T_THREE, (write_kind) kind, "memory, slow");
        if (kind < W_INVALIDATED) { /* with nothing near the event concerns nobody */
            write_during_load(T_LENT, (write_kind) kind, "slow");
        }
        write_during_load(T_ONE, (write_kind) kind, "near, slow");
    }
}

/* After a remove is answered nobody gets what was loading before it: neither a get, nor a load. */
static void remove_cuts_off_a_load(void)
{
    static const char *const chains[] = {"memory", "memory, slow", "slow"};
    for (int i = 0; i < 3; i++) {
        t_env env;
        t_loader loader, second;
        char settings[200];
        snprintf(settings, sizeof settings, "cache tiers = %s\n", chains[i]);
        t_about("%s", chains[i]);
        t_fresh();
        t_open(&env, T_ONE, settings);
        t_loader_init(&loader, T_LOAD_HOLD, "before");
        t_loader_init(&second, T_LOAD_NOW, "after");
        t_reply *first = t_begin_load(&env, "k", &loader.loader, NULL);
        T_PUMP_UNTIL(&env, t_loader_waiting(&loader) == 1);
        CHECK(t_remove(&env, "k")->result.status >= 0);
        IS_MISS(t_get(&env, "k"));
        IS_VALUE(t_load(&env, "k", &second.loader), "after");
        t_loader_end_here(&loader);
        IS_VALUE(t_wait(first), "before");
        IS_VALUE(t_get(&env, "k"), "after");
        mst_options far = {.flags = MST_F_FAR};
        if (i > 0) {
            IS_VALUE(t_wait(t_begin_get(&env, "k", &far)), "after");
        }
        t_close(&env);
        t_loader_fini(&loader);
        t_loader_fini(&second);
    }
}

/* The loaded value is on its way to the far tier, or its answer on the way back, when the key is
 * written. */
static void write_during_the_store(bool requests, write_kind kind)
{
    t_env env;
    t_loader loader;
    t_about("%s during the store of a load, %s held", write_names[kind],
            requests ? "requests" : "answers");
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory, slow\n" FAR_AS_TEXT);
    t_loader_init(&loader, T_LOAD_NOW, "loaded");
    atomic_store(requests ? &fx_slow.hold_requests : &fx_slow.hold_replies, FX_BIT(MST_OP_SET));
    t_reply *load = t_begin_load(&env, "k", &loader.loader, NULL);
    T_PUMP_UNTIL(&env, atomic_load(&fx_slow.seen[MST_OP_SET]) == 1);
    t_reply *write = kind == W_SET      ? t_begin_set(&env, "k", "new", NULL)
                     : kind == W_REMOVE ? t_begin_remove(&env, "k", NULL)
                                        : t_begin_clear(&env);
    T_PUMP_UNTIL(&env, t_stats(&env).started == 2);
    atomic_store(&fx_slow.hold_requests, 0);
    atomic_store(&fx_slow.hold_replies, 0);
    IS_VALUE(t_wait(load), "loaded");
    CHECK(t_wait(write)->result.status >= 0);
    check_after(&env, kind, NULL, false);
    t_close(&env);
    t_loader_fini(&loader);
}

static void writes_during_the_store_of_a_load(void)
{
    for (int kind = W_SET; kind <= W_CLEAR; kind++) {
        write_during_the_store(true, (write_kind) kind);
        write_during_the_store(false, (write_kind) kind);
    }
}

/* ---- a single tier in the process, which is written without the stripe while nothing is claimed:
 * what was loaded from a source never comes after a write that was made when the source had
 * changed already. */

enum { VERSIONS = 20000 / T_SLOWNESS, LOADERS = 2, LOOKS = 100 };

typedef struct source {
    mst_cache *cache;
    _Atomic int version;
    _Atomic int loads;
    _Atomic bool stop;
} source;

static void load_version(void *arg, mst_load *load)
{
    source *s = arg;
    int version = atomic_load_explicit(&s->version, memory_order_relaxed);
    mst_input input = {.data = &version, .len = sizeof version};
    if (atomic_fetch_add(&s->loads, 1) % 2) {
        sched_yield(); /* time to write */
    }
    mst_load_bytes(load, &input);
}

static void *load_all_the_time(void *arg)
{
    source *s = arg;
    const mst_loader loader = {.load = load_version, .arg = s};
    while (!atomic_load_explicit(&s->stop, memory_order_relaxed)) {
        mst_result r;
        CHECK_INT(mst_get_or_load_wait(s->cache, mst_str("k"), &loader, NULL, &r), MST_OK);
        mst_result_release(&r);
    }
    return NULL;
}

static void write_version(source *s, int version)
{
    mst_result r;
    mst_input input = {.data = &version, .len = sizeof version};
    atomic_store_explicit(&s->version, version, memory_order_relaxed);
    if (version % 4) {
        mst_remove_wait(s->cache, mst_str("k"), NULL, &r);
    } else {
        mst_set_wait(s->cache, mst_str("k"), &input, NULL, &r);
    }
    mst_result_release(&r);
}

/* Is what the cache has at least this new? A load that was on its way may end only now and then. */
static bool is_new(source *s, int version)
{
    mst_result r;
    bool is_new = true;
    if (mst_get_now(s->cache, mst_str("k"), NULL, &r) == MST_OK) {
        int found;
        memcpy(&found, r.data, sizeof found);
        is_new = found >= version;
    }
    mst_result_release(&r);
    return is_new;
}

static void loads_never_undo_writes(void)
{
    t_env env;
    pthread_t threads[LOADERS];
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory\n");
    source s = {.cache = env.cache};
    for (int i = 0; i < LOADERS; i++) {
        REQUIRE(!pthread_create(&threads[i], NULL, load_all_the_time, &s));
    }
    int old = 0;
    for (int version = 1; version <= VERSIONS; version++) {
        write_version(&s, version);
        for (int looks = 0; looks < LOOKS; looks++) {
            old += !is_new(&s, version);
        }
    }
    atomic_store(&s.stop, true);
    for (int i = 0; i < LOADERS; i++) {
        pthread_join(threads[i], NULL);
    }
    CHECK_INT(old, 0);
    CHECK(is_new(&s, VERSIONS));
    CHECK(atomic_load(&s.loads) > 0);
    t_close(&env);
}

T_MAIN(T_TEST(writes_during_a_fetch), T_TEST(writes_behind_a_fetch), T_TEST(writes_during_a_load),
       T_TEST(remove_cuts_off_a_load), T_TEST(writes_during_the_store_of_a_load),
       T_TEST(loads_never_undo_writes))
