/* Traces of requests: which are recorded, with which steps, and the line about a slow one. */
#include <stdio.h>
#include <string.h>

#include "env.h"
#include "exporter_keep.h"
#include "loading.h"

static const char parent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
static const char unsampled[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

#define NEVER "runtime exporters = keep\nruntime trace_ratio = 0\n"
#define ALWAYS "runtime exporters = keep\nruntime trace_ratio = 100%\n"

static void open_with(t_env *env, t_mode mode, const char *settings)
{
    t_fresh();
    fx_spans_reset();
    t_open(env, mode, settings);
}

static const char *hex(const uint8_t *bytes, size_t n)
{
    static char text[64];
    for (size_t i = 0; i < n; i++) {
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    }
    return text;
}

static bool is_zero(const uint8_t *bytes, size_t n)
{
    static const uint8_t none[16];
    return memcmp(bytes, none, n) == 0;
}

static void is_child(const fx_span *child, const fx_span *of)
{
    CHECK(memcmp(child->span.trace_id, of->span.trace_id, 16) == 0);
    CHECK(memcmp(child->span.parent_id, of->span.span_id, 8) == 0);
    CHECK(!is_zero(child->span.span_id, 8));
    CHECK(memcmp(child->span.span_id, of->span.span_id, 8) != 0);
    CHECK(child->span.start_ns <= child->span.end_ns && child->span.start_ns >= of->span.start_ns);
}

/* The loader notes what it could pass on. */
static char passed_on[64];

static void load(void *arg, mst_load *l)
{
    const char *text = mst_load_traceparent(l);
    const mst_input in = {.data = arg, .len = strlen(arg)};
    snprintf(passed_on, sizeof passed_on, "%s", text ? text : "");
    mst_load_bytes(l, &in);
}

static const mst_loader loader = {.load = load, .arg = (void *) "value"};

/* The caller's trace goes on: through the request, its steps, and the loader. */
static void continued(void)
{
    for (t_mode mode = T_ONE; mode < T_MODES; mode++) {
        const mst_options o = {.traceparent = parent};
        fx_span request, far, load_span, store;
        t_env env;
        open_with(&env, mode, "cache tiers = memory, slow\n" NEVER);
        IS_WHY(t_wait(t_begin_load(&env, "k", &loader, &o)), MST_WHY_LOADED);
        T_PUMP_UNTIL(&env, fx_span_named("slow set", 0, &store));
        REQUIRE(fx_span_named("get_or_load", 0, &request));
        REQUIRE(fx_span_named("slow get", 0, &far));
        REQUIRE(fx_span_named("loader", 0, &load_span));
        CHECK_STR(hex(request.span.trace_id, 16), "0af7651916cd43dd8448eb211c80319c");
        CHECK_STR(hex(request.span.parent_id, 8), "b7ad6b7169203331");
        CHECK_INT(request.span.kind, MST_SPAN_INTERNAL);
        CHECK_INT(request.span.status, MST_SPAN_UNSET);
        CHECK_STR(fx_span_attribute(&request, "memstache.why"), "loaded");
        CHECK_STR(fx_span_attribute(&request, "memstache.cache"), "cache");
        CHECK_STR(fx_span_attribute(&request, "memstache.tier"), "loader");
        CHECK_INT(strlen(fx_span_attribute(&request, "memstache.key_hash")), 16);
        CHECK_STR(fx_span_attribute(&request, "memstache.key"), "");
        is_child(&far, &request);
        is_child(&load_span, &request);
        is_child(&store, &request);
        CHECK_INT(far.span.kind, MST_SPAN_CLIENT);
        CHECK_STR(fx_span_attribute(&far, "memstache.operation"), "get");
        CHECK_STR(fx_span_attribute(&far, "memstache.status"), "MST_MISS");
        char want[128];
        snprintf(want, sizeof want, "00-0af7651916cd43dd8448eb211c80319c-%s-01",
                 hex(load_span.span.span_id, 8));
        CHECK_STR(passed_on, want);
        t_close(&env);
    }
}

/* Without a trace of the caller's the lot decides; every kind of request has a span. */
static void of_its_own(void)
{
    static const char *const names[] = {"set", "get", "exists", "touch", "remove", "clear"};
    fx_span root, step;
    t_env env;
    open_with(&env, T_ONE, "cache tiers = slow\n" ALWAYS "runtime trace_keys = plain\n");
    t_set(&env, "the-key", "v");
    t_get(&env, "the-key");
    t_exists(&env, "the-key");
    t_touch(&env, "the-key");
    t_remove(&env, "the-key");
    t_clear(&env);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        CHECK(fx_span_named(names[i], 0, &root));
        CHECK(!is_zero(root.span.trace_id, 16) && is_zero(root.span.parent_id, 8));
        CHECK_STR(fx_span_attribute(&root, "memstache.key"), i < 5 ? "the-key" : "");
    }
    REQUIRE(fx_span_named("slow set", 0, &step) && fx_span_named("set", 0, &root));
    is_child(&step, &root);
    REQUIRE(fx_span_named("slow delete", 0, &step) && fx_span_named("remove", 0, &root));
    is_child(&step, &root);
    t_close(&env);
    open_with(&env, T_ONE, "cache tiers = slow\n" NEVER);
    t_set(&env, "k", "v");
    t_get(&env, "k");
    CHECK_INT(fx_span_count(), 0);
    t_close(&env);
}

