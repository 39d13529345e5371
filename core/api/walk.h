/* walk.h - one walk over the figures of a runtime: the families of metrics, each shown whole before
 * the next, as the text formats want them.
 *
 *   metrics.c          the walk, and the functions of memstache.h
 *   metrics_cache.c    the families of caches
 *   metrics_plugin.c   the families of tiers and other components
 */
#ifndef MSI_WALK_H
#define MSI_WALK_H

#include "api/runtime.h"

/* A figure that a provider reported: summed over its instances. */
typedef struct msi_figure {
    const msi_tier *tier;
    char name[48];
    uint64_t value;
    bool shown;
} msi_figure;

typedef struct msi_walk {
    mst_runtime *runtime;
    mst_metric_visit visit;
    void *arg;
    msi_figure *figures;
    size_t figure_count, figure_room;
    bool no_memory;
    msi_histogram sum; /* of what is shown next */
    mst_bucket buckets[MSI_HISTOGRAM_BUCKETS];
} msi_walk;

/* All metrics of one name. */
typedef struct msi_family {
    const char *name;
    uint32_t kind; /* MST_METRIC_* */
    const char *unit, *help;
    void (*show)(msi_walk *, const struct msi_family *);
} msi_family;

/* A row of a table of families. */
#define MSI_FAMILY(kind, name, unit, help, show)                                                   \
    {                                                                                              \
        name, MST_METRIC_##kind, unit, help, show                                                  \
    }

extern const msi_family msi_cache_families[], msi_plugin_families[]; /* end in a name of NULL */

/* Labels of one metric, as two arguments. */
#define MSI_LABELS(...)                                                                            \
    (const mst_label[]){__VA_ARGS__}, sizeof((const mst_label[]){__VA_ARGS__}) / sizeof(mst_label)

void msi_show_count(const msi_walk *, const msi_family *, uint64_t count, const mst_label *,
                    size_t label_count);
void msi_show_gauge(const msi_walk *, const msi_family *, double value, const mst_label *,
                    size_t label_count);
/* Begin with an empty sum, add to it, show it: nanoseconds, as seconds. One that nothing was
 * recorded in is left out. */
void msi_sum_begin(msi_walk *);
void msi_sum_add(msi_walk *, const msi_histogram *);
void msi_sum_show(msi_walk *, const msi_family *, const mst_label *, size_t label_count);

/* metrics_plugin.c: asks the providers. */
void msi_walk_ask_tiers(msi_walk *);

/* A counter that others add to. */
static inline uint64_t msi_read(const _Atomic uint64_t *n)
{
    return atomic_load_explicit(n, memory_order_relaxed);
}

#endif
