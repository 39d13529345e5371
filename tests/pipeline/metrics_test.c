/* metrics_test.c - what a walk shows, and the meters of programs. */
#include <math.h>

#include "env.h"

/* ---- looking at a snapshot */

enum { FOUND_MAX = 64 };

/* Metrics of one name and, where given, with one label. */
typedef struct found {
    const char *name, *label, *value;
    int samples;
    uint64_t count; /* summed */
    double number;
    mst_metric last;
    mst_bucket buckets[400];
} found;

static bool matches(const found *f, const mst_metric *m)
{
    if (strcmp(f->name, m->name) != 0) {
        return false;
    }
    for (size_t i = 0; f->label && i < m->label_count; i++) {
        if (strcmp(m->labels[i].name, f->label) == 0) {
            return strcmp(m->labels[i].value, f->value) == 0;
        }
    }
    return !f->label;
}

static void look(void *arg, const mst_metric *m)
{
    found *f = arg;
    if (matches(f, m)) {
        f->samples++;
        f->count += m->count;
        f->number += m->value;
        f->last = *m;
        REQUIRE(m->bucket_count <= 400);
        for (size_t i = 0; i < m->bucket_count; i++) {
            f->buckets[i] = m->buckets[i];
        }
    }
}

static found find(mst_runtime *rt, const char *name, const char *label, const char *value)
{
    found f = {.name = name, .label = label, .value = value};
    CHECK_INT(mst_metrics_walk(rt, look, &f), MST_OK);
    return f;
}

#define COUNT(env, name, label, value) find((env)->runtime, name, label, value).count
#define GAUGE(env, name, label, value) find((env)->runtime, name, label, value).number

/* ---- what every snapshot keeps to */

typedef struct form {
    char names[FOUND_MAX][64];
    int families;
    uint32_t kind;
} form;

static bool is_name(const char *text)
{
    return text[0] && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(text);
}

static void check_form(void *arg, const mst_metric *m)
{
    form *f = arg;
    size_t name = strlen(m->name), unit = strlen(m->unit);
    CHECK(is_name(m->name) && m->help[0]);
    CHECK(unit == 0 || (name > unit && strcmp(m->name + name - unit, m->unit) == 0));
    for (size_t i = 0; i < m->label_count; i++) {
        CHECK(is_name(m->labels[i].name) && m->labels[i].value);
    }
    for (size_t i = 1; i < m->bucket_count; i++) {
        CHECK(m->buckets[i].upper > m->buckets[i - 1].upper);
    }
    if (f->families == 0 || strcmp(f->names[f->families - 1], m->name) != 0) {
        for (int i = 0; i < f->families; i++) {
            t_about("%s", m->name); /* all of one name stand together */
            CHECK(strcmp(f->names[i], m->name) != 0);
        }
        REQUIRE(f->families < FOUND_MAX && name < sizeof f->names[0]);
        memcpy(f->names[f->families++], m->name, name + 1);
        f->kind = m->kind;
    }
    CHECK_INT(m->kind, f->kind);
}

static void load_by_key(void *arg, mst_load *load)
{
    mst_slice key = mst_load_key(load);
    mst_input input = {.data = key.data, .len = key.len};
    (void) arg;
    switch (*(const char *) key.data) {
    case 'a':
        mst_load_absent(load);
        break;
    case 'f':
        mst_load_fail(load, MST_EIO);
        break;
    default:
        mst_load_bytes(load, &input);
        break;
    }
}

static const mst_loader by_key = {.load = load_by_key};

static void ask_everything(t_env *env)
{
    t_set(env, "k", "value");
    t_get(env, "k");
    t_get(env, "nothing");
    t_load(env, "loaded", &by_key);
    t_load(env, "absent", &by_key);
    t_load(env, "fails", &by_key);
    t_exists(env, "k");
    t_touch(env, "k");
    t_remove(env, "k");
    t_clear(env);
}

static void the_form(void)
{
    for (t_mode mode = 0; mode < T_MODES; mode++) {
        t_env env = {0};
        form f = {.families = 0};
        t_fresh();
        t_open(&env, mode, "cache tiers = memory, slow\n");
        ask_everything(&env);
        CHECK_INT(mst_metrics_walk(env.runtime, check_form, &f), MST_OK);
        t_about("%s", "");
        CHECK(f.families > 25);
        t_close(&env);
    }
}

