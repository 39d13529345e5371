/* traced.c CONFIG - a host program that does what it is told on standard input, for otlp.py.
 *
 *   get KEY TRACEPARENT     ("-": none) prints why
 *   load KEY TRACEPARENT    prints why, and what the loader could pass on
 *   burst N TRACEPARENT     N gets of one key; prints the longest in microseconds
 *   figures                 prints "name value" of the exporter's own counters, then "end"
 *
 * It closes at the end of standard input, and prints how many milliseconds that took. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <memstache/memstache.h>

static mst_runtime *runtime;
static mst_cache *cache;
static char passed_on[64];

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double) t.tv_sec * 1e3 + (double) t.tv_nsec / 1e6;
}

static void on_log(void *arg, int level, const char *text)
{
    (void) arg, (void) level;
    fprintf(stderr, "%s\n", text);
}

static void load(void *arg, mst_load *l)
{
    static const mst_input value = {.data = "value", .len = 5};
    const char *traceparent = mst_load_traceparent(l);
    (void) arg;
    snprintf(passed_on, sizeof passed_on, "%s", traceparent ? traceparent : "-");
    mst_load_bytes(l, &value);
}

static int ask(const char *key, const mst_options *o, const mst_loader *loader)
{
    mst_result r = {0};
    if (loader) {
        mst_get_or_load_wait(cache, mst_str(key), loader, o, &r);
    } else {
        mst_get_wait(cache, mst_str(key), o, &r);
    }
    int why = r.why;
    mst_result_release(&r);
    return why;
}

static double burst(long n, const mst_options *o)
{
    double longest = 0;
    for (long i = 0; i < n; i++) {
        double began = now_ms();
        ask("burst", o, NULL);
        double took = now_ms() - began;
        longest = took > longest ? took : longest;
    }
    return longest * 1e3;
}

static void print_figure(void *arg, const mst_metric *m)
{
    (void) arg;
    if (strncmp(m->name, "otlp_", 5) == 0) {
        printf("%s %llu\n", m->name, (unsigned long long) m->count);
    }
}

static void obey(const char *verb, const char *key, const char *traceparent)
{
    static const mst_loader loader = {.load = load};
    const mst_options o = {.traceparent = strcmp(traceparent, "-") == 0 ? NULL : traceparent};
    if (strcmp(verb, "get") == 0) {
        printf("%s\n", mst_why_name(ask(key, &o, NULL)));
    } else if (strcmp(verb, "load") == 0) {
        int why = ask(key, &o, &loader);
        printf("%s %s\n", mst_why_name(why), passed_on);
    } else if (strcmp(verb, "burst") == 0) {
        printf("%.0f\n", burst(strtol(key, NULL, 10), &o));
    } else {
        mst_metrics_walk(runtime, print_figure, NULL);
        printf("end\n");
    }
    fflush(stdout);
}

int main(int argc, char **argv)
{
    char line[300], verb[20], key[100], traceparent[100];
    mst_error error;
    const mst_open_options options = {.log = on_log};
    if (argc != 2 || mst_open_file(argv[1], &options, &runtime, &error)) {
        printf("failed %s\n", argc == 2 ? error.text : "usage: traced CONFIG");
        return 1;
    }
    cache = mst_cache_named(runtime, NULL);
    printf("ready\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        snprintf(key, sizeof key, "-");
        snprintf(traceparent, sizeof traceparent, "-");
        if (sscanf(line, "%19s %99s %99s", verb, key, traceparent) >= 1) {
            obey(verb, key, traceparent);
        }
    }
    double began = now_ms();
    mst_close_wait(runtime);
    printf("%.0f\n", now_ms() - began);
    return 0;
}
