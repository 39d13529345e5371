/* metrics_cache.c - the families of caches. The counters are the ones of mst_cache_stats(), split
 * by operation, result and tier. */
#include "api/walk.h"
#include "pipeline/request.h"

/* By msi_request_kind. */
static const char *const operations[MSI_COUNTED_KINDS] = {NULL,     "get",   "set",  "remove",
                                                          "exists", "touch", "clear"};

/* By msi_envelope_fault. */
static const char *const fault_names[MSI_ENVELOPE_FAULTS + 1] = {
    NULL,        "truncated", "no_envelope",   "unknown_version", "checksum",
    "malformed", "too_big",   "unknown_codec", "payload"};

#define FOR_EACH_CACHE(c, w)                                                                       \
    for (mst_cache *c = (w)->runtime->caches, *end_ = c + (w)->runtime->cache_count; c < end_; c++)

static void show_result(const msi_walk *w, const msi_family *f, const mst_cache *c, unsigned kind,
                        const char *result, uint64_t count)
{
    msi_show_count(
        w, f, count,
        MSI_LABELS({"cache", c->section}, {"operation", operations[kind]}, {"result", result}));
}

static void show_gets(const msi_walk *w, const msi_family *f, const mst_cache *c, const uint64_t *n)
{
    static const struct {
        const char *result;
        msi_counter counter;
    } rows[] = {{"loaded", MSI_COUNT_loaded},           {"coalesced", MSI_COUNT_coalesced},
                {"absent", MSI_COUNT_absent},           {"undecodable", MSI_COUNT_undecodable},
                {"tier_failed", MSI_COUNT_tier_failed}, {NULL, MSI_COUNTERS}};
    for (unsigned i = 0; i < c->tier_count; i++) {
        msi_show_count(w, f, n[MSI_COUNT_now_hits + i] + n[MSI_COUNT_hits + i],
                       MSI_LABELS({"cache", c->section}, {"operation", "get"}, {"result", "hit"},
                                  {"tier", c->tiers[i]->name}));
    }
    show_result(w, f, c, MSI_GET, "miss", n[MSI_COUNT_now_misses] + n[MSI_COUNT_misses]);
    for (unsigned i = 0; rows[i].result; i++) {
        show_result(w, f, c, MSI_GET, rows[i].result, n[rows[i].counter]);
    }
}

/* Every answered request is in one of these: their sum is mst_stats.completed. */
static void show_requests(msi_walk *w, const msi_family *f)
{
    FOR_EACH_CACHE(c, w)
    {
        uint64_t n[MSI_COUNTERS];
        msi_counted_all(&c->counters, n);
        show_gets(w, f, c, n);
        for (unsigned kind = MSI_GET; kind < MSI_COUNTED_KINDS; kind++) {
            if (kind != MSI_GET) {
                show_result(w, f, c, kind, "ok",
                            n[MSI_COUNT_now_answers + kind] + n[MSI_COUNT_answers + kind]);
            }
            show_result(w, f, c, kind, "error",
                        n[MSI_COUNT_now_errors + kind] + n[MSI_COUNT_errors + kind]);
            show_result(w, f, c, kind, "timeout", n[MSI_COUNT_timeouts + kind]);
            show_result(w, f, c, kind, "canceled", n[MSI_COUNT_cancels + kind]);
        }
    }
}

static void show_pending(msi_walk *w, const msi_family *f)
{
    FOR_EACH_CACHE(c, w)
    {
        msi_show_gauge(w, f, (double) msi_read(&c->pending), MSI_LABELS({"cache", c->section}));
    }
}

static void show_counter(const msi_walk *w, const msi_family *f, msi_counter which)
{
    FOR_EACH_CACHE(c, w)
    {
        msi_show_count(w, f, msi_counted(&c->counters, which), MSI_LABELS({"cache", c->section}));
    }
}

static void show_rejected(msi_walk *w, const msi_family *f)
{
    show_counter(w, f, MSI_COUNT_rejected);
}

static void show_loads(msi_walk *w, const msi_family *f)
{
    show_counter(w, f, MSI_COUNT_loads);
}

static void show_load_failures(msi_walk *w, const msi_family *f)
{
    show_counter(w, f, MSI_COUNT_load_failures);
}

static void show_superseded(msi_walk *w, const msi_family *f)
{
    show_counter(w, f, MSI_COUNT_superseded);
}

static void show_invalidations(msi_walk *w, const msi_family *f)
{
    show_counter(w, f, MSI_COUNT_invalidations);
}