/* ---- requests, each in its place */

static void each_answer_once(void)
{
    t_env env = {0};
    t_fresh();
    t_open(&env, T_THREE, "cache tiers = memory, slow\n");
    ask_everything(&env);
    mst_stats s = t_stats(&env);
    const char *requests = "memstache_requests";
    CHECK_INT(COUNT(&env, requests, NULL, NULL), s.completed);
    CHECK_INT(s.completed, 10);
    CHECK_INT(COUNT(&env, requests, "operation", "get"), 5);
    CHECK_INT(COUNT(&env, requests, "tier", "memory"), 1);
    CHECK_INT(COUNT(&env, requests, "result", "miss"), 1);
    CHECK_INT(COUNT(&env, requests, "result", "loaded"), 1);
    CHECK_INT(COUNT(&env, requests, "result", "absent"), 1);
    CHECK_INT(COUNT(&env, requests, "result", "error"), 1);
    CHECK_INT(COUNT(&env, requests, "result", "ok"), 5);
    CHECK_INT(COUNT(&env, "memstache_loads", NULL, NULL), 3);
    CHECK_INT(COUNT(&env, "memstache_load_failures", NULL, NULL), 1);
    CHECK_INT(COUNT(&env, "memstache_load_duration_seconds", NULL, NULL), 3);
    CHECK_INT(GAUGE(&env, "memstache_requests_pending", NULL, NULL), 0);
    t_close(&env);
}

/* What a loop answers is timed, all of it; and each operation of a tier that was asked. */
static void times(void)
{
    t_env env = {0};
    t_fresh();
    t_open(&env, T_THREE, "cache tiers = slow\n");
    ask_everything(&env);
    CHECK_INT(COUNT(&env, "memstache_request_duration_seconds", NULL, NULL), 10);
    CHECK_INT(COUNT(&env, "memstache_request_duration_seconds", "operation", "get"), 5);
    found gets = find(env.runtime, "memstache_tier_operation_duration_seconds", "operation", "get");
    CHECK_INT(gets.samples, 1);
    CHECK_INT(gets.count, 5);
    CHECK(gets.number > 0 && gets.last.max > 0 && gets.last.max <= gets.number);
    CHECK_INT(COUNT(&env, "memstache_near_duration_seconds", NULL, NULL), 0);
    T_UNTIL(GAUGE(&env, "memstache_tier_in_flight", "tier", "slow") == 0);
    t_close(&env);
}

/* Those that fall into a window, which comes every eight seconds. */
static uint64_t times_after_hits(t_env *env)
{
    for (int i = 0; i < 1000; i++) {
        mst_result r = {0};
        mst_get_now(env->cache, mst_str("key"), NULL, &r);
        mst_result_release(&r);
    }
    return COUNT(env, "memstache_near_duration_seconds", "operation", "get");
}

static void near_hits_are_sampled(void)
{
    t_env env = {0};
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory\n");
    t_set(&env, "key", "value");
    T_UNTIL(times_after_hits(&env) > 0);
    T_UNTIL(times_after_hits(&env) < t_stats(&env).near_hits); /* and the window closes again */
    found times = find(env.runtime, "memstache_near_duration_seconds", "operation", "get");
    CHECK(times.count < t_stats(&env).near_hits);
    CHECK(times.number > 0 && times.last.max <= times.number);
    t_close(&env);
}

static void take_misses(void *arg, const char *tier, const char *name, uint64_t value)
{
    if (strcmp(name, "misses") == 0) {
        *(uint64_t *) arg = value;
    }
}

/* By each of the calls that look on the caller's thread. (Those that are timed take another way:
 * this is not to stand behind the test that waits for those.) */
static void misses_are_looked_for_once(void)
{
    enum { ASKED = 10 };
    t_env env = {0};
    mst_result r = {0};
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory\n");
    t_set(&env, "key", "value");
    uint64_t before = UINT64_MAX, after = 0;
    mst_cache_tier_stats(env.cache, take_misses, &before);
    for (int i = 0; i < ASKED; i++) {
        CHECK_INT(mst_get_now(env.cache, mst_str("nowhere"), NULL, &r), MST_MISS);
        CHECK_INT(mst_get(env.cache, mst_str("nowhere"), NULL, &r, NULL, NULL), MST_MISS);
    }
    mst_cache_tier_stats(env.cache, take_misses, &after);
    CHECK_INT(after, before + 2 * ASKED);
    t_close(&env);
}

