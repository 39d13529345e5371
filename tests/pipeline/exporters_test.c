/* exporters_test.c - exporters in a runtime: they start last, walk whenever they like, keep meters,
 * stop first and as late as they want; and plugins of other kinds keep meters, too. */
#include <stdlib.h>

#include <memstache/exporter.h>

#include "env.h"

/* What the instances of the test's exporter did; reset by open_probe(). */
static struct {
    _Atomic int starts, stops, finis;
    _Atomic int walk_in_init, walk_in_start, walk_in_stop; /* statuses */
    _Atomic uint64_t stop_metrics;                         /* walked in stop() */
    _Atomic int stopped;
} seen;

static mst_status start_status; /* what start() returns */
static bool late;               /* stopped() comes from a thread */

typedef struct probe {
    const mst_host *host;
    const mst_metrics *metrics;
    mst_meter *walks;
    pthread_t thread;
    bool threaded;
} probe;

static void count(void *arg, const mst_metric *m)
{
    (void) m;
    atomic_fetch_add((_Atomic uint64_t *) arg, 1);
}

static mst_status probe_init(void *self, const mst_host *host)
{
    static const mst_meter_options walks = {.struct_size = sizeof walks,
                                            .kind = MST_METRIC_COUNTER,
                                            .name = "probe_walks",
                                            .help = "Walks of the test."};
    static const mst_meter_options wrong = {.struct_size = sizeof wrong,
                                            .kind = MST_METRIC_COUNTER,
                                            .name = "memstache_mine",
                                            .help = "Not mine."};
    probe *p = self;
    mst_meter *none;
    uint64_t n = 0;
    p->host = host;
    p->metrics = host->extension(host, MST_METRICS_ID);
    CHECK(p->metrics && !host->extension(host, "memstache.metrics/2"));
    CHECK_INT(p->metrics->meter(host, &walks, &p->walks), MST_OK);
    CHECK_INT(p->metrics->meter(host, &wrong, &none), MST_EINVAL);
    atomic_store(&seen.walk_in_init, p->metrics->walk(host, count, &n));
    return MST_OK;
}

static int walk(probe *p, uint64_t *n)
{
    p->metrics->add(p->walks, 1);
    return p->metrics->walk(p->host, count, n);
}

static mst_status probe_start(void *self)
{
    probe *p = self;
    uint64_t n = 0;
    atomic_fetch_add(&seen.starts, 1);
    atomic_store(&seen.walk_in_start, walk(p, &n));
    if (start_status) {
        p->host->set_error(p->host, "it does not like it here");
    }
    return start_status;
}

/* [loop], posted by the thread: stopped() is [loop]. */
static void stopped_late(void *arg)
{
    probe *p = arg;
    atomic_store(&seen.stopped, 1);
    p->host->stopped(p->host);
}

static void *take_time(void *arg)
{
    probe *p = arg;
    uint64_t n = 0;
    walk(p, &n);
    t_nap();
    CHECK_INT(p->host->post(p->host, stopped_late, p), MST_OK);
    return NULL;
}

static void probe_stop(void *self)
{
    probe *p = self;
    uint64_t n = 0;
    atomic_fetch_add(&seen.stops, 1);
    atomic_store(&seen.walk_in_stop, walk(p, &n));
    atomic_store(&seen.stop_metrics, n);
    if (late) {
        p->threaded = !pthread_create(&p->thread, NULL, take_time, p);
        REQUIRE(p->threaded);
    } else {
        atomic_store(&seen.stopped, 1);
        p->host->stopped(p->host);
    }
}

static void probe_fini(void *self)
{
    probe *p = self;
    if (p->threaded) {
        pthread_join(p->thread, NULL);
    }
    atomic_fetch_add(&seen.finis, 1);
}

#define COMMON(name_, ops_)                                                                        \
    .struct_size = sizeof(mst_plugin), .kind = MST_KIND_EXPORTER,                                  \
    .kind_version = MST_EXPORTER_VERSION, .name = name_, .version = "1", .author = "memstache",    \
    .license = "MIT", .summary = "for tests", .ops = ops_

static const mst_exporter_ops probe_ops = {
    .struct_size = sizeof probe_ops, .start = probe_start, .stop = probe_stop};
static const mst_plugin probe_plugin = {COMMON("probe", &probe_ops), .instance_size = sizeof(probe),
                                        .init = probe_init, .fini = probe_fini};

/* One that has nothing but a start, and one that cannot be: spans() at once from all threads. */
static _Atomic int plain_starts;

static mst_status plain_start(void *self)
{
    (void) self;
    atomic_fetch_add(&plain_starts, 1);
    return MST_OK;
}

static void spans(void *self, const mst_span *const *all, size_t n)
{
    (void) self, (void) all, (void) n;
}

static const mst_exporter_ops plain_ops = {.struct_size = sizeof plain_ops, .start = plain_start};
static const mst_plugin plain_plugin = {COMMON("plain", &plain_ops)};
static const mst_exporter_ops shy_ops = {
    .struct_size = sizeof shy_ops, .start = plain_start, .spans = spans};
static const mst_plugin shy_plugin = {COMMON("shy", &shy_ops)};

static const mst_plugin *const plugins[] = {&probe_plugin, &plain_plugin};
static const mst_module module = {
    MST_MODULE_MAGIC, sizeof module, MST_ABI_MAJOR, MST_ABI_MINOR, 0, 2, plugins};