/* One in ten, by lot: of 20,000 it is 2,000, give or take 6 sigma. */
static void by_ratio(void)
{
    enum { ROUNDS = 200, BATCH = 100 };
    static char names[BATCH][8];
    mst_slice keys[BATCH];
    unsigned recorded = 0;
    fx_span s;
    t_env env;
    open_with(&env, T_ONE,
              "cache tiers = slow\nruntime exporters = keep\nruntime trace_ratio = 10%\n");
    for (int i = 0; i < BATCH; i++) {
        snprintf(names[i], sizeof names[i], "k%d", i);
        keys[i] = mst_str(names[i]);
    }
    for (int i = 0; i < ROUNDS; i++) {
        fx_spans_reset();
        t_release(t_wait(t_begin_get_many(&env, keys, BATCH, NULL)));
        for (unsigned n = 0; fx_span_named("get", n, &s); n++) {
            recorded++;
        }
    }
    CHECK(recorded > 2000 - 6 * 43 && recorded < 2000 + 6 * 43);
    t_close(&env);
}

/* Whatever the lot and the caller say, what failed is there. */
static void failed(void)
{
    const mst_options o = {.traceparent = unsampled};
    fx_span request, step;
    t_env env;
    open_with(&env, T_ONE, "cache tiers = fail\n" NEVER);
    t_set(&env, "k", "v");
    t_wait(t_begin_get(&env, "k", &o));
    CHECK_INT(fx_span_count(), 0);
    fx_fail_with(FX_ALL_CODES, MST_EIO);
    IS_WHY(t_wait(t_begin_get(&env, "k", &o)), MST_WHY_TIER_FAILED);
    REQUIRE(fx_span_named("get", 0, &request) && fx_span_named("fail get", 0, &step));
    CHECK_INT(request.span.status, MST_SPAN_ERROR);
    CHECK_STR(request.status_text, "a tier failed");
    CHECK_INT(step.span.status, MST_SPAN_ERROR);
    CHECK_STR(step.status_text, mst_strerror(MST_EIO));
    is_child(&step, &request);
    CHECK_STR(hex(request.span.parent_id, 8), "b7ad6b7169203331");
    t_close(&env);
}

/* A request that times out has its span at once, and a step that is still under way when its
 * answer comes. */
static void timed_out(void)
{
    const mst_options o = {.timeout_ms = 20};
    fx_span request, step;
    t_env env;
    open_with(&env, T_ONE, "cache tiers = slow\n" NEVER);
    fx_slow.hold_requests = FX_ALL_CODES;
    IS_WHY(t_wait(t_begin_get(&env, "k", &o)), MST_WHY_TIMED_OUT);
    fx_slow.hold_requests = 0;
    T_PUMP_UNTIL(&env, fx_span_named("slow get", 0, &step));
    REQUIRE(fx_span_named("get", 0, &request));
    CHECK_INT(request.span.status, MST_SPAN_ERROR);
    is_child(&step, &request);
    CHECK(step.span.end_ns >= request.span.end_ns);
    t_close(&env);
}

/* Near answers are recorded for callers whose trace is, and for them alone. */
static void near_answers(void)
{
    const mst_options sampled = {.traceparent = parent}, not = {.traceparent = unsampled};
    fx_span s;
    t_env env;
    open_with(&env, T_ONE, "cache tiers = memory\n" ALWAYS);
    env.use_now = true;
    t_set(&env, "k", "v");
    fx_spans_reset();
    t_get(&env, "k");
    t_wait(t_begin_get(&env, "k", &not ));
    CHECK_INT(fx_span_count(), 0);
    IS_WHY(t_wait(t_begin_get(&env, "k", &sampled)), MST_WHY_HIT);
    IS_WHY(t_wait(t_begin_load(&env, "k", &loader, &sampled)), MST_WHY_HIT);
    CHECK_INT(fx_span_count(), 2);
    REQUIRE(fx_span_named("get", 0, &s));
    CHECK_STR(hex(s.span.parent_id, 8), "b7ad6b7169203331");
    CHECK_STR(fx_span_attribute(&s, "memstache.tier"), "memory");
    CHECK(fx_span_named("get_or_load", 0, &s));
    fx_spans_reset();
    const mst_slice keys[] = {mst_str("k"), mst_str("other")};
    t_wait(t_begin_get_many(&env, keys, 2, &sampled));
    CHECK(fx_span_named("get", 1, &s) && !fx_span_named("get", 2, &s));
    t_wait(t_begin_set(&env, "k", "w", &sampled));
    t_wait(t_begin_exists(&env, "k", &sampled));
    t_wait(t_begin_touch(&env, "k", &sampled));
    t_wait(t_begin_remove(&env, "k", &sampled));
    CHECK(fx_span_named("set", 0, &s) && fx_span_named("exists", 0, &s));
    CHECK(fx_span_named("touch", 0, &s) && fx_span_named("remove", 0, &s));
    CHECK_INT(fx_span_count(), 6);
    t_close(&env);
}