/* ---- tiers that fail */

static void failing_tiers(void)
{
    t_env env = {0};
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory, fail\nprovider.fail breaker_failures = 3\n");
    fx_fail_with(FX_BIT(MST_OP_GET), MST_EIO);
    for (int i = 0; i < 10; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%d", i);
        IS_WHY(t_get(&env, key), MST_WHY_TIER_FAILED);
    }
    mst_stats s = t_stats(&env);
    CHECK_INT(COUNT(&env, "memstache_requests", "result", "tier_failed"), 10);
    CHECK_INT(COUNT(&env, "memstache_tier_errors", "reason", "failed"), 3);
    CHECK_INT(COUNT(&env, "memstache_tier_errors", "reason", "skipped"), 7);
    CHECK_INT(GAUGE(&env, "memstache_breaker_open", "tier", "fail"), 1);
    CHECK_INT(COUNT(&env, "memstache_breaker_opened", "tier", "fail"), 1);
    CHECK_INT(s.misses, 10);
    t_close(&env);
}

static void timeouts_and_cancels(void)
{
    t_env env = {0};
    mst_request *handle = NULL;
    mst_options hurry = {.timeout_ms = 20}, cancelled = {.request = &handle};
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = slow\n");
    atomic_store(&fx_slow.hold_requests, FX_BIT(MST_OP_GET));
    IS_WHY(t_wait(t_begin_get(&env, "late", &hurry)), MST_WHY_TIMED_OUT);
    t_reply *r = t_begin_get(&env, "given up", &cancelled);
    T_UNTIL(GAUGE(&env, "memstache_tier_in_flight", "tier", "slow") == 2);
    CHECK_INT(GAUGE(&env, "memstache_requests_pending", NULL, NULL), 1);
    mst_cancel(handle);
    IS_WHY(t_wait(r), MST_WHY_CANCELED);
    mst_request_release(handle);
    CHECK_INT(COUNT(&env, "memstache_requests", "result", "timeout"), 1);
    CHECK_INT(COUNT(&env, "memstache_requests", "result", "canceled"), 1);
    atomic_store(&fx_slow.hold_requests, 0);
    t_close(&env);
}

/* ---- meters */

static mst_status meter(t_env *env, uint32_t kind, const char *name, const char *unit,
                        const mst_label *labels, size_t n, mst_meter **out, mst_error *error)
{
    const mst_meter_options o = {.struct_size = sizeof o,
                                 .kind = kind,
                                 .name = name,
                                 .unit = unit,
                                 .help = "Of the test.",
                                 .labels = labels,
                                 .label_count = n,
                                 .scale = kind == MST_METRIC_HISTOGRAM ? 0.001 : 0};
    return mst_meter_new(env->runtime, &o, out, error);
}

static void own_figures(void)
{
    t_env env = {0};
    mst_meter *orders[2], *again, *level, *waits;
    mst_error error;
    const mst_label shops[] = {{"shop", "north"}, {"shop", "south"}};
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory\n");
    for (int i = 0; i < 2; i++) {
        CHECK_INT(meter(&env, MST_METRIC_COUNTER, "orders", "", &shops[i], 1, &orders[i], &error),
                  MST_OK);
    }
    CHECK_INT(meter(&env, MST_METRIC_COUNTER, "orders", "", &shops[0], 1, &again, &error), MST_OK);
    CHECK(again == orders[0] && orders[0] != orders[1]);
    CHECK_INT(meter(&env, MST_METRIC_GAUGE, "level_bytes", "bytes", NULL, 0, &level, &error),
              MST_OK);
    CHECK_INT(
        meter(&env, MST_METRIC_HISTOGRAM, "waits_seconds", "seconds", NULL, 0, &waits, &error),
        MST_OK);
    mst_meter_add(orders[0], 3);
    mst_meter_add(again, 4);
    mst_meter_add(orders[1], 1);
    mst_meter_set(level, -2.5);
    mst_meter_record(waits, 64);
    mst_meter_record(waits, 65);
    mst_meter_record(waits, 500);
    CHECK_INT(COUNT(&env, "orders", "shop", "north"), 7);
    CHECK_INT(COUNT(&env, "orders", NULL, NULL), 8);
    CHECK(GAUGE(&env, "level_bytes", NULL, NULL) == -2.5);
    found w = find(env.runtime, "waits_seconds", NULL, NULL);
    CHECK_INT(w.count, 3);
    CHECK(fabs(w.number - 0.629) < 1e-9 && fabs(w.last.max - 0.5) < 1e-9);
    CHECK_INT(w.last.bucket_count, 3);
    CHECK(w.buckets[0].upper == 64 * w.last.scale && w.buckets[0].count == 1);
    /* Of another kind, or none: nothing happens. */
    mst_meter_set(orders[0], 1);
    mst_meter_record(level, 1);
    mst_meter_add(NULL, 1);
    CHECK_INT(COUNT(&env, "orders", NULL, NULL), 8);
    t_close(&env);
}

