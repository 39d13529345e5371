/* open.c - a runtime from a config: assemble, build, start. */
#include <string.h>

#include "api/admin.h"
#include "api/closing.h"
#include "api/exporters.h"
#include "api/tracing.h"
#include "base/clock.h"
#include "pipeline/clear.h"
#include "pipeline/lane.h"

static mst_status no_memory(mst_error *error)
{
    return msi_error(error, MST_ENOMEM, "out of memory");
}

static msi_component *component_of(msi_list *link)
{
    return MSI_CONTAINER(link, msi_component, link);
}

/* ---- loops */

static mst_status build_loops(mst_runtime *rt, struct uv_loop_s *lent, mst_error *error)
{
    unsigned n = lent ? 1 : (unsigned) rt->assembly->runtime.loops;
    rt->loops = msi_zalloc(&rt->allocator, n * sizeof *rt->loops);
    if (!rt->loops) {
        return no_memory(error);
    }
    for (unsigned i = 0; i < n; i++) {
        if (msi_loop_init(&rt->loops[i], lent, i, &rt->allocator)) {
            return msi_error(error, MST_EIO, "cannot set up an event loop");
        }
        rt->loop_count++;
    }
    return msi_closing_new(rt) ? no_memory(error) : MST_OK;
}

/* ---- components */

msi_grants msi_runtime_grants(const mst_runtime *rt, const msi_component *c)
{
    return (msi_grants){{rt->secret, c->bound, c->bound_count, c->options}, rt->metrics};
}

static mst_status build_tier(mst_runtime *rt, msi_component *c, mst_error *error)
{
    msi_tier_plan plan = {
        .section = c->section,
        .name = c->name,
        .plugin = c->plugin,
        .options = c->options,
        .grants = msi_runtime_grants(rt, c),
        .settings = c->settings.tier,
        .loops = rt->loops,
        .loop_count = rt->loop_count,
        .allocator = &rt->allocator,
        .log = &rt->log,
        .events = {msi_runtime_invalidated, msi_runtime_flushed, msi_runtime_stopped, rt}};
    if (c->eviction) {
        plan.eviction = c->eviction->plugin;
        plan.eviction_section = c->eviction->section;
        plan.eviction_options = c->eviction->options;
        plan.eviction_grants = msi_runtime_grants(rt, c->eviction);
    }
    return msi_tier_init(&rt->tiers[rt->tier_count++], &plan, error);
}

static mst_status build_codec(mst_runtime *rt, msi_component *c, mst_error *error)
{
    msi_grants grants = msi_runtime_grants(rt, c);
    mst_status status =
        msi_instance_new_with(&rt->codecs[rt->codec_count], c->plugin, c->section, c->options,
                              &grants, NULL, &rt->allocator, &rt->log, error);
    if (!status) {
        rt->codec_count++;
    }
    return status;
}

static mst_status build_components(mst_runtime *rt, mst_error *error)
{
    msi_assembly *a = rt->assembly;
    rt->tiers = msi_zalloc(&rt->allocator, a->component_count * sizeof *rt->tiers);
    rt->codecs = msi_zalloc(&rt->allocator, a->component_count * sizeof *rt->codecs);
    if (!rt->tiers || !rt->codecs) {
        return no_memory(error);
    }
    for (msi_list *at = a->components.next; at != &a->components; at = at->next) {
        msi_component *c = component_of(at);
        mst_status status = MST_OK;
        if (c->kind == MST_KIND_PROVIDER) {
            status = build_tier(rt, c, error);
        } else if (c->kind == MST_KIND_SERIALIZER || c->kind == MST_KIND_COMPRESSOR) {
            status = build_codec(rt, c, error);
        }
        if (status) {
            return status;
        }
    }
    return MST_OK;
}

/* ---- caches */

static msi_tier *tier_named(mst_runtime *rt, const char *name)
{
    for (unsigned i = 0; i < rt->tier_count; i++) {
        if (strcmp(rt->tiers[i].name, name) == 0) {
            return &rt->tiers[i];
        }
    }
    return NULL;
}

