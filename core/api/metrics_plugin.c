/* metrics_plugin.c - the families of tiers, serializers and compressors.
 *
 * What a provider says of itself are names and numbers, and what they mean is known only for those
 * in `known`: these have families. All others are shown under their names. */
#include <string.h>

#include "api/walk.h"
#include "tier/port.h"

/* By MST_OP_*. */
static const char *const operations[MSI_OP_CODES] = {NULL,     "get",   "set",  "remove",
                                                     "exists", "touch", "clear"};

#define FOR_EACH_TIER(t, w)                                                                        \
    for (msi_tier *t = (w)->runtime->tiers, *end_ = t + (w)->runtime->tier_count; t < end_; t++)

static const char *plugin_of(const msi_tier *t)
{
    return t->instances[0]->plugin->plugin->name;
}

/* ---- what providers say of themselves */

typedef struct asking {
    msi_walk *walk;
    const msi_tier *tier;
} asking;

static msi_figure *find(const msi_walk *w, const msi_tier *t, const char *name)
{
    for (size_t i = 0; i < w->figure_count; i++) {
        if (w->figures[i].tier == t && strcmp(w->figures[i].name, name) == 0) {
            return &w->figures[i];
        }
    }
    return NULL;
}

static msi_figure *add(msi_walk *w, const msi_tier *t, const char *name)
{
    if (w->figure_count == w->figure_room) {
        size_t room = w->figure_room ? 2 * w->figure_room : 64;
        msi_figure *grown =
            msi_realloc(&w->runtime->allocator, w->figures, room * sizeof *w->figures);
        if (!grown) {
            w->no_memory = true;
            return NULL;
        }
        w->figures = grown;
        w->figure_room = room;
    }
    msi_figure *f = &w->figures[w->figure_count++];
    *f = (msi_figure){.tier = t};
    msi_text text;
    msi_text_init(&text, f->name, sizeof f->name);
    msi_text_add(&text, "%s", name);
    return f;
}

/* Instances of one provider are summed. */
static void take_figure(void *arg, const char *name, uint64_t value)
{
    const asking *a = arg;
    msi_figure *f = find(a->walk, a->tier, name);
    f = f ? f : add(a->walk, a->tier, name);
    if (f) {
        f->value += value;
    }
}

void msi_walk_ask_tiers(msi_walk *w)
{
    FOR_EACH_TIER(t, w)
    {
        asking a = {w, t};
        for (unsigned i = 0; t->ops->stats && i < t->instance_count; i++) {
            t->ops->stats(t->instances[i]->self, take_figure, &a);
        }
    }
}

/* A figure with a meaning: the family that it belongs to, and its label there. */
static const struct known {
    const char *figure, *family, *label, *value;
} known[] = {
    {"entries", "memstache_tier_entries", NULL, NULL},
    {"bytes", "memstache_tier_size_bytes", NULL, NULL},
    {"max_bytes", "memstache_tier_limit_bytes", NULL, NULL},
    {"index_bytes", "memstache_tier_index_bytes", NULL, NULL},
    {"pinned_bytes", "memstache_tier_pinned_bytes", NULL, NULL},
    {"hits", "memstache_tier_lookups", "result", "hit"},
    {"misses", "memstache_tier_lookups", "result", "miss"},
    {"stores", "memstache_tier_stores", NULL, NULL},
    {"evictions", "memstache_tier_evictions", "reason", "room"},
    {"displaced", "memstache_tier_evictions", "reason", "other_size"},
    {"expirations", "memstache_tier_evictions", "reason", "expired"},
    {"refused", "memstache_tier_refusals", "reason", "not_admitted"},
    {"too_big", "memstache_tier_refusals", "reason", "too_big"},
    {"no_memory", "memstache_tier_refusals", "reason", "no_memory"},
};
enum { KNOWN = sizeof known / sizeof known[0] };

static void show_figure(const msi_walk *w, const msi_family *f, const msi_figure *figure,
                        const char *label, const char *value)
{
    const mst_label labels[] = {
        {"tier", figure->tier->name}, {"plugin", plugin_of(figure->tier)}, {label, value}};
    size_t n = label ? 3 : 2;
    if (f->kind == MST_METRIC_COUNTER) {
        msi_show_count(w, f, figure->value, labels, n);
    } else {
        msi_show_gauge(w, f, (double) figure->value, labels, n);
    }
}