static const mst_plugin *const shy_plugins[] = {&shy_plugin};
static const mst_module shy_module = {
    MST_MODULE_MAGIC, sizeof shy_module, MST_ABI_MAJOR, MST_ABI_MINOR, 0, 1, shy_plugins};

static mst_status open_probe(const char *exporters, unsigned loops, mst_runtime **rt,
                             mst_error *error)
{
    memset(&seen, 0, sizeof seen);
    atomic_store(&plain_starts, 0);
    mst_config *config = mst_config_new(NULL);
    REQUIRE(config && !mst_config_add_module(config, &module));
    REQUIRE(!mst_config_set(config, "runtime", "exporters", exporters));
    REQUIRE(!mst_config_set(config, "runtime", "loops", loops == 1 ? "1" : "3"));
    mst_status status = mst_open(config, NULL, rt, error);
    mst_config_free(config);
    return status;
}

static void a_life(void)
{
    for (unsigned i = 0; i < 4; i++) {
        mst_runtime *rt;
        mst_error error = {.text = ""};
        late = i % 2;
        REQUIRE(!open_probe("probe, plain", i < 2 ? 1 : 3, &rt, &error));
        CHECK_INT(seen.starts, 1);
        CHECK_INT(plain_starts, 1);
        CHECK_INT(seen.walk_in_init, MST_ECLOSED);
        CHECK_INT(seen.walk_in_start, MST_OK);
        mst_close_wait(rt);
        CHECK_INT(seen.stops, 1);
        CHECK_INT(seen.stopped, 1);
        CHECK_INT(seen.finis, 1);
        CHECK_INT(seen.walk_in_stop, MST_OK);
        CHECK(seen.stop_metrics > 30);
    }
    late = false;
}

/* One component, one meter, however many instances; labelled with the component. */
static void meters_of_a_plugin(void)
{
    mst_runtime *rt;
    mst_error error = {.text = ""};
    REQUIRE(!open_probe("probe, twin", 1, &rt, &error) || error.text[0]);
    CHECK(strstr(error.text, "\"twin\""));
    mst_config *config = mst_config_new(NULL);
    REQUIRE(config && !mst_config_add_module(config, &module));
    REQUIRE(!mst_config_set(config, "runtime", "exporters", "probe, twin"));
    REQUIRE(!mst_config_set(config, "exporter.twin", "plugin", "probe"));
    REQUIRE(!mst_open(config, NULL, &rt, &error));
    uint64_t n = 0;
    CHECK_INT(mst_metrics_walk(rt, count, &n), MST_OK);
    CHECK_INT(seen.starts, 2);
    mst_close_wait(rt);
    mst_config_free(config);
    CHECK_INT(seen.finis, 2);
}

static void one_that_fails_to_start(void)
{
    mst_runtime *rt = NULL;
    mst_error error = {.text = ""};
    start_status = MST_EIO;
    CHECK_INT(open_probe("plain, probe", 3, &rt, &error), MST_EIO);
    start_status = MST_OK;
    CHECK_STR(error.text, "[exporter.probe] it does not like it here");
    CHECK(!rt);
    CHECK_INT(plain_starts, 1);
    CHECK_INT(seen.stops, 0); /* it never ran */
    CHECK_INT(seen.finis, 1);
}

static void refusals(void)
{
    mst_error error = {.text = ""};
    mst_runtime *rt = NULL;
    CHECK_INT(open_probe("probe, probe", 1, &rt, &error), MST_ECONFIG);
    CHECK(strstr(error.text, "exporters: \"probe\" is named twice"));
    CHECK_INT(open_probe("probe,, plain", 1, &rt, &error), MST_ECONFIG);
    CHECK(strstr(error.text, "exporters: there is a comma too many"));
    mst_config *config = mst_config_new(NULL);
    REQUIRE(config && !mst_config_add_module(config, &shy_module));
    REQUIRE(!mst_config_set(config, "runtime", "exporters", "shy"));
    CHECK_INT(mst_open(config, NULL, &rt, &error), MST_EPLUGIN);
    CHECK(strstr(error.text, "exporter \"shy\": spans needs the flag MST_PLUGIN_REENTRANT"));
    mst_config_free(config);
}

/* On a lent loop the exporter lives there, and the close waits for it. */
static void a_lent_loop(void)
{
    uv_loop_t loop;
    mst_runtime *rt;
    memset(&seen, 0, sizeof seen);
    REQUIRE(!uv_loop_init(&loop));
    mst_config *config = mst_config_new(NULL);
    const mst_open_options options = {.loop = &loop};
    REQUIRE(config && !mst_config_add_module(config, &module));
    REQUIRE(!mst_config_set(config, "runtime", "exporters", "probe"));
    late = true;
    REQUIRE(!mst_open(config, &options, &rt, NULL));
    mst_close_wait(rt);
    late = false;
    CHECK_INT(seen.stopped, 1);
    CHECK_INT(seen.finis, 1);
    mst_config_free(config);
    uv_run(&loop, UV_RUN_DEFAULT);
    CHECK_INT(uv_loop_close(&loop), 0);
}

T_MAIN(T_TEST(a_life), T_TEST(meters_of_a_plugin), T_TEST(one_that_fails_to_start),
       T_TEST(refusals), T_TEST(a_lent_loop))