static msi_instance *codec_of(mst_runtime *rt, const msi_component *c)
{
    for (unsigned i = 0; c && i < rt->codec_count; i++) {
        if (strcmp(rt->codecs[i]->name, c->section) == 0) {
            return rt->codecs[i];
        }
    }
    return NULL;
}

/* "shop" becomes "shop:"; a colon or a percent sign in a namespace is written %3A or %25, so that
 * the first colon always ends it and no two namespaces make the same key. */
static mst_status build_prefix(mst_cache *c, const char *ns)
{
    size_t len = strlen(ns), at = 0;
    c->prefix = msi_alloc(c->allocator, 3 * len + 2);
    if (!c->prefix) {
        return MST_ENOMEM;
    }
    for (size_t i = 0; i < len; i++) {
        const char *escape = ns[i] == ':' ? "%3A" : ns[i] == '%' ? "%25" : NULL;
        if (escape) {
            memcpy(c->prefix + at, escape, 3);
            at += 3;
        } else {
            c->prefix[at++] = ns[i];
        }
    }
    if (len) {
        c->prefix[at++] = ':';
    }
    c->prefix[at] = '\0';
    c->space.prefix = (mst_slice){c->prefix, at};
    return MST_OK;
}

/* A tier holds envelopes when it is far, when it is told to, when it cannot keep what stands in the
 * envelope (expiry), or when it is the only place of a value that is to be compressed. */
static bool holds_sealed(const mst_cache *c, unsigned i)
{
    const msi_tier *t = c->tiers[i];
    bool sealable = c->settings.envelope == MSI_ENVELOPE_ON;
    if (!t->near) {
        return true;
    }
    if (t->settings.hold != MSI_HOLD_AUTO || !(t->ops->caps & MST_CAP_TTL)) {
        return sealable && (t->settings.hold == MSI_HOLD_SEALED || !(t->ops->caps & MST_CAP_TTL));
    }
    bool last = i + 1 == c->tier_count;
    return sealable && last && c->codec.compressor;
}

static void build_codec_of_cache(mst_runtime *rt, mst_cache *c, const msi_cache_plan *plan)
{
    c->codec.allocator = &rt->allocator;
    c->codec.log = &c->log;
    c->codec.serializer = codec_of(rt, plan->serializer);
    c->codec.compressor = codec_of(rt, plan->compressor);
    c->codec.readers = rt->codecs;
    c->codec.reader_count = rt->codec_count;
    if (plan->compressor) {
        c->codec.settings = plan->compressor->settings.compressor;
    }
    c->codec.max_value_bytes = c->settings.max_value_bytes;
    c->codec.envelope = c->settings.envelope == MSI_ENVELOPE_ON;
}

static void build_chain(mst_runtime *rt, mst_cache *c, const msi_cache_plan *plan)
{
    c->tier_count = plan->tier_count;
    for (unsigned i = 0; i < plan->tier_count; i++) {
        c->tiers[i] = tier_named(rt, plan->tiers[i]->name);
    }
    while (c->near_count < c->tier_count && c->tiers[c->near_count]->near) {
        c->near_count++;
    }
    for (unsigned i = 0; i < c->tier_count; i++) {
        c->sealed[i] = holds_sealed(c, i);
    }
    if (c->near_count) {
        const mst_provider_ops *nearest = c->tiers[0]->ops;
        c->nearest = c->tiers[0]->instances[0]->self;
        c->expect = nearest->expect;
        c->quick = c->sealed[0] ? NULL : nearest->lookup;
        c->quick_many = c->quick ? nearest->lookup_many : NULL;
    }
    if (!c->quick) {
        atomic_fetch_or(&c->state, MSI_NOT_QUICK);
    }
}

static mst_status build_lanes(mst_runtime *rt, mst_cache *c)
{
    c->lanes = msi_zalloc(&rt->allocator, rt->loop_count * sizeof *c->lanes);
    if (!c->lanes) {
        return MST_ENOMEM;
    }
    mst_status status = MST_OK;
    for (unsigned i = 0; !status && i < rt->loop_count; i++) {
        status = msi_lane_init(&c->lanes[i], c, &rt->loops[i], i);
        c->lane_count++;
    }
    return status;
}

