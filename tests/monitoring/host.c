/* host.c CONFIG - a host program under load, for the tests that look at it from outside.
 *
 * Its threads get, load, set and remove keys of a skewed choice. It prints where its metrics are;
 * after a line on standard input the load ends, and the counters are printed: "name value" lines,
 * then "end". It closes at the end of standard input. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <memstache/memstache.h>

enum { THREADS = 3, KEYS = 3000 };

static _Atomic int stop;
static mst_cache *cache;
static mst_meter *orders, *prices, *queue;

static void on_log(void *arg, int level, const char *text)
{
    (void) arg, (void) level;
    printf("log %s\n", text);
    fflush(stdout);
}

/* Every tenth key does not exist, every eleventh cannot be loaded. */
static void load(void *arg, mst_load *l)
{
    (void) arg;
    char text[200];
    mst_slice key = mst_load_key(l);
    long number =
        strtol((const char *) key.data + 1, NULL, 10); /* the key ends in a zero: see key_of() */
    if (number % 10 == 0) {
        mst_load_absent(l);
    } else if (number % 11 == 0) {
        mst_load_fail(l, MST_EIO);
    } else {
        memset(text, 'v', sizeof text);
        mst_input in = {.data = text, .len = sizeof text};
        mst_load_bytes(l, &in);
    }
}

static mst_slice key_of(unsigned *seed, char *text, size_t size)
{
    unsigned a = (unsigned) rand_r(seed) % KEYS, b = (unsigned) rand_r(seed) % KEYS;
    int len = snprintf(text, size, "k%u", a < b ? a : b);
    return (mst_slice){text, (size_t) len + 1};
}

static void *work(void *arg)
{
    unsigned seed = (unsigned) (uintptr_t) arg;
    const mst_loader loader = {.load = load};
    while (!atomic_load(&stop)) {
        char text[20];
        mst_result r = {0};
        mst_slice key = key_of(&seed, text, sizeof text);
        mst_input in = {.data = text, .len = sizeof text};
        switch (rand_r(&seed) % 8) {
        case 0:
            mst_set_wait(cache, key, &in, NULL, &r);
            break;
        case 1:
            mst_remove_wait(cache, key, NULL, &r);
            break;
        case 2:
            mst_exists_wait(cache, key, NULL, &r);
            break;
        case 3:
            mst_get_wait(cache, key, NULL, &r);
            break;
        default:
            mst_get_or_load_wait(cache, key, &loader, NULL, &r);
            break;
        }
        mst_result_release(&r);
        mst_meter_add(orders, 1);
        mst_meter_record(prices, (uint64_t) (rand_r(&seed) % 1000));
        mst_meter_set(queue, rand_r(&seed) % 5 - 0.5);
    }
    return NULL;
}

static mst_meter *meter(mst_runtime *rt, uint32_t kind, const char *name, const char *unit)
{
    mst_meter *m = NULL;
    mst_error error = {0};
    const mst_label labels[] = {{"city", "Z\xc3\xbcrich \"old\\town\"\n"}};
    const mst_meter_options o = {.struct_size = sizeof o,
                                 .kind = kind,
                                 .name = name,
                                 .unit = unit,
                                 .help = "Of the test; \\ and\nan end of line.",
                                 .labels = labels,
                                 .label_count = 1};
    if (mst_meter_new(rt, &o, &m, &error)) {
        printf("log %s\n", error.text);
    }
    return m;
}

static void print_stats(void)
{
    mst_stats s;
    mst_cache_stats(cache, &s);
#define PRINT(name, text) printf("%s %llu\n", #name, (unsigned long long) s.name);
    MST_COUNTER_MAP(PRINT)
#undef PRINT
    printf("end\n");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    mst_runtime *rt;
    mst_error error;
    pthread_t threads[THREADS];
    const mst_open_options options = {.log = on_log};
    char line[16];
    if (argc != 2 || mst_open_file(argv[1], &options, &rt, &error)) {
        printf("failed %s\n", argc == 2 ? error.text : "usage: host CONFIG");
        return 1;
    }
    cache = mst_cache_named(rt, NULL);
    orders = meter(rt, MST_METRIC_COUNTER, "test_orders", "");
    prices = meter(rt, MST_METRIC_HISTOGRAM, "test_price_cents", "cents");
    queue = meter(rt, MST_METRIC_GAUGE, "test_queue_length", "");
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, work, (void *) (uintptr_t) (i + 1));
    }
    const char *asked = fgets(line, sizeof line, stdin);
    atomic_store(&stop, 1);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    print_stats();
    while (asked && fgets(line, sizeof line, stdin)) {
    }
    mst_close_wait(rt);
    return 0;
}