static void show_request_times(msi_walk *w, const msi_family *f)
{
    FOR_EACH_CACHE(c, w)
    {
        for (unsigned kind = MSI_GET; kind < MSI_COUNTED_KINDS; kind++) {
            msi_sum_begin(w);
            for (unsigned i = 0; i < c->lane_count; i++) {
                msi_sum_add(w, &c->lanes[i].took[kind]);
            }
            msi_sum_show(w, f, MSI_LABELS({"cache", c->section}, {"operation", operations[kind]}));
        }
    }
}

static void show_near_times(msi_walk *w, const msi_family *f)
{
    FOR_EACH_CACHE(c, w)
    {
        for (unsigned kind = MSI_GET; kind < MSI_COUNTED_KINDS; kind++) {
            msi_sum_begin(w);
            msi_sum_add(w, &c->near_took[kind]);
            msi_sum_show(w, f, MSI_LABELS({"cache", c->section}, {"operation", operations[kind]}));
        }
    }
}

static void show_load_times(msi_walk *w, const msi_family *f)
{
    FOR_EACH_CACHE(c, w)
    {
        msi_sum_begin(w);
        for (unsigned i = 0; i < c->lane_count; i++) {
            msi_sum_add(w, c->lanes[i].load_took);
        }
        msi_sum_show(w, f, MSI_LABELS({"cache", c->section}));
    }
}

static void show_decode_misses(msi_walk *w, const msi_family *f)
{
    FOR_EACH_CACHE(c, w)
    {
        for (unsigned i = MSI_ENVELOPE_OK + 1; i <= MSI_ENVELOPE_FAULTS; i++) {
            msi_show_count(w, f, msi_read(&c->codec.faults[i]),
                           MSI_LABELS({"cache", c->section}, {"reason", fault_names[i]}));
        }
    }
}

/* Only of caches that compress. */
static void show_compression(const msi_walk *w, const msi_family *f, size_t counter)
{
    FOR_EACH_CACHE(c, w)
    {
        if (c->codec.compressor) {
            const char *codec = (const char *) &c->codec;
            msi_show_count(w, f, msi_read((const _Atomic uint64_t *) (codec + counter)),
                           MSI_LABELS({"cache", c->section}));
        }
    }
}

static void show_compressed(msi_walk *w, const msi_family *f)
{
    show_compression(w, f, offsetof(msi_codec, compressed));
}

static void show_compressed_from(msi_walk *w, const msi_family *f)
{
    show_compression(w, f, offsetof(msi_codec, compressed_from));
}

static void show_compressed_to(msi_walk *w, const msi_family *f)
{
    show_compression(w, f, offsetof(msi_codec, compressed_to));
}

const msi_family msi_cache_families[] = {
    MSI_FAMILY(COUNTER, "memstache_requests", "", "Requests answered, each in exactly one result.",
               show_requests),
    MSI_FAMILY(GAUGE, "memstache_requests_pending", "", "Requests accepted and not answered yet.",
               show_pending),
    MSI_FAMILY(COUNTER, "memstache_requests_rejected", "",
               "Requests refused because too many were pending.", show_rejected),
    MSI_FAMILY(HISTOGRAM, "memstache_request_duration_seconds", "seconds",
               "From the call to the answer, of requests that a loop answered.",
               show_request_times),
    MSI_FAMILY(HISTOGRAM, "memstache_near_duration_seconds", "seconds",
               "The same of requests answered inside the call, for 16 ms of every 8 s.",
               show_near_times),
    MSI_FAMILY(COUNTER, "memstache_loads", "", "Calls of a loader.", show_loads),
    MSI_FAMILY(COUNTER, "memstache_load_failures", "", "Loaders that failed.", show_load_failures),
    MSI_FAMILY(HISTOGRAM, "memstache_load_duration_seconds", "seconds",
               "From the call of a loader to its end.", show_load_times),
    MSI_FAMILY(COUNTER, "memstache_values_superseded", "",
               "Values fetched or loaded and not kept, because the key was written meanwhile.",
               show_superseded),
    MSI_FAMILY(COUNTER, "memstache_invalidations", "",
               "Keys dropped from near tiers because a farther tier reported a change.",
               show_invalidations),
    MSI_FAMILY(COUNTER, "memstache_decode_misses", "", "Stored values that could not be decoded.",
               show_decode_misses),
    MSI_FAMILY(COUNTER, "memstache_compressed_values", "", "Values stored compressed.",
               show_compressed),
    MSI_FAMILY(COUNTER, "memstache_compression_input_bytes", "bytes",
               "Size of the values stored compressed, before.", show_compressed_from),
    MSI_FAMILY(COUNTER, "memstache_compression_output_bytes", "bytes",
               "Size of the values stored compressed, after.", show_compressed_to),
    {0},
};
