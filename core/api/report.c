/* report.c - see report.h. */
#include "api/report.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"

/* ---- stat */

enum { FIGURES_MAX = 96 };

/* A provider with an instance for each loop tells each figure as often: they are added up. */
typedef struct figures {
    const char *tier;
    const char *names[FIGURES_MAX];
    uint64_t values[FIGURES_MAX];
    size_t count;
} figures;

static void collect(void *arg, const char *tier, const char *name, uint64_t value)
{
    figures *f = arg;
    size_t i = 0;
    if (strcmp(tier, f->tier) != 0) {
        return;
    }
    while (i < f->count && strcmp(f->names[i], name) != 0) {
        i++;
    }
    if (i == FIGURES_MAX) {
        return;
    }
    if (i == f->count) {
        f->names[f->count++] = name;
        f->values[i] = 0;
    }
    f->values[i] += value;
}

static void tell_tier(mst_cache *c, const msi_tier *t, msi_json *j)
{
    figures f = {.tier = t->name};
    mst_cache_tier_stats(c, collect, &f);
    msi_json_open(j, NULL, '{');
    msi_json_text(j, "tier", t->name);
    msi_json_open(j, "figures", '{');
    for (size_t i = 0; i < f.count; i++) {
        msi_json_number(j, f.names[i], f.values[i]);
    }
    msi_json_close(j, '}');
    msi_json_close(j, '}');
}

static void tell_cache(mst_cache *c, msi_json *j)
{
    mst_stats s;
    mst_cache_stats(c, &s);
    msi_json_open(j, NULL, '{');
    msi_json_text(j, "cache", c->name);
    msi_json_open(j, "counters", '{');
#define TELL(name, text) msi_json_number(j, #name, s.name);
    MST_COUNTER_MAP(TELL)
#undef TELL
    msi_json_close(j, '}');
    msi_json_open(j, "tiers", '[');
    for (unsigned i = 0; i < c->tier_count; i++) {
        tell_tier(c, c->tiers[i], j);
    }
    msi_json_close(j, ']');
    msi_json_close(j, '}');
}

static void tell_stat(mst_runtime *rt, mst_cache *only, uint64_t uptime_ms, msi_json *j)
{
    msi_json_open(j, NULL, '{');
    msi_json_text(j, "version", mst_version());
    msi_json_number(j, "pid", (uint64_t) getpid());
    msi_json_number(j, "time_ms", msi_wall_ms());
    msi_json_number(j, "uptime_ms", uptime_ms);
    msi_json_open(j, "caches", '[');
    for (unsigned i = 0; i < rt->cache_count; i++) {
        if (!only || only == &rt->caches[i]) {
            tell_cache(&rt->caches[i], j);
        }
    }
    msi_json_close(j, ']');
    msi_json_close(j, '}');
}

/* ---- health */

static void reason(msi_json *j, const mst_cache *c, const char *what, const char *tier)
{
    msi_json_open(j, NULL, '{');
    msi_json_text(j, "cache", c->name);
    msi_json_text(j, "reason", what);
    if (tier) {
        msi_json_text(j, "tier", tier);
    }
    msi_json_close(j, '}');
}

/* Four of five places taken. */
static bool is_nearly_full(const mst_cache *c)
{
    uint64_t max = (uint64_t) c->settings.max_pending;
    return atomic_load_explicit(&c->pending, memory_order_relaxed) >= max - max / 5;
}

/* With j NULL only says whether there is a reason. */
static bool reasons(const mst_cache *c, msi_json *j)
{
    bool closing = msi_cache_is_closing(c);
    bool full = is_nearly_full(c), any = closing || full;
    if (closing && j) {
        reason(j, c, "closing", NULL);
    }
    if (full && j) {
        reason(j, c, "pending", NULL);
    }
    for (unsigned i = 0; i < c->tier_count; i++) {
        if (atomic_load_explicit(&c->tiers[i]->open, memory_order_relaxed)) {
            any = true;
            if (j) {
                reason(j, c, "breaker-open", c->tiers[i]->name);
            }
        }
    }
    return any;
}

static void tell_health(mst_runtime *rt, msi_json *j)
{
    bool degraded = false;
    for (unsigned i = 0; i < rt->cache_count; i++) {
        degraded = reasons(&rt->caches[i], NULL) || degraded;
    }
    msi_json_open(j, NULL, '{');
    msi_json_text(j, "status", degraded ? "degraded" : "ok");
    msi_json_open(j, "reasons", '[');
    for (unsigned i = 0; i < rt->cache_count; i++) {
        reasons(&rt->caches[i], j);
    }
    msi_json_close(j, ']');
    msi_json_close(j, '}');
}

/* ---- the answer */

static void refuse(msi_json *j, const char *why)
{
    msi_json_open(j, NULL, '{');
    msi_json_text(j, "error", why);
    msi_json_close(j, '}');
}

void msi_report(mst_runtime *rt, const char *line, uint64_t uptime_ms, msi_json *j)
{
    mst_cache *c = strncmp(line, "stat ", 5) == 0 ? mst_cache_named(rt, line + 5) : NULL;
    if (strcmp(line, "stat") == 0 || c) {
        tell_stat(rt, c, uptime_ms, j);
    } else if (strcmp(line, "health") == 0) {
        tell_health(rt, j);
    } else if (strncmp(line, "stat ", 5) == 0) {
        refuse(j, "no such cache");
    } else {
        refuse(j, "unknown request: stat, stat CACHE and health are answered");
    }
    msi_json_end_line(j);
}
