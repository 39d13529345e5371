/* format.c - see format.h.
 *
 * Both formats want all samples of a name together, which is how the host shows them. They differ
 * in the name that a counter is announced with, in the UNIT line, in what is escaped, and in the
 * end.
 *
 * A histogram of the host has eight buckets for each power of two, and leaves out the empty ones.
 * Here it has one for each power of two, and always the same ones: else a bucket that appears would
 * look like a sudden burst. */
#include "format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POWERS = 40 };

static void put(page *p, const char *text, size_t len)
{
    if (len > p->room - p->len && !p->no_memory) {
        size_t room = 2 * p->room + len + 4096;
        char *grown = p->host->realloc(p->host, p->data, room);
        p->no_memory = !grown;
        p->data = grown ? grown : p->data;
        p->room = grown ? room : p->room;
    }
    if (!p->no_memory) {
        memcpy(p->data + p->len, text, len);
        p->len += len;
    }
}

static void put_text(page *p, const char *text)
{
    put(p, text, strlen(text));
}

static void put_escaped(page *p, const char *text, bool quotes)
{
    for (; *text; text++) {
        if (*text == '\n') {
            put_text(p, "\\n");
        } else if (*text == '\\' || (*text == '"' && quotes)) {
            const char escaped[] = {'\\', *text};
            put(p, escaped, 2);
        } else {
            put(p, text, 1);
        }
    }
}

static void put_count(page *p, uint64_t count)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long) count);
    put_text(p, text);
}

/* As short as it can be and still be the same number. The decimal point of printf() is that of the
 * program's locale, which may even be several bytes. */
static void put_number(page *p, double number)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number) {
            break;
        }
    }
    bool in_point = false;
    for (const char *at = text; *at; at++) {
        bool point = !strchr("0123456789+-enaif", *at);
        if (!point || !in_point) {
            put(p, point ? "." : at, 1);
        }
        in_point = point;
    }
}

static bool is_finite(double number)
{
    return number - number == 0;
}

static void put_value(page *p, double value)
{
    if (is_finite(value)) {
        put_number(p, value);
    } else {
        put_text(p, value > 0 ? "+Inf" : value < 0 ? "-Inf" : "NaN");
    }
}

/* ---- a sample: name, suffix, labels, value */

static void put_label(page *p, const char *name, const char *value, bool first)
{
    put_text(p, first ? "{" : ",");
    put_text(p, name);
    put_text(p, "=\"");
    put_escaped(p, value, true);
    put_text(p, "\"");
}

/* `le`: text of that label; NULL: none. */
static void put_sample(page *p, const mst_metric *m, const char *suffix, const char *le)
{
    put_text(p, m->name);
    put_text(p, suffix);
    for (size_t i = 0; i < m->label_count; i++) {
        put_label(p, m->labels[i].name, m->labels[i].value, i == 0);
    }
    if (le) {
        put_label(p, "le", le, m->label_count == 0);
    }
    put_text(p, m->label_count || le ? "} " : " ");
}

static void put_counter(page *p, const mst_metric *m)
{
    put_sample(p, m, "_total", NULL);
    put_count(p, m->count);
    put_text(p, "\n");
}

static void put_gauge(page *p, const mst_metric *m)
{
    put_sample(p, m, "", NULL);
    put_value(p, m->value);
    put_text(p, "\n");
}

/* The number that ends a bucket, written as values are. */
static void number_text(const page *p, double number, char *text, size_t size)
{
    page scratch = {.host = p->host, .data = text, .room = size - 1};
    put_number(&scratch, number);
    text[scratch.len] = '\0';
}

static void put_bucket(page *p, const mst_metric *m, const char *le, uint64_t below)
{
    put_sample(p, m, "_bucket", le);
    put_count(p, below);
    put_text(p, "\n");
}

static void put_histogram(page *p, const mst_metric *m)
{
    uint64_t below = 0;
    size_t next = 0;
    for (unsigned power = 0; power <= POWERS; power++) {
        char le[48];
        double end = (double) ((uint64_t) 1 << power) * m->scale;
        while (next < m->bucket_count && m->buckets[next].upper <= end) {
            below += m->buckets[next++].count;
        }
        number_text(p, end, le, sizeof le);
        put_bucket(p, m, le, below);
    }
    put_bucket(p, m, "+Inf", m->count);
    put_sample(p, m, "_sum", NULL);
    put_value(p, m->value);
    put_text(p, "\n");
    put_sample(p, m, "_count", NULL);
    put_count(p, m->count);
    put_text(p, "\n");
}

/* ---- the page */

static void announce(page *p, const mst_metric *m)
{
    static const char *const types[] = {[MST_METRIC_COUNTER] = "counter",
                                        [MST_METRIC_GAUGE] = "gauge",
                                        [MST_METRIC_HISTOGRAM] = "histogram"};
    bool open = p->format == FORMAT_OPENMETRICS;
    const char *suffix = m->kind == MST_METRIC_COUNTER && !open ? "_total" : "";
    const char *const type[] = {"# TYPE ",   m->name, suffix, " ", types[m->kind],
                                "\n# HELP ", m->name, suffix, " "};
    snprintf(p->family, sizeof p->family, "%s", m->name);
    for (size_t i = 0; i < sizeof type / sizeof type[0]; i++) {
        put_text(p, type[i]);
    }
    put_escaped(p, m->help, open);
    if (open && m->unit[0]) {
        put_text(p, "\n# UNIT ");
        put_text(p, m->name);
        put_text(p, " ");
        put_text(p, m->unit);
    }
    put_text(p, "\n");
}

static void put_metric(void *arg, const mst_metric *m)
{
    page *p = arg;
    if (m->kind < MST_METRIC_COUNTER || m->kind > MST_METRIC_HISTOGRAM) {
        return;
    }
    if (strcmp(p->family, m->name) != 0) {
        announce(p, m);
    }
    switch (m->kind) {
    case MST_METRIC_COUNTER:
        put_counter(p, m);
        break;
    case MST_METRIC_GAUGE:
        put_gauge(p, m);
        break;
    default:
        put_histogram(p, m);
        break;
    }
}

mst_status page_write(page *p, const mst_host *host, const mst_metrics *metrics, format f)
{
    *p = (page){.host = host, .format = f};
    mst_status status = metrics->walk(host, put_metric, p);
    if (f == FORMAT_OPENMETRICS) {
        put_text(p, "# EOF\n");
    }
    if (status == MST_OK && p->no_memory) {
        status = MST_ENOMEM;
    }
    if (status) {
        page_free(p);
    }
    return status;
}

void page_free(page *p)
{
    p->host->free(p->host, p->data);
    p->data = NULL;
}
