/* exporter.c - the names of spans, newest last, and a look at the metrics whenever its time has
 * come and in the end. See fault.h. */
#include <memstache/exporter.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"

enum { KEPT = 64, LENGTH = 40 };

typedef struct names {
    const mst_host *host;
    const mst_metrics *metrics;
    mst_timer *timer;
    pthread_mutex_t mutex;
    char (*kept)[LENGTH]; /* a ring of KEPT */
    uint64_t next;
    const mst_span *first; /* the fault of keeps_span */
    struct pile *pile;     /* the fault of keeps_all */
    uint64_t sum;
} names;

struct pile {
    struct pile *below;
};

static void look(void *arg, const mst_metric *m)
{
    names *n = arg;
    char *copy = n->host->alloc(n->host, 64);
    for (size_t i = 0; copy && i < m->label_count; i++) {
        size_t len = strlen(m->labels[i].value);
        size_t most = IS(long_label) || len < 63 ? len : 63;
        memcpy(copy, m->labels[i].value, most);
        copy[most] = '\0';
    }
    n->host->free(n->host, copy);
    n->sum += m->count;
}

static void due(void *self)
{
    names *n = self;
    n->metrics->walk(n->host, look, n);
    if (IS(keeps_span) && n->first) {
        n->sum += n->first->start_ns;
    }
    n->host->timer_set(n->timer, 15000);
}

static mst_status init(void *self, const mst_host *host)
{
    names *n = self;
    n->host = host;
    n->metrics = host->extension(host, MST_METRICS_ID);
    pthread_mutex_init(&n->mutex, NULL);
    n->kept = host->alloc(host, KEPT * sizeof *n->kept);
    return n->kept ? MST_OK : MST_ENOMEM;
}

static mst_status start(void *self)
{
    names *n = self;
    if (IS(leaks_descriptor)) {
        n->sum += (uint64_t) open("/dev/null", O_RDONLY);
    }
    if (IS(leaks_in_start)) {
        *(volatile char *) malloc(500) = 1;
    }
    mst_status status = n->host->timer_open(n->host, due, n, &n->timer);
    if (status == MST_OK) {
        n->host->timer_set(n->timer, 15000);
    }
    return status;
}

static void stop(void *self)
{
    names *n = self;
    due(n);
    if (!IS(leaves_timer)) {
        n->host->timer_close(n->timer);
    }
    if (IS(frees_in_stop)) {
        pthread_mutex_lock(&n->mutex);
        n->host->free(n->host, n->kept);
        n->kept = NULL;
        pthread_mutex_unlock(&n->mutex);
    }
    if (!IS(never_stopped)) {
        n->host->stopped(n->host);
    }
}

static void fini(void *self)
{
    names *n = self;
    while (n->pile) {
        struct pile *top = n->pile;
        n->pile = top->below;
        n->host->free(n->host, top);
    }
    n->host->free(n->host, n->kept);
    pthread_mutex_destroy(&n->mutex);
}

/* Texts are slices; whoever takes them for strings reads on. */
static uint64_t weigh(const mst_attribute *a)
{
    if (a->type != MST_ATTRIBUTE_TEXT) {
        return 1;
    }
    return IS(texts_as_strings) && a->text.len ? strlen(a->text.data) : a->text.len;
}

static void keep(names *n, const mst_span *s)
{
    snprintf(n->kept[n->next++ % KEPT], LENGTH, "%s", s->name);
    for (size_t i = 0; i < s->attribute_count; i++) {
        n->sum += weigh(&s->attributes[i]);
    }
    n->first = n->first ? n->first : s;
    if (IS(keeps_all)) {
        struct pile *top = n->host->alloc(n->host, sizeof *top + 40);
        if (top) {
            top->below = n->pile;
            n->pile = top;
        }
    }
}

static void spans(void *self, const mst_span *const *list, size_t count)
{
    names *n = self;
    if (IS(spans_set_timer)) {
        n->host->timer_set(n->timer, 1000);
    }
    pthread_mutex_lock(&n->mutex);
    for (size_t i = 0; i < count; i++) {
        keep(n, list[i]);
    }
    pthread_mutex_unlock(&n->mutex);
}

static const mst_exporter_ops ops = {
    .struct_size = sizeof ops, .start = start, .stop = stop, .spans = spans};

static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_EXPORTER,
    .kind_version = MST_EXPORTER_VERSION,
    .flags = MST_PLUGIN_REENTRANT,
    .instance_size = sizeof(names),
    .name = NAME,
    .version = "1.0",
    .author = "memstache",
    .license = "MIT",
    .summary = "Names of spans, for tests",
    .init = init,
    .fini = fini,
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
