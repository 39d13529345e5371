/* failures.c - makes each thing go wrong that sdk/docs/failure-modes.md lists, and prints what the
 * caller sees as rows of its table. failures.py compares them with the page.
 *
 * The tier that fails is a provider of this program: it fails, keeps silent, or answers nonsense.
 */
#include <memstache/memstache.h>
#include <memstache/provider.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- the provider */

enum { EMPTY, FAILS, SILENT, NONSENSE };
static _Atomic int mood;

enum { KEPT_MAX = 16 };
typedef struct bad {
    const mst_host *host;
    mst_op *kept[KEPT_MAX];
    size_t count;
} bad;

static mst_status bad_init(void *self, const mst_host *host)
{
    ((bad *) self)->host = host;
    return MST_OK;
}

static void bad_submit(void *self, mst_op *const *ops, size_t n)
{
    bad *b = self;
    for (size_t i = 0; i < n; i++) {
        if (mood == SILENT && b->count < KEPT_MAX) {
            ops[i]->status = MST_PENDING;
            b->kept[b->count++] = ops[i];
        } else if (mood == NONSENSE && ops[i]->code == MST_OP_GET) {
            ops[i]->out = (mst_value){.data = "not an envelope", .len = 15};
            ops[i]->status = MST_OK;
        } else {
            ops[i]->status = mood == FAILS                  ? MST_EIO
                             : ops[i]->code == MST_OP_SET   ? MST_OK
                             : ops[i]->code == MST_OP_CLEAR ? MST_OK
                                                            : MST_MISS;
        }
    }
}

static void bad_stop(void *self)
{
    bad *b = self;
    while (b->count > 0) {
        b->host->op_done(b->kept[--b->count], MST_ECLOSED);
    }
    b->host->stopped(b->host);
}

static const mst_provider_ops bad_ops = {
    .struct_size = sizeof bad_ops,
    .op_codes = 1u << MST_OP_GET | 1u << MST_OP_SET | 1u << MST_OP_DEL | 1u << MST_OP_EXISTS |
                1u << MST_OP_TOUCH | 1u << MST_OP_CLEAR,
    .submit = bad_submit,
    .stop = bad_stop,
};

static const mst_plugin bad_plugin = {.struct_size = sizeof bad_plugin,
                                      .kind = MST_KIND_PROVIDER,
                                      .kind_version = MST_PROVIDER_VERSION,
                                      .instance_size = sizeof(bad),
                                      .name = "bad",
                                      .version = "1",
                                      .author = "memstache",
                                      .license = "MIT",
                                      .summary = "Goes wrong",
                                      .init = bad_init,
                                      .ops = &bad_ops};

static const mst_plugin *const bad_list[] = {&bad_plugin};
static const mst_module bad_module = {
    MST_MODULE_MAGIC, sizeof bad_module, MST_ABI_MAJOR, MST_ABI_MINOR, 0, 1, bad_list};

/* ---- one runtime per scene */

typedef struct scene {
    mst_runtime *runtime;
    mst_cache *cache;
    mst_stats before;
} scene;

static pthread_mutex_t log_mutex = PTHREAD_MUTEX_INITIALIZER;
static char logged[1024];

static void on_log(void *arg, int level, const char *text)
{
    pthread_mutex_lock(&log_mutex);
    snprintf(logged, sizeof logged, "%s", text);
    pthread_mutex_unlock(&log_mutex);
}

static void give_up(const char *text)
{
    fprintf(stderr, "failures: %s\n", text);
    exit(1);
}

static _Atomic int memory_is_out;

static void *test_alloc(void *ctx, size_t size)
{
    return memory_is_out ? NULL : malloc(size);
}

static void *test_realloc(void *ctx, void *p, size_t size)
{
    return memory_is_out ? NULL : realloc(p, size);
}

static void test_free(void *ctx, void *p)
{
    free(p);
}