static void refused_meters(void)
{
    static const struct {
        uint32_t kind;
        const char *name, *unit, *label, *value, *why;
    } cases[] = {
        {1, "Orders", "", NULL, NULL, "a name must be like [a-z][a-z0-9_]*"},
        {1, "memstache_orders", "", NULL, NULL, "not begin with memstache_"},
        {1, "", "", NULL, NULL, "a name must be like"},
        {1, "orders_total", "", NULL, NULL, "leave _total out"},
        {7, "orders", "", NULL, NULL, "there is no kind 7"},
        {1, "orders", "bytes", NULL, NULL, "must end in its unit, _bytes"},
        {1, "bytes", "bytes", NULL, NULL, "must end in its unit, _bytes"},
        {1, "orders", "", "Shop", "x", "is no name for a label"},
        {1, "orders", "", "component", "x", "is no name for a label"},
        {1, "orders", "", "shop", "\xff", "is not UTF-8"},
        {1, "orders", "", "shop", "\xed\xa0\x80", "is not UTF-8"},
        {2, "taken", "", NULL, NULL, "there is one of another kind, unit, help or scale"},
    };
    t_env env = {0};
    mst_meter *m;
    mst_error error;
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory\n");
    CHECK_INT(meter(&env, MST_METRIC_COUNTER, "taken", "", NULL, 0, &m, &error), MST_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const mst_label label = {cases[i].label, cases[i].value};
        t_about("%s", cases[i].why);
        CHECK_INT(meter(&env, cases[i].kind, cases[i].name, cases[i].unit, &label,
                        cases[i].label ? 1 : 0, &m, &error),
                  MST_EINVAL);
        CHECK(!m && strstr(error.text, cases[i].why));
    }
    t_about("%s", "");
    t_close(&env);
}

/* Threads make the same meters and count, while another looks. */
enum { THREADS = 4, ROUNDS = 20000 };

static void *count_along(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        mst_meter *m;
        char name[20];
        mst_error error;
        snprintf(name, sizeof name, "counter_%d", i % 50);
        CHECK_INT(meter(arg, MST_METRIC_COUNTER, name, "", NULL, 0, &m, &error), MST_OK);
        mst_meter_add(m, 1);
    }
    return NULL;
}

static void add_up(void *arg, const mst_metric *m)
{
    *(uint64_t *) arg += strncmp(m->name, "counter_", 8) == 0 ? m->count : 0;
}

static void many_threads(void)
{
    t_env env = {0};
    pthread_t threads[THREADS];
    uint64_t sum = 0, before = 0;
    t_fresh();
    t_open(&env, T_ONE, "cache tiers = memory\n");
    for (int i = 0; i < THREADS; i++) {
        REQUIRE(!pthread_create(&threads[i], NULL, count_along, &env));
    }
    for (; before < THREADS * ROUNDS / 2; before = sum, sum = 0) {
        CHECK_INT(mst_metrics_walk(env.runtime, add_up, &sum), MST_OK);
        CHECK(sum >= before);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    sum = 0;
    mst_metrics_walk(env.runtime, add_up, &sum);
    CHECK_INT(sum, THREADS * ROUNDS);
    t_close(&env);
}

T_MAIN(T_TEST(the_form), T_TEST(each_answer_once), T_TEST(times),
       T_TEST(misses_are_looked_for_once), T_TEST(near_hits_are_sampled), T_TEST(failing_tiers),
       T_TEST(timeouts_and_cancels), T_TEST(own_figures), T_TEST(refused_meters),
       T_TEST(many_threads))
