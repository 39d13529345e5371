/* metrics.c - the extension MST_METRICS_ID: meters, which count but show nothing, and walks, which
 * show metrics of all shapes that metrics.h allows.
 *
 * A metric lies in memory that can be read during the call that shows it, and not afterwards. Two
 * such places take turns, so that the one before cannot be touched while the next is shown.
 */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { ROOM = 256 << 10, FAMILIES = 24, LABELS_MAX = 9, STEPS = 8, BUCKETS_MAX = 41 * STEPS };

struct check_show {
    check_guard places[2];
    unsigned turn;
    check_random random;
    pthread_mutex_t mutex; /* walks come from any thread */
    _Atomic int walks;
};

struct mst_meter {
    struct mst_meter *next;
    uint32_t kind;
    _Atomic uint64_t count;
};

static check_host *host_of(const mst_host *host)
{
    return (check_host *) (uintptr_t) host;
}

/* ---- meters */

static mst_status new_meter(const mst_host *host, const mst_meter_options *o, mst_meter **out)
{
    check_host *h = host_of(host);
    *out = NULL;
    check_host_called(h, "meter");
    if (o->kind < MST_METRIC_COUNTER || o->kind > MST_METRIC_HISTOGRAM || !o->name || !o->help) {
        check_fail(h->k, "called meter() with kind %u, %s and %s", o->kind,
                   o->name ? o->name : "no name", o->help ? "a help" : "no help");
    }
    if (check_host_fails(h)) {
        return MST_ENOMEM;
    }
    mst_meter *m = check_memory(h->k, sizeof *m);
    m->kind = o->kind;
    m->next = atomic_load(&h->meters);
    while (!atomic_compare_exchange_weak(&h->meters, &m->next, m)) {
    }
    *out = m;
    return MST_OK;
}

void check_meters_free(check_host *h)
{
    mst_meter *m = atomic_exchange(&h->meters, NULL);
    while (m) {
        mst_meter *next = m->next;
        free(m);
        m = next;
    }
}

static void count(mst_meter *m, uint32_t kind, uint64_t n)
{
    if (m && m->kind == kind) {
        atomic_fetch_add(&m->count, n);
    }
}

static void meter_add(mst_meter *m, uint64_t n)
{
    count(m, MST_METRIC_COUNTER, n);
}

static void meter_set(mst_meter *m, double value)
{
    count(m, MST_METRIC_GAUGE, 1);
}

static void meter_record(mst_meter *m, uint64_t value)
{
    count(m, MST_METRIC_HISTOGRAM, 1);
}

/* ---- a metric */

static const char *lay(check_guard *g, const char *text)
{
    return check_guard_lay(g, text, strlen(text) + 1, 1);
}

static const char *lay_x(check_guard *g, size_t len)
{
    char *text = check_memory(g->k, len + 1);
    memset(text, 'x', len);
    const char *laid = lay(g, text);
    free(text);
    return laid;
}

static const char *lay_value(check_guard *g, check_random *random)
{
    static const char *const values[] = {"",           "a word or two",
                                         "\"quoted\"", "\\",
                                         "two\nlines", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
                                         "a=,b{",      "0"};
    size_t n = sizeof values / sizeof values[0], i = check_draw(random, n + 1);
    return i < n ? lay(g, values[i]) : lay_x(g, 1 + check_draw(random, CHECK_LABEL_MAX - 1));
}

static const mst_label *lay_labels(check_guard *g, check_random *random, size_t n, int index)
{
    mst_label list[LABELS_MAX];
    char name[32], number[16];
    for (size_t i = 0; i < n; i++) {
        snprintf(name, sizeof name, "label_%zu", i);
        snprintf(number, sizeof number, "%d", index);
        list[i].name = lay(g, name);
        list[i].value = i ? lay_value(g, random) : lay(g, number); /* tells it apart */
    }
    return check_guard_lay(g, list, n * sizeof *list, _Alignof(mst_label));
}

/* None, one, a few, or one at every place where buckets may end. */
static void lay_buckets(check_guard *g, check_random *random, mst_metric *m)
{
    mst_bucket list[BUCKETS_MAX];
    size_t one_in = (size_t[]){0, BUCKETS_MAX, 20, 1}[check_draw(random, 4)];
    for (size_t i = 0; one_in && i < BUCKETS_MAX; i++) {
        if (i % one_in == one_in / 2) {
            double unit = ldexp(1, (int) (i / STEPS));
            double upper = m->scale * unit * (1 + (double) (i % STEPS) / STEPS);
            list[m->bucket_count++] = (mst_bucket){upper, 1 + check_draw(random, 1000)};
            m->count += list[m->bucket_count - 1].count;
            m->value += upper;
            m->max = upper;
        }
    }
    m->buckets = check_guard_lay(g, list, m->bucket_count * sizeof *list, _Alignof(mst_bucket));
}