static void malformed(void)
{
    static const char *const texts[] = {
        "",
        "00",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 ",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
        "\xff\xff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    };
    enum { N = sizeof texts / sizeof texts[0] };
    fx_span s;
    t_env env;
    open_with(&env, T_ONE, "cache tiers = slow\n" NEVER);
    for (int i = 0; i < N; i++) {
        const mst_options o = {.traceparent = texts[i]};
        t_wait(t_begin_get(&env, "k", &o));
    }
    CHECK_INT(t_stats(&env).bad_traceparents, N);
    CHECK_INT(fx_span_count(), 0);
    /* A later version may have more behind what is known. */
    const mst_options later = {.traceparent =
                                   "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03-more"};
    t_wait(t_begin_get(&env, "k", &later));
    CHECK(fx_span_named("get", 0, &s));
    CHECK_INT(t_stats(&env).bad_traceparents, N);
    t_close(&env);
}

/* Without an exporter the loader gets what the caller had; without either, nothing. */
static void only_passed_on(void)
{
    const mst_options o = {.traceparent = parent};
    t_env env;
    open_with(&env, T_ONE, "cache tiers = slow\n");
    t_wait(t_begin_load(&env, "a", &loader, &o));
    CHECK_STR(passed_on, parent);
    t_wait(t_begin_load(&env, "b", &loader, NULL));
    CHECK_STR(passed_on, "");
    t_close(&env);
}

/* Of requests that share a fetch, one has its steps; each has a span. */
static void shared(void)
{
    const mst_options o = {.traceparent = parent};
    fx_span s, first;
    t_env env;
    t_loader l;
    open_with(&env, T_ONE, "cache tiers = slow\n" NEVER);
    t_loader_init(&l, T_LOAD_HOLD, "v");
    t_reply *a = t_begin_load(&env, "k", &l.loader, &o), *b;
    T_PUMP_UNTIL(&env, t_loader_waiting(&l) == 1);
    b = t_begin_load(&env, "k", &l.loader, &o);
    t_get(&env, "other"); /* b has joined when this is answered: it came before */
    t_loader_let_go(&l);
    t_wait(a);
    IS_WHY(t_wait(b), MST_WHY_COALESCED);
    T_PUMP_UNTIL(&env, fx_span_named("slow set", 0, &s));
    CHECK(fx_span_named("get_or_load", 1, &s) && !fx_span_named("get_or_load", 2, &s));
    CHECK(fx_span_named("loader", 0, &s) && !fx_span_named("loader", 1, &first));
    t_loader_fini(&l);
    t_close(&env);
}

/* The line tells where the time went; the key is not in it. */
static void slow_line(void)
{
    for (int exported = 0; exported < 2; exported++) {
        t_env env;
        fx_span s;
        char settings[256];
        snprintf(settings, sizeof settings,
                 "cache tiers = memory, slow\ncache slow_request = 30ms\n%s",
                 exported ? NEVER : "");
        open_with(&env, T_ONE, settings);
        t_set(&env, "secret-key", "v");
        const mst_options far = {.flags = MST_F_FAR};
        t_wait(t_begin_get(&env, "secret-key", &far));
        CHECK(!t_log_has(&env, "slow request"));
        fx_slow.hold_requests = FX_ALL_CODES;
        t_reply *r = t_begin_get(&env, "secret-key", &far);
        t_sleep_until(t_ms() + 60); /* what is slow takes time: there is no condition to wait for */
        fx_slow.hold_requests = 0;
        IS_VALUE(t_wait(r), "v");
        CHECK(t_log_has(&env, "[cache] slow request: get of key "));
        CHECK(t_log_has(&env, "us, MST_OK, hit from slow; waited "));
        CHECK(t_log_has(&env, ", slow "));
        CHECK(!t_log_has(&env, "secret-key"));
        CHECK_INT(fx_span_named("get", 0, &s), exported);
        CHECK_INT(fx_span_named("slow get", 0, &s), exported);
        t_close(&env);
    }
}

T_MAIN(T_TEST(continued), T_TEST(of_its_own), T_TEST(by_ratio), T_TEST(failed), T_TEST(timed_out),
       T_TEST(near_answers), T_TEST(malformed), T_TEST(only_passed_on), T_TEST(shared),
       T_TEST(slow_line))