/* `settings`: "section key value" in threes, ended by a NULL. */
static scene open_scene(const char *const *settings)
{
    static const mst_allocator allocator = {test_alloc, test_realloc, test_free, NULL};
    scene s = {0};
    mst_error error;
    mst_open_options options = {.log = on_log};
    mst_config *config = mst_config_new(&allocator);
    mst_config_add_module(config, &bad_module);
    for (; settings[0]; settings += 3) {
        mst_config_set(config, settings[0], settings[1], settings[2]);
    }
    if (mst_open(config, &options, &s.runtime, &error) != MST_OK) {
        give_up(error.text);
    }
    mst_config_free(config);
    s.cache = mst_cache_named(s.runtime, NULL);
    mst_cache_stats(s.cache, &s.before);
    mood = EMPTY;
    logged[0] = '\0';
    return s;
}

static void print_counters(scene *s)
{
    mst_stats now;
    const char *separator = "";
    mst_cache_stats(s->cache, &now);
#define PRINT(name, text)                                                                          \
    if (now.name != s->before.name && strcmp(#name, "started") && strcmp(#name, "completed") &&    \
        strcmp(#name, "pending")) {                                                                \
        printf("%s`%s` %llu", separator, #name, (unsigned long long) (now.name - s->before.name)); \
        separator = ", ";                                                                          \
    }
    MST_COUNTER_MAP(PRINT)
#undef PRINT
    s->before = now;
}

/* One row: what went wrong, in which call, what its caller got, what was counted and logged. */
static void row(scene *s, const char *what, const char *call, mst_result *r)
{
    printf("| %s | `%s` | `%s` | `%s` | ", what, call, mst_status_name(r->status),
           mst_why_name(r->why));
    print_counters(s);
    pthread_mutex_lock(&log_mutex);
    printf(" | %s |\n", logged[0] ? logged : "");
    logged[0] = '\0';
    pthread_mutex_unlock(&log_mutex);
    mst_result_release(r);
}

/* ---- loaders */

static void load_value(void *arg, mst_load *load)
{
    mst_load_bytes(load, &(mst_input){.data = "made", .len = 4});
}

static void load_large(void *arg, mst_load *load)
{
    static const char large[2000];
    mst_load_bytes(load, &(mst_input){.data = large, .len = sizeof large});
}

static void load_nothing(void *arg, mst_load *load)
{
    mst_load_absent(load);
}

static void load_failure(void *arg, mst_load *load)
{
    mst_load_fail(load, MST_ELOAD);
}

static mst_load *late; /* ended by whoever waits for it */

static void load_late(void *arg, mst_load *load)
{
    late = load;
}

/* ---- scenes */

static const mst_input value = {.data = "value", .len = 5};

static bool nap(void)
{
    const struct timespec ms = {.tv_nsec = 1000000};
    nanosleep(&ms, NULL);
    return true;
}

static void get(scene *s, const char *what, const char *key, const mst_options *o)
{
    mst_result r;
    mst_get_wait(s->cache, mst_str(key), o, &r);
    row(s, what, "get", &r);
}

static void set(scene *s, const char *what, const char *key, const mst_input *in,
                const mst_options *o)
{
    mst_result r;
    mst_set_wait(s->cache, mst_str(key), in, o, &r);
    row(s, what, "set", &r);
}

/* What a loader made goes into the tiers after its waiters have been told: `errors` of them are to
 * be counted first. */
static void load(scene *s, const char *what, mst_load_fn fn, const mst_options *o, uint64_t errors)
{
    mst_result r;
    mst_stats now;
    mst_loader loader = {.load = fn};
    mst_get_or_load_wait(s->cache, mst_str("load"), &loader, o, &r);
    do {
        mst_cache_stats(s->cache, &now);
    } while (now.tier_errors < s->before.tier_errors + errors && nap());
    row(s, what, "get_or_load", &r);
}

static void far_tier(void)
{
    static const char *const settings[] = {"cache",   "tiers", "memory, bad", "provider.bad",
                                           "timeout", "100ms", NULL};
    scene s = open_scene(settings);
    mst_result r;
    mood = FAILS;
    get(&s, "The far tier fails", "a", NULL);
    load(&s, "The far tier fails", load_value, NULL, 2);
    set(&s, "The far tier fails", "c", &value, NULL);
    mst_remove_wait(s.cache, mst_str("c"), NULL, &r);
    row(&s, "The far tier fails", "remove", &r);
    mst_exists_wait(s.cache, mst_str("d"), NULL, &r);
    row(&s, "The far tier fails", "exists", &r);
    mst_clear_wait(s.cache, NULL, &r);
    row(&s, "The far tier fails", "clear", &r);
    mst_close_wait(s.runtime);

    s = open_scene(settings);
    mood = SILENT;
    get(&s, "The far tier is slower than its `timeout`", "a", NULL);
    load(&s, "The far tier is slower than its `timeout`", load_value, NULL, 2);
    mst_close_wait(s.runtime);

    s = open_scene(settings);
    mood = NONSENSE;
    get(&s, "The far tier has bytes that are no envelope", "a", NULL);
    load(&s, "The far tier has bytes that are no envelope", load_value, NULL, 0);
    mst_close_wait(s.runtime);
}

static void only_tier(void)
{
    static const char *const settings[] = {"cache", "tiers", "bad", NULL};
    scene s = open_scene(settings);
    mst_options soon = {.timeout_ms = 50};
    mood = FAILS;
    set(&s, "The only tier fails", "a", &value, NULL);
    mst_close_wait(s.runtime);

    s = open_scene(settings);
    mood = SILENT;
    get(&s, "The deadline of the request passes", "a", &soon);
    set(&s, "The deadline of the request passes", "b", &value, &soon);
    mst_close_wait(s.runtime);
}

static void loaders(void)
{
    static const char *const settings[] = {"cache", "max_value_bytes", "1KB", NULL};
    scene s = open_scene(settings);
    mst_options soon = {.timeout_ms = 50};
    load(&s, "The loader fails", load_failure, NULL, 0);
    load(&s, "The loader says that there is no such thing", load_nothing, NULL, 0);
    load(&s, "The loader is slower than the request's deadline", load_late, &soon, 0);
    mst_load_absent(late);
    load(&s, "The loader makes more than `max_value_bytes`", load_large, NULL, 0);
    get(&s, "... and the next one asks for it", "load", NULL);
    mst_close_wait(s.runtime);
}

/* The serializer "raw" takes slices as objects, whatever the type. */
static void other_schema(void)
{
    static const char *const settings[] = {NULL};
    static const mst_type old = {"thing", "descriptor", 1}, new = {"thing", "descriptor", 2};
    static const mst_slice thing = {"thing", 5};
    const mst_options as_old = {.type = &old}, as_new = {.type = &new};
    const mst_input input = {.object = &thing};
    scene s = open_scene(settings);
    mst_result r;
    mst_set_wait(s.cache, mst_str("a"), &input, &as_old, &r);
    mst_cache_stats(s.cache, &s.before);
    get(&s, "A value that was stored under another `schema_id`", "a", &as_new);
    mst_close_wait(s.runtime);
}

static void too_large(void)
{
    static const char *const settings[] = {"cache",     "max_value_bytes", "1MB", "provider.memory",
                                           "max_bytes", "64KiB",           NULL};
    static const char large[2000000];
    const mst_input huge = {.data = large, .len = sizeof large};
    const mst_input larger = {.data = large, .len = 100000};
    scene s = open_scene(settings);
    set(&s, "A value larger than `max_value_bytes`", "a", &huge, NULL);
    set(&s, "A value larger than the memory tier", "b", &larger, NULL);
    mst_close_wait(s.runtime);
}

static void full(void)
{
    static const char *const settings[] = {
        "provider.memory", "max_entries", "1", "provider.memory", "shards", "1", "provider.memory",
        "eviction",        "none",        NULL};
    const mst_options absent = {.flags = MST_F_IF_ABSENT};
    scene s = open_scene(settings);
    mst_result r;
    mst_set_wait(s.cache, mst_str("a"), &value, NULL, &r);
    mst_cache_stats(s.cache, &s.before);
    set(&s, "The memory tier is full, and `eviction = none`", "b", &value, NULL);
    set(&s, "`MST_F_IF_ABSENT`, and the key is there", "a", &value, &absent);
    mst_close_wait(s.runtime);
}

static void out_of_memory(void)
{
    static const char *const settings[] = {
        "provider.memory", "max_bytes", "16MiB", "provider.memory", "shards", "1", NULL};
    static const char large[5000]; /* small and very large ones take nothing from the allocator */
    const mst_input input = {.data = large, .len = sizeof large};
    scene s = open_scene(settings);
    mst_result r = {0};
    mst_loader loader = {.load = load_value};
    memory_is_out = 1;
    mst_set(s.cache, mst_str("a"), &input, NULL, &r, NULL, NULL);
    row(&s, "No memory for the value", "set", &r);
    mst_get_or_load(s.cache, mst_str("a"), &loader, NULL, &r, NULL, NULL);
    row(&s, "No memory for the request", "get_or_load", &r);
    memory_is_out = 0;
    mst_close_wait(s.runtime);
}

typedef struct answer {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool there;
    mst_result result;
    mst_cache *cache; /* asked from inside done(); may be NULL */
    mst_result inside, waiting;
} answer;

static void on_answer(void *arg, mst_result *result)
{
    answer *a = arg;
    if (a->cache) {
        mst_get(a->cache, mst_str("x"), NULL, &a->inside, NULL, NULL);
        mst_get_wait(a->cache, mst_str("x"), NULL, &a->waiting);
    }
    pthread_mutex_lock(&a->mutex);
    a->result = mst_result_take(result);
    a->there = true;
    pthread_cond_signal(&a->cond);
    pthread_mutex_unlock(&a->mutex);
}

static void wait_for(answer *a)
{
    pthread_mutex_lock(&a->mutex);
    while (!a->there) {
        pthread_cond_wait(&a->cond, &a->mutex);
    }
    pthread_mutex_unlock(&a->mutex);
}

static answer answer_new(void)
{
    return (answer){.mutex = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};
}

static void crowded(void)
{
    static const char *const settings[] = {
        "cache",       "tiers", "bad",          "cache",   "timeout", "never", "cache",
        "max_pending", "1",     "provider.bad", "timeout", "100ms",   NULL};
    scene s = open_scene(settings);
    answer a = answer_new();
    mst_result r = {0};
    mst_request *request = NULL;
    const mst_options handle = {.request = &request};
    mood = SILENT;
    mst_get(s.cache, mst_str("a"), &handle, NULL, on_answer, &a);
    mst_get(s.cache, mst_str("b"), NULL, &r, NULL, NULL);
    row(&s, "More than `max_pending` requests wait", "get", &r);
    mst_cancel(request);
    mst_request_release(request);
    wait_for(&a);
    row(&s, "`mst_cancel()`", "get", &a.result);
    mst_close_wait(s.runtime);
}

static void on_closed(void *arg)
{
    on_answer(arg, &(mst_result){.status = MST_OK});
}

/* What is pending when the runtime closes is still answered; what is asked then is refused. */
static void closing(void)
{
    static const char *const settings[] = {"cache",   "tiers", "bad", "provider.bad",
                                           "timeout", "100ms", NULL};
    scene s = open_scene(settings);
    answer a = answer_new(), closed = answer_new();
    mood = SILENT;
    a.cache = s.cache;
    mst_get(s.cache, mst_str("a"), NULL, NULL, on_answer, &a);
    mst_close(s.runtime, on_closed, &closed);
    wait_for(&closed);
    printf("| A request that waits when the runtime closes | `get` | `%s` | `%s` | | |\n",
           mst_status_name(a.result.status), mst_why_name(a.result.why));
    printf("| A call while the runtime closes | `get` | `%s` | `%s` | | |\n",
           mst_status_name(a.inside.status), mst_why_name(a.inside.why));
    printf("| A blocking call on a loop thread | `get_wait` | `%s` | `%s` | | |\n",
           mst_status_name(a.waiting.status), mst_why_name(a.waiting.why));
}

static void arguments(void)
{
    static const char *const settings[] = {NULL};
    static const char *const tags[] = {"t"};
    const mst_options tagged = {.entry = {.tags = tags, .tag_count = 1}};
    const mst_options both = {.flags = MST_F_IF_ABSENT | MST_F_IF_PRESENT};
    scene s = open_scene(settings);
    get(&s, "A key without a byte", "", NULL);
    set(&s, "Tags, which are reserved", "a", &value, &tagged);
    set(&s, "Both conditions at once", "a", &value, &both);
    mst_close_wait(s.runtime);
}

int main(void)
{
    far_tier();
    only_tier();
    loaders();
    other_schema();
    too_large();
    full();
    out_of_memory();
    crowded();
    closing();
    arguments();
    return 0;
}