static void show_known(msi_walk *w, const msi_family *f)
{
    for (size_t i = 0; i < w->figure_count; i++) {
        msi_figure *figure = &w->figures[i];
        for (size_t k = 0; k < KNOWN; k++) {
            if (strcmp(known[k].family, f->name) == 0 &&
                strcmp(known[k].figure, figure->name) == 0) {
                figure->shown = true;
                show_figure(w, f, figure, known[k].label, known[k].value);
            }
        }
    }
}

static void show_others(msi_walk *w, const msi_family *f)
{
    for (size_t i = 0; i < w->figure_count; i++) {
        if (!w->figures[i].shown) {
            show_figure(w, f, &w->figures[i], "figure", w->figures[i].name);
        }
    }
}

/* ---- what the core sees of far tiers */

static void show_operation_times(msi_walk *w, const msi_family *f)
{
    FOR_EACH_TIER(t, w)
    {
        for (unsigned code = MST_OP_GET; code < MSI_OP_CODES && t->ports; code++) {
            msi_sum_begin(w);
            for (unsigned i = 0; i < t->port_count; i++) {
                msi_sum_add(w, &t->ports[i].took[code]);
            }
            msi_sum_show(w, f,
                         MSI_LABELS({"tier", t->name}, {"plugin", plugin_of(t)},
                                    {"operation", operations[code]}));
        }
    }
}

static void show_in_flight(msi_walk *w, const msi_family *f)
{
    FOR_EACH_TIER(t, w)
    {
        uint64_t sum = 0;
        for (unsigned i = 0; i < t->port_count; i++) {
            sum += msi_read(&t->ports[i].in_flight);
        }
        if (!t->near) {
            msi_show_gauge(w, f, (double) sum,
                           MSI_LABELS({"tier", t->name}, {"plugin", plugin_of(t)}));
        }
    }
}

/* Those that were too slow or not asked for are counted as errors a moment later: what is read
 * first cannot be the larger one. */
static void show_tier_errors(msi_walk *w, const msi_family *f)
{
    FOR_EACH_TIER(t, w)
    {
        uint64_t timeouts = msi_read(&t->timeouts), skipped = msi_read(&t->skipped);
        uint64_t errors = msi_read(&t->errors), known_ones = timeouts + skipped;
        const struct {
            const char *reason;
            uint64_t count;
        } rows[] = {{"failed", errors > known_ones ? errors - known_ones : 0},
                    {"timeout", timeouts},
                    {"skipped", skipped}};
        unsigned n = t->near ? 1 : sizeof rows / sizeof rows[0];
        for (unsigned i = 0; i < n; i++) {
            msi_show_count(w, f, rows[i].count,
                           MSI_LABELS({"tier", t->name}, {"plugin", plugin_of(t)},
                                      {"reason", rows[i].reason}));
        }
    }
}

static void show_breaker_open(msi_walk *w, const msi_family *f)
{
    FOR_EACH_TIER(t, w)
    {
        if (!t->near) {
            msi_show_gauge(w, f, (double) atomic_load_explicit(&t->open, memory_order_relaxed),
                           MSI_LABELS({"tier", t->name}, {"plugin", plugin_of(t)}));
        }
    }
}

static void show_breaker_opened(msi_walk *w, const msi_family *f)
{
    FOR_EACH_TIER(t, w)
    {
        if (!t->near) {
            msi_show_count(w, f, msi_read(&t->opened),
                           MSI_LABELS({"tier", t->name}, {"plugin", plugin_of(t)}));
        }
    }
}

/* ---- serializers and compressors */

static const char *work_name(const msi_instance *codec, int which)
{
    static const char *const names[][MSI_WORKS] = {{"encode", "decode"},
                                                   {"compress", "decompress"}};
    return names[codec->plugin->plugin->kind == MST_KIND_COMPRESSOR][which];
}

