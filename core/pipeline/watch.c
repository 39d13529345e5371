/* watch.c - see watch.h. */
#include "pipeline/watch.h"

#include <string.h>

#include "base/clock.h"
#include "pipeline/request.h"

static const char *const kind_names[] = {
    [MSI_GET] = "get",       [MSI_SET] = "set",     [MSI_REMOVE] = "remove",
    [MSI_EXISTS] = "exists", [MSI_TOUCH] = "touch", [MSI_CLEAR] = "clear"};

static const char *name_of(const mst_request *r)
{
    return r->loader.load ? "get_or_load" : kind_names[r->kind];
}

/* ---- whether it is recorded, and under which ids */

void msi_watch_draw(msi_watch *w, uint8_t *id, size_t n)
{
    for (size_t i = 0; i < n; i += 8) {
        uint64_t number = atomic_fetch_add_explicit(&w->ids, 1, memory_order_relaxed);
        uint64_t bits = msi_mix(w->seed + number * 0x9e3779b97f4a7c15u) | 1; /* never 0 */
        memcpy(id + i, &bits, sizeof bits);
    }
}

void msi_watch_read(mst_cache *c, msi_context *context, const char *traceparent)
{
    if (!msi_context_read(context, traceparent)) {
        atomic_fetch_add_explicit(&c->bad_traceparents, 1, memory_order_relaxed);
    }
}

static bool is_sampled(mst_request *r, const msi_watch *w)
{
    msi_context *c = &r->context;
    if (!c->decided) {
        r->lane->lot = r->lane->lot * 6364136223846793005u + 1442695040888963407u;
        c->sampled = r->lane->lot >> 32 < w->limit;
        c->decided = true;
    }
    return c->sampled;
}

static void identify(mst_request *r)
{
    static const uint8_t none[8];
    msi_context *c = &r->context;
    if (memcmp(c->span_id, none, sizeof none) == 0) {
        msi_watch_draw(r->cache->watch, c->span_id, sizeof c->span_id);
        if (!c->traced) {
            msi_watch_draw(r->cache->watch, c->trace_id, sizeof c->trace_id);
        }
    }
}

void msi_watch_loading(mst_request *r, msi_trail *t)
{
    msi_watch *w = r->cache->watch;
    msi_trail_more *m = msi_trail_grow(t);
    if (m && w && w->spans) {
        is_sampled(r, w);
        identify(r);
        msi_watch_draw(w, m->load_id, sizeof m->load_id);
        m->calls_loader = true;
        msi_context_write(&r->context, m->load_id, m->traceparent);
    } else if (m && r->context.traced) {
        msi_context_write(&r->context, r->context.parent_id, m->traceparent);
    }
}

/* ---- recording */

static void show_key(const msi_watch *w, msi_key_ref k, char shown[MSI_KEY_SHOWN_MAX + 1])
{
    if (w && w->plain_keys) {
        size_t len = k.key.len < MSI_KEY_SHOWN_MAX ? k.key.len : MSI_KEY_SHOWN_MAX;
        memcpy(shown, k.key.data, len);
        shown[len] = '\0';
    } else {
        for (unsigned i = 0; i < 16; i++) {
            shown[i] = "0123456789abcdef"[k.hash >> (60 - 4 * i) & 15];
        }
        shown[16] = '\0';
    }
}

static void fill(msi_record *record, const mst_request *r, uint64_t now)
{
    record->context = r->context;
    record->start_ns = r->began_ns;
    record->end_ns = now > r->began_ns ? now : r->began_ns;
    record->name = name_of(r);
    record->status = r->result.status;
    record->why = r->result.why;
    record->tier = r->result.tier;
    show_key(r->cache->watch, r->k, record->key);
}

static void record(mst_request *r, uint64_t now)
{
    identify(r);
    msi_trail_more *m = msi_trail_grow(r->trail);
    if (m && !m->recorded) {
        m->recorded = true;
        fill(&m->record, r, now);
    } else {
        msi_record alone;
        fill(&alone, r, now);
        msi_span_of_request(r->cache, &alone);
    }
}

