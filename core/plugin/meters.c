/* meters.c - counters, gauges and histograms of the program and of plugins.
 *
 * A counter that many threads add to would be one cache line that all of them want; so it has
 * several, chosen by the thread. Meters are never removed: who walks takes the lock for the step
 * from one to the next only, and visits without it. */
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "plugin/metrics.h"

enum { STRIPES = 8, LABELS_MAX = 8, NAME_MAX_LEN = 63 };

typedef struct counter_stripe {
    _Alignas(64) _Atomic uint64_t n;
} counter_stripe;

struct mst_meter {
    msi_list link;
    const char *component; /* NULL: the program's */
    mst_metric shown;      /* kind, name, unit, help, labels */
    double scale;
    mst_label labels[LABELS_MAX + 1];
    _Atomic uint64_t gauge; /* the bits of a double */
    counter_stripe *counts;
    msi_histogram *histograms;
};

/* ---- is it a metric? */

/* [a-z][a-z0-9_]*, and not too long. */
static bool is_name(const char *text)
{
    size_t len = 0;
    for (; text && text[len]; len++) {
        char c = text[len];
        bool letter = c >= 'a' && c <= 'z', later = (c >= '0' && c <= '9') || c == '_';
        if (len == NAME_MAX_LEN || !(letter || (later && len > 0))) {
            return false;
        }
    }
    return len > 0;
}

static bool ends_in(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len > end_len && strcmp(text + len - end_len, end) == 0;
}