static void show_codec_times(msi_walk *w, const msi_family *f)
{
    for (unsigned i = 0; i < w->runtime->codec_count; i++) {
        const msi_instance *codec = w->runtime->codecs[i];
        for (int which = 0; which < MSI_WORKS; which++) {
            msi_sum_begin(w);
            msi_sum_add(w, &codec->work[which].took);
            msi_sum_show(
                w, f,
                MSI_LABELS({"component", codec->name}, {"operation", work_name(codec, which)}));
        }
    }
}

static void show_work(const msi_walk *w, const msi_family *f, size_t counter)
{
    for (unsigned i = 0; i < w->runtime->codec_count; i++) {
        const msi_instance *codec = w->runtime->codecs[i];
        for (int which = 0; which < MSI_WORKS; which++) {
            const char *work = (const char *) &codec->work[which];
            msi_show_count(
                w, f, msi_read((const _Atomic uint64_t *) (work + counter)),
                MSI_LABELS({"component", codec->name}, {"operation", work_name(codec, which)}));
        }
    }
}

static void show_codec_failures(msi_walk *w, const msi_family *f)
{
    show_work(w, f, offsetof(msi_work, failures));
}

static void show_codec_in(msi_walk *w, const msi_family *f)
{
    show_work(w, f, offsetof(msi_work, bytes_in));
}

static void show_codec_out(msi_walk *w, const msi_family *f)
{
    show_work(w, f, offsetof(msi_work, bytes_out));
}

const msi_family msi_plugin_families[] = {
    MSI_FAMILY(GAUGE, "memstache_tier_entries", "", "Entries in the tier.", show_known),
    MSI_FAMILY(GAUGE, "memstache_tier_size_bytes", "bytes",
               "What is charged against the tier's limit.", show_known),
    MSI_FAMILY(GAUGE, "memstache_tier_limit_bytes", "bytes", "The tier's limit.", show_known),
    MSI_FAMILY(GAUGE, "memstache_tier_index_bytes", "bytes",
               "The part of the size that the index takes.", show_known),
    MSI_FAMILY(GAUGE, "memstache_tier_pinned_bytes", "bytes",
               "The part of the size that was removed and is still held by readers.", show_known),
    MSI_FAMILY(COUNTER, "memstache_tier_lookups", "",
               "Lookups in the tier: not requests, which may ask twice.", show_known),
    MSI_FAMILY(COUNTER, "memstache_tier_stores", "", "Values that the tier stored.", show_known),
    MSI_FAMILY(COUNTER, "memstache_tier_evictions", "", "Entries that went, by the reason why.",
               show_known),
    MSI_FAMILY(COUNTER, "memstache_tier_refusals", "",
               "Values that the tier did not store, by the reason why.", show_known),
    MSI_FAMILY(GAUGE, "memstache_tier_figure", "", "What else the tier's provider says of itself.",
               show_others),
    MSI_FAMILY(HISTOGRAM, "memstache_tier_operation_duration_seconds", "seconds",
               "From asking a tier outside the process to its answer, or until it was given up.",
               show_operation_times),
    MSI_FAMILY(GAUGE, "memstache_tier_in_flight", "",
               "Operations that the tier has not answered yet.", show_in_flight),
    MSI_FAMILY(COUNTER, "memstache_tier_errors", "",
               "Operations that the tier failed, by the reason why.", show_tier_errors),
    MSI_FAMILY(GAUGE, "memstache_breaker_open", "",
               "Loops that do not ask the tier now, because it only failed.", show_breaker_open),
    MSI_FAMILY(COUNTER, "memstache_breaker_opened", "",
               "How often a loop has stopped asking the tier.", show_breaker_opened),
    MSI_FAMILY(HISTOGRAM, "memstache_codec_duration_seconds", "seconds",
               "Calls of serializers and compressors.", show_codec_times),
    MSI_FAMILY(COUNTER, "memstache_codec_failures", "",
               "Calls of serializers and compressors that failed.", show_codec_failures),
    MSI_FAMILY(COUNTER, "memstache_codec_input_bytes", "bytes",
               "What they were given; an object that is encoded has no size.", show_codec_in),
    MSI_FAMILY(COUNTER, "memstache_codec_output_bytes", "bytes",
               "What they made; an object that was decoded has no size.", show_codec_out),
    {0},
};