void msi_watch_near(mst_cache *c, const char *name, msi_key_ref k, const mst_options *o,
                    const mst_result *r)
{
    msi_watch *w = c->watch;
    msi_context context = {.traced = false};
    msi_watch_read(c, &context, o->traceparent);
    if (!context.sampled || !w || !w->spans) {
        return;
    }
    uint64_t now = msi_now_ns();
    msi_record of = {.context = context,
                     .start_ns = now,
                     .end_ns = now,
                     .name = name,
                     .status = r->status,
                     .why = r->why,
                     .tier = r->tier};
    msi_watch_draw(w, of.context.span_id, sizeof of.context.span_id);
    show_key(w, k, of.key);
    msi_span_of_request(c, &of);
}

/* ---- slow requests */

static uint64_t in_us(uint64_t from_ns, uint64_t to_ns)
{
    return to_ns > from_ns ? (to_ns - from_ns) / 1000 : 0;
}

static const char *name_of_step(const mst_cache *c, const msi_step *s)
{
    static const char *const names[] = {
        [MSI_STEP_UNPACK] = "unpacking", [MSI_STEP_LOAD] = "loader", [MSI_STEP_PACK] = "packing"};
    return s->kind == MSI_STEP_TIER ? c->tiers[s->tier]->name : names[s->kind];
}

static void add_steps(const mst_cache *c, const mst_request *r, uint64_t now, msi_text *text)
{
    unsigned count;
    const msi_step *steps = msi_trail_steps(r->trail, &count);
    msi_text_add(text, "; waited %llu us",
                 (unsigned long long) in_us(r->began_ns, r->trail->begun_ns));
    for (unsigned i = 0; i < count; i++) {
        const msi_step *s = &steps[i];
        uint64_t took = in_us(s->start_ns, s->end_ns ? s->end_ns : now);
        msi_text_add(text, ", %s %llu us", name_of_step(c, s), (unsigned long long) took);
        if (s->end_ns == 0) {
            msi_text_add(text, " and not done");
        } else if (s->status < 0) {
            msi_text_add(text, " %s", mst_status_name(s->status));
        }
    }
}

/* The key stands there as its hash: equal for equal keys until the runtime is closed. */
static void tell_slow(mst_request *r, uint64_t now)
{
    mst_cache *c = r->cache;
    char memory[600];
    msi_text steps;
    const char *tier = mst_cache_tier_name(c, r->result.tier);
    msi_text_init(&steps, memory, sizeof memory);
    if (r->trail) {
        add_steps(c, r, now, &steps);
    }
    msi_log_limited(&c->log, &c->slow_limit, MST_LOG_WARN,
                    "slow request: %s of key %016llx took %llu us, %s, %s%s%s%s", name_of(r),
                    (unsigned long long) r->k.hash, (unsigned long long) in_us(r->began_ns, now),
                    mst_status_name(r->result.status), mst_why_name(r->result.why),
                    tier ? " from " : "", tier ? tier : "", memory);
}

/* ---- the end of a request */

static bool has_failed(const mst_result *r)
{
    return (r->status < 0 && r->status != MST_ECANCELED) || r->why == MST_WHY_TIER_FAILED ||
           r->why == MST_WHY_UNDECODABLE;
}

static bool is_slow(const mst_request *r, uint64_t now)
{
    int64_t limit = r->cache->settings.slow_request_ms;
    return limit >= 0 && now > r->began_ns && now - r->began_ns >= (uint64_t) limit * 1000000;
}

/* Hardly any request comes here: what all do is to stay short. */
static __attribute__((noinline)) void report(mst_request *r, uint64_t now)
{
    if (is_slow(r, now)) {
        tell_slow(r, now);
    }
    if (r->cache->watch->spans) {
        record(r, now);
    }
}

void msi_watch_answered(mst_request *r, uint64_t now)
{
    const msi_watch *w = r->cache->watch;
    if (w && (is_slow(r, now) || (w->spans && (is_sampled(r, w) || has_failed(&r->result))))) {
        report(r, now);
    }
    if (r->owns_trail) {
        msi_trail_close(r);
    }
    r->trail = NULL;
}