static mst_status build_cache(mst_runtime *rt, mst_cache *c, const msi_cache_plan *plan)
{
    c->runtime = rt;
    c->ticker = &rt->ticker;
    c->allocator = &rt->allocator;
    c->name = plan->name;
    c->section = plan->section;
    c->watch = msi_tracing_of(rt, &plan->settings);
    msi_log_init(&c->log, &rt->log, c->section);
    c->settings = plan->settings;
    c->space.struct_size = sizeof c->space;
    c->space.id = rt->cache_count; /* from 1 */
    c->seed = msi_mix(rt->seed + c->space.id);
    msi_counters_init(&c->counters, &rt->allocator, &c->space);
    atomic_init(&c->state, c->counters.serial);
    c->near_took = msi_zalloc(&rt->allocator, MSI_COUNTED_KINDS * sizeof *c->near_took);
    mst_status status = c->near_took ? build_prefix(c, plan->settings.namespace_) : MST_ENOMEM;
    if (!status) {
        status = msi_claims_init(&c->claims, &rt->allocator);
    }
    if (!status) {
        build_codec_of_cache(rt, c, plan);
        build_chain(rt, c, plan);
        status = build_lanes(rt, c);
    }
    return status;
}

static mst_status build_caches(mst_runtime *rt, mst_error *error)
{
    msi_assembly *a = rt->assembly;
    rt->caches = msi_zalloc_aligned(&rt->allocator, a->cache_count * sizeof *rt->caches);
    if (!rt->caches) {
        return no_memory(error);
    }
    for (msi_list *at = a->caches.next; at != &a->caches; at = at->next) {
        mst_cache *c = &rt->caches[rt->cache_count++];
        if (build_cache(rt, c, MSI_CONTAINER(at, msi_cache_plan, link))) {
            return no_memory(error);
        }
    }
    return MST_OK;
}

/* ---- starting: on the threads of the loops, so that plugins open their handles there */

typedef struct start {
    msi_task task;
    void (*step)(struct start *);
    mst_runtime *runtime;
    msi_loop *loop;
    mst_status status;
    mst_error error;
    uv_sem_t done;
} start;

/* Hooks in the order in which a turn needs them: begin, send and receive, answer. */
static void start_tiers(start *s)
{
    mst_runtime *rt = s->runtime;
    unsigned loop = s->loop->index;
    for (unsigned i = 0; i < rt->cache_count; i++) {
        msi_lane_open(&rt->caches[i].lanes[loop]);
    }
    for (unsigned i = 0; i < rt->tier_count; i++) {
        if (!s->status) {
            s->status = msi_tier_start(&rt->tiers[i], loop, &s->error);
        }
    }
    for (unsigned i = 0; i < rt->cache_count; i++) {
        msi_lane_opened(&rt->caches[i].lanes[loop]);
    }
}

/* What tells of all loops, when all of them run. */
static void start_watchers(start *s)
{
    s->status = msi_exporters_start(s->runtime, &s->error);
    if (!s->status) {
        s->status = msi_admin_open(s->runtime, &s->error);
    }
}

static void run_step(msi_task *task)
{
    start *s = MSI_CONTAINER(task, start, task);
    s->step(s);
    uv_sem_post(&s->done);
}

/* One step of starting, on the loop's thread; waits for it. */
static mst_status run_on(mst_runtime *rt, msi_loop *loop, void (*step)(start *), mst_error *error)
{
    start s = {.task = {.run = run_step}, .step = step, .runtime = rt, .loop = loop};
    if (loop->lent) {
        step(&s);
    } else {
        if (uv_sem_init(&s.done, 0)) {
            return no_memory(error);
        }
        msi_loop_post(loop, &s.task);
        uv_sem_wait(&s.done);
        uv_sem_destroy(&s.done);
    }
    if (s.status && error) {
        *error = s.error;
    }
    return s.status;
}

static mst_status start_loop(mst_runtime *rt, msi_loop *loop, mst_error *error)
{
    mst_status status = msi_loop_start(loop);
    if (status) {
        return msi_error(error, status, "cannot start a loop thread");
    }
    rt->loops_started++;
    return run_on(rt, loop, start_tiers, error);
}