/* Bytes of the UTF-8 character at `s`; 0: none. */
static unsigned character(const unsigned char *s)
{
    unsigned more = s[0] < 0x80 ? 0 : s[0] < 0xc2 ? 4 : s[0] < 0xe0 ? 1 : s[0] < 0xf0 ? 2 : 3;
    if (s[0] > 0xf4 || more == 4 || (s[0] == 0xe0 && s[1] < 0xa0) ||
        (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
        (s[0] == 0xf4 && s[1] > 0x8f)) {
        return 0;
    }
    for (unsigned i = 1; i <= more; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return more + 1;
}

static bool is_text(const char *text)
{
    const unsigned char *at = (const unsigned char *) text;
    while (at && *at) {
        unsigned len = character(at);
        if (!len) {
            return false;
        }
        at += len;
    }
    return at != NULL;
}

static mst_status check_labels(const mst_meter_options *o, mst_error *error)
{
    if (o->label_count > LABELS_MAX || (o->label_count && !o->labels)) {
        return msi_error(error, MST_EINVAL, "metric \"%s\": at most %d labels", o->name,
                         LABELS_MAX);
    }
    for (size_t i = 0; i < o->label_count; i++) {
        const mst_label *l = &o->labels[i];
        if (!is_name(l->name) || strcmp(l->name, "component") == 0) {
            return msi_error(error, MST_EINVAL,
                             "metric \"%s\": \"%.64s\" is no name for a label; it must be like "
                             "[a-z][a-z0-9_]*, and not \"component\"",
                             o->name, l->name ? l->name : "");
        }
        if (!is_text(l->value)) {
            return msi_error(error, MST_EINVAL, "metric \"%s\": the value of \"%s\" is not UTF-8",
                             o->name, l->name);
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(o->labels[j].name, l->name) == 0) {
                return msi_error(error, MST_EINVAL, "metric \"%s\": two labels \"%s\"", o->name,
                                 l->name);
            }
        }
    }
    return MST_OK;
}

static mst_status check(const mst_meter_options *o, mst_error *error)
{
    if (!is_name(o->name) || strncmp(o->name, "memstache_", 10) == 0) {
        return msi_error(error, MST_EINVAL,
                         "metric \"%.64s\": a name must be like [a-z][a-z0-9_]*, at most %d long, "
                         "and not begin with memstache_",
                         o->name ? o->name : "", NAME_MAX_LEN);
    }
    if (o->kind < MST_METRIC_COUNTER || o->kind > MST_METRIC_HISTOGRAM) {
        return msi_error(error, MST_EINVAL, "metric \"%s\": there is no kind %u", o->name, o->kind);
    }
    if (ends_in(o->name, "_total")) {
        return msi_error(error, MST_EINVAL, "metric \"%s\": leave _total out; who wants it adds it",
                         o->name);
    }
    if (!is_text(o->help) || !o->help[0]) {
        return msi_error(error, MST_EINVAL, "metric \"%s\": needs a sentence of help, in UTF-8",
                         o->name);
    }
    if (o->unit && o->unit[0]) {
        size_t name_len = strlen(o->name), unit_len = strlen(o->unit);
        bool ends = is_name(o->unit) && ends_in(o->name, o->unit) &&
                    o->name[name_len - unit_len - 1] == '_';
        if (!ends) {
            return msi_error(error, MST_EINVAL, "metric \"%s\": must end in its unit, _%.32s",
                             o->name, o->unit);
        }
    }
    if (!(o->scale >= 0 && o->scale <= 1e18)) {
        return msi_error(error, MST_EINVAL, "metric \"%s\": scale must be 0 or more", o->name);
    }
    return check_labels(o, error);
}

/* ---- making one */

/* All texts of the options behind each other; counts only, without a place. */
static const char *copy(char **at, size_t *len, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copied = *at;
    *len += size;
    if (copied) {
        memcpy(copied, text, size);
        *at += size;
    }
    return copied;
}

static size_t copy_texts(mst_meter *m, char *at, const char *component, const mst_meter_options *o)
{
    size_t len = 0, n = 0;
    m->shown.name = copy(&at, &len, o->name);
    m->shown.help = copy(&at, &len, o->help);
    m->shown.unit = copy(&at, &len, o->unit ? o->unit : "");
    if (component) {
        m->component = copy(&at, &len, component);
        m->labels[n++] = (mst_label){"component", m->component};
    }
    for (size_t i = 0; i < o->label_count; i++, n++) {
        m->labels[n].name = copy(&at, &len, o->labels[i].name);
        m->labels[n].value = copy(&at, &len, o->labels[i].value);
    }
    m->shown.label_count = n;
    return len;
}

static size_t body_size(uint32_t kind)
{
    return kind == MST_METRIC_COUNTER     ? STRIPES * sizeof(counter_stripe)
           : kind == MST_METRIC_HISTOGRAM ? STRIPES * sizeof(msi_histogram)
                                          : 0;
}

static mst_meter *make(const mst_allocator *a, const char *component, const mst_meter_options *o)
{
    mst_meter counted;
    size_t front = (sizeof(mst_meter) + 63) / 64 * 64, body = body_size(o->kind);
    size_t texts = copy_texts(&counted, NULL, component, o);
    mst_meter *m = msi_zalloc_aligned(a, front + body + texts);
    if (m) {
        char *memory = (char *) m;
        m->counts = (counter_stripe *) (void *) (memory + front);
        m->histograms = (msi_histogram *) (void *) (memory + front);
        copy_texts(m, memory + front + body, component, o);
        m->shown.struct_size = sizeof m->shown;
        m->shown.kind = o->kind;
        m->shown.labels = m->labels;
        m->scale = o->scale > 0 ? o->scale : 1;
    }
    return m;
}

/* ---- the list: by name, and in the order of making among those of one name */

static bool same_labels(const mst_meter *a, const mst_meter *b)
{
    if (a->shown.label_count != b->shown.label_count) {
        return false;
    }
    for (size_t i = 0; i < a->shown.label_count; i++) {
        if (strcmp(a->labels[i].name, b->labels[i].name) != 0 ||
            strcmp(a->labels[i].value, b->labels[i].value) != 0) {
            return false;
        }
    }
    return true;
}

static bool same_family(const mst_meter *a, const mst_meter *b)
{
    return a->shown.kind == b->shown.kind && a->scale == b->scale &&
           strcmp(a->shown.unit, b->shown.unit) == 0 && strcmp(a->shown.help, b->shown.help) == 0;
}

/* Enters `m`; or finds what is there already. MST_EINVAL: of another family. */
static mst_status enter(msi_metrics *metrics, mst_meter *m, mst_meter **found)
{
    msi_list *at = metrics->meters.next;
    *found = NULL;
    for (; at != &metrics->meters; at = at->next) {
        mst_meter *other = MSI_CONTAINER(at, mst_meter, link);
        int order = strcmp(other->shown.name, m->shown.name);
        if (order > 0) {
            break;
        }
        if (order == 0 && !same_family(other, m)) {
            return MST_EINVAL;
        }
        if (order == 0 && same_labels(other, m)) {
            *found = other;
            return MST_OK;
        }
    }
    msi_list_append(at, &m->link); /* before the first that is greater */
    return MST_OK;
}

mst_status msi_meter_new(msi_metrics *metrics, const char *component, const mst_meter_options *o,
                         mst_meter **out, mst_error *error)
{
    mst_meter *found;
    *out = NULL;
    mst_status status = check(o, error);
    if (status) {
        return status;
    }
    mst_meter *m = make(&metrics->allocator, component, o);
    if (!m) {
        return msi_error(error, MST_ENOMEM, "out of memory");
    }
    pthread_mutex_lock(&metrics->mutex);
    status = enter(metrics, m, &found);
    pthread_mutex_unlock(&metrics->mutex);
    if (status || found) {
        msi_free_aligned(&metrics->allocator, m);
    }
    if (status) {
        return msi_error(error, status,
                         "metric \"%s\": there is one of another kind, unit, help or scale",
                         o->name);
    }
    *out = found ? found : m;
    return MST_OK;
}

void msi_meters_free(msi_metrics *metrics)
{
    for (msi_list *at; (at = msi_list_take(&metrics->meters));) {
        msi_free_aligned(&metrics->allocator, MSI_CONTAINER(at, mst_meter, link));
    }
}

/* ---- counting */

static unsigned stripe(void)
{
    return (unsigned) (msi_mix((uint64_t) (uintptr_t) pthread_self()) % STRIPES);
}

void msi_meter_add(mst_meter *m, uint64_t n)
{
    if (m && m->shown.kind == MST_METRIC_COUNTER) {
        atomic_fetch_add_explicit(&m->counts[stripe()].n, n, memory_order_relaxed);
    }
}

void msi_meter_set(mst_meter *m, double value)
{
    if (m && m->shown.kind == MST_METRIC_GAUGE) {
        uint64_t bits;
        memcpy(&bits, &value, sizeof bits);
        atomic_store_explicit(&m->gauge, bits, memory_order_relaxed);
    }
}

void msi_meter_record(mst_meter *m, uint64_t value)
{
    if (m && m->shown.kind == MST_METRIC_HISTOGRAM) {
        msi_histogram_record_shared(&m->histograms[stripe()], value);
    }
}

/* ---- showing */

void msi_metric_take_histogram(mst_metric *metric, const msi_histogram *h, double scale,
                               mst_bucket *buckets)
{
    metric->count = 0;
    metric->value = (double) h->sum * scale;
    metric->max = (double) h->max * scale;
    metric->scale = scale;
    metric->buckets = buckets;
    metric->bucket_count = 0;
    for (unsigned i = 0; i < MSI_HISTOGRAM_BUCKETS; i++) {
        uint64_t n = atomic_load_explicit(&h->counts[i], memory_order_relaxed);
        if (n) {
            buckets[metric->bucket_count++] =
                (mst_bucket){(double) msi_histogram_upper(i) * scale, n};
            metric->count += n;
        }
    }
}

static void show(const mst_meter *m, mst_metric_visit visit, void *arg)
{
    mst_metric shown = m->shown;
    mst_bucket buckets[MSI_HISTOGRAM_BUCKETS];
    if (shown.kind == MST_METRIC_HISTOGRAM) {
        msi_histogram sum = {.sum = 0};
        for (unsigned i = 0; i < STRIPES; i++) {
            msi_histogram_merge(&sum, &m->histograms[i]);
        }
        msi_metric_take_histogram(&shown, &sum, m->scale, buckets);
    } else if (shown.kind == MST_METRIC_COUNTER) {
        for (unsigned i = 0; i < STRIPES; i++) {
            shown.count += atomic_load_explicit(&m->counts[i].n, memory_order_relaxed);
        }
    } else {
        uint64_t bits = atomic_load_explicit(&m->gauge, memory_order_relaxed);
        memcpy(&shown.value, &bits, sizeof bits);
    }
    visit(arg, &shown);
}

static msi_list *after(msi_metrics *m, const msi_list *at)
{
    pthread_mutex_lock(&m->mutex);
    msi_list *next = at->next;
    pthread_mutex_unlock(&m->mutex);
    return next;
}

void msi_meters_walk(msi_metrics *m, mst_metric_visit visit, void *arg)
{
    for (msi_list *at = &m->meters; (at = after(m, at)) != &m->meters;) {
        show(MSI_CONTAINER(at, mst_meter, link), visit, arg);
    }
}