static void lay_figures(check_guard *g, check_random *random, mst_metric *m)
{
    static const uint64_t counts[] = {0, 1, 1234567, UINT64_MAX};
    static const double values[] = {0, -1.5, 1e-300, 1e300, INFINITY, -INFINITY, NAN, 0.25};
    if (m->kind == MST_METRIC_COUNTER) {
        m->count = counts[check_draw(random, sizeof counts / sizeof counts[0])];
    } else if (m->kind == MST_METRIC_GAUGE) {
        m->value = values[check_draw(random, sizeof values / sizeof values[0])];
    } else {
        lay_buckets(g, random, m);
    }
}

/* What all metrics of a name have in common. */
typedef struct family {
    char name[2100];
    const char *unit, *help;
    uint32_t kind;
    double scale;
} family;

static void draw_family(check_random *random, family *f, int number)
{
    static const char *const units[] = {"", "seconds", "bytes", "ratio"};
    static const char *const helps[] = {"One sentence.", "", "Two\nlines, a \\ and \"quotes\".",
                                        "\xc3\xa4\xe2\x82\xac"};
    static const double scales[] = {1, 1e-9, 1e-3};
    int stem = check_draw(random, 8) ? (int) check_draw(random, 30) : 2000;
    f->unit = units[check_draw(random, 4)];
    f->help = helps[check_draw(random, 4)];
    f->kind = MST_METRIC_COUNTER + (uint32_t) check_draw(random, 3);
    f->scale = f->kind == MST_METRIC_HISTOGRAM ? scales[check_draw(random, 3)] : 0;
    memset(f->name, 'f', (size_t) stem + 1);
    snprintf(f->name + stem + 1, sizeof f->name - (size_t) stem - 1, "%d%s%s", number,
             f->unit[0] ? "_" : "", f->unit);
}

static const mst_metric *lay_metric(check_guard *g, check_random *random, const family *f,
                                    int index)
{
    mst_metric m = {.struct_size = sizeof m, .kind = f->kind, .scale = f->scale};
    check_guard_protect(g, CHECK_OPEN);
    check_guard_empty(g);
    m.label_count = index ? 1 + check_draw(random, LABELS_MAX) : check_draw(random, 2);
    m.labels = lay_labels(g, random, m.label_count, index);
    lay_figures(g, random, &m);
    m.help = lay(g, f->help);
    m.unit = lay(g, f->unit);
    m.name = lay(g, f->name);
    const mst_metric *laid = check_guard_lay(g, &m, sizeof m, _Alignof(mst_metric));
    check_guard_protect(g, CHECK_READ_ONLY);
    return laid;
}

/* ---- a walk */

static void show_family(check_show *s, int number, mst_metric_visit visit, void *arg)
{
    family f;
    draw_family(&s->random, &f, number);
    int n = 1 + (int) check_draw(&s->random, check_draw(&s->random, 6) ? 4 : 40);
    for (int i = 0; i < n; i++) {
        check_guard *g = &s->places[s->turn++ % 2];
        const mst_metric *m = lay_metric(g, &s->random, &f, i);
        visit(arg, m);
        check_guard_protect(g, CHECK_CLOSED);
    }
}

static mst_status walk(const mst_host *host, mst_metric_visit visit, void *arg)
{
    check_host *h = host_of(host);
    check_host_called(h, "walk");
    check_show *s = atomic_load(&h->show);
    if (!s) {
        return MST_ECLOSED;
    }
    if (check_host_fails(h)) {
        return MST_ENOMEM;
    }
    pthread_mutex_lock(&s->mutex);
    for (int i = 0; i < FAMILIES; i++) {
        show_family(s, i, visit, arg);
    }
    pthread_mutex_unlock(&s->mutex);
    atomic_fetch_add(&s->walks, 1);
    return MST_OK;
}

const mst_metrics *check_metrics(void)
{
    static const mst_metrics metrics = {.struct_size = sizeof metrics,
                                        .walk = walk,
                                        .meter = new_meter,
                                        .add = meter_add,
                                        .set = meter_set,
                                        .record = meter_record};
    return &metrics;
}

check_show *check_show_new(kit *k)
{
    check_show *s = check_memory(k, sizeof *s);
    s->random.state = check_mix(k->random.state + check_draw(&k->random, UINT64_MAX));
    pthread_mutex_init(&s->mutex, NULL);
    for (int i = 0; i < 2; i++) {
        check_guard_open(k, &s->places[i], ROOM, "a metric of a walk");
        check_guard_protect(&s->places[i], CHECK_CLOSED);
    }
    return s;
}

int check_show_walks(const check_show *s)
{
    return atomic_load(&s->walks);
}

void check_show_free(check_show *s)
{
    for (int i = 0; i < 2; i++) {
        check_guard_close(&s->places[i]);
    }
    pthread_mutex_destroy(&s->mutex);
    free(s);
}