static mst_status start_loops(mst_runtime *rt, mst_error *error)
{
    mst_status status = MST_OK;
    for (unsigned i = 0; i < rt->loop_count && !status; i++) {
        status = start_loop(rt, &rt->loops[i], error);
    }
    return status ? status : run_on(rt, &rt->loops[0], start_watchers, error);
}

/* ---- the calls */

static mst_status build(mst_runtime *rt, const mst_open_options *o, mst_error *error)
{
    mst_status status = build_loops(rt, o->loop, error);
    if (!status) {
        status = build_components(rt, error);
    }
    if (!status) {
        status = msi_exporters_build(rt, error);
    }
    if (!status) {
        status = msi_tracing_build(rt, error);
    }
    if (!status) {
        status = build_caches(rt, error);
    }
    return status ? status : start_loops(rt, error);
}

static mst_runtime *runtime_new(mst_config *config, const mst_open_options *o)
{
    mst_runtime *rt = msi_zalloc(&config->allocator, sizeof *rt);
    if (rt) {
        rt->allocator = config->allocator;
        rt->log.write = o->log;
        rt->log.arg = o->log_arg;
        rt->secret = (msi_secret_callback){o->secret, o->secret_arg};
        rt->seed = msi_random_seed();
        msi_ticker_init(&rt->ticker, !o->loop);
    }
    return rt;
}

static mst_status open_config(mst_config *config, const mst_open_options *o, mst_runtime **out,
                              mst_error *error)
{
    mst_runtime *rt = runtime_new(config, o);
    if (!rt) {
        return no_memory(error);
    }
    rt->metrics = msi_metrics_new(&rt->allocator, msi_runtime_walk, rt);
    mst_status status = rt->metrics ? msi_assemble(config, &rt->assembly, error) : no_memory(error);
    if (!status) {
        rt->log.level = rt->assembly->runtime.log_level + MST_LOG_ERROR;
        status = build(rt, o, error);
    }
    if (status) {
        mst_close_wait(rt);
        return status;
    }
    *out = rt;
    return MST_OK;
}

mst_status mst_open(mst_config *config, const mst_open_options *options, mst_runtime **out,
                    mst_error *error)
{
    static const mst_open_options none;
    mst_config *own = NULL;
    if (!out) {
        return msi_error(error, MST_EINVAL, "mst_open: nowhere to put the runtime");
    }
    *out = NULL;
    if (!config) {
        config = own = mst_config_new(NULL);
        if (!own) {
            return no_memory(error);
        }
    }
    mst_status status = open_config(config, options ? options : &none, out, error);
    mst_config_free(own);
    return status;
}

mst_status mst_open_file(const char *path, const mst_open_options *options, mst_runtime **out,
                         mst_error *error)
{
    if (!out || !path) {
        return msi_error(error, MST_EINVAL, "mst_open_file: a path and a place for the runtime");
    }
    *out = NULL;
    mst_config *config = mst_config_new(NULL);
    if (!config) {
        return no_memory(error);
    }
    mst_status status = mst_config_read(config, path, error);
    if (!status) {
        status = mst_open(config, options, out, error);
    }
    mst_config_free(config);
    return status;
}

mst_cache *mst_cache_named(mst_runtime *rt, const char *name)
{
    for (unsigned i = 0; rt && i < rt->cache_count; i++) {
        if (strcmp(rt->caches[i].name, name ? name : "") == 0) {
            return &rt->caches[i];
        }
    }
    return NULL;
}

bool msi_runtime_on_loop(const mst_runtime *rt)
{
    for (unsigned i = 0; i < rt->loops_started; i++) {
        if (msi_loop_here(&rt->loops[i])) {
            return true;
        }
    }
    return false;
}

void msi_runtime_invalidated(void *arg, msi_tier *t, const mst_slice *keys, size_t n)
{
    mst_runtime *rt = arg;
    for (unsigned i = 0; i < rt->cache_count; i++) {
        msi_cache_invalidated(&rt->caches[i], t, keys, n);
    }
}

void msi_runtime_flushed(void *arg, msi_tier *t)
{
    mst_runtime *rt = arg;
    for (unsigned i = 0; i < rt->cache_count; i++) {
        msi_cache_flushed(&rt->caches[i], t);
    }
}
