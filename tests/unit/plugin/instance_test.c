/* The life of an instance: options, memory, log, errors, references. What needs a loop is in
 * services_test.c and calls_test.c. */
#include <criterion/criterion.h>
#include <string.h>

#include "plugin/instance.h"
#include "support.h"

typedef struct options {
    int64_t level;
    const char *name, *none;
} options;

/* What the plugin below does, and saw. */
static struct {
    mst_status init_status;
    const char *error;
    bool keep_memory;
    const mst_host *host;
    void *block;
    unsigned inits, finis;
    options seen;
} script;

static mst_status init(void *self, const mst_host *host)
{
    script.inits++;
    script.host = host;
    memcpy(&script.seen, self, sizeof script.seen);
    script.block = host->alloc(host, 100);
    if (script.error) {
        host->set_error(host, script.error);
    }
    return script.init_status;
}

static void fini(void *self)
{
    script.finis++;
    cr_assert_eq(((options *) self)->level, 7);
    if (!script.keep_memory) {
        script.host->free(script.host, script.block);
    }
}

static const mst_option table[] = {
    {"level", MST_OPT_INT, 0, offsetof(options, level), "1", NULL, NULL, NULL, "A number."},
    {"name", MST_OPT_STR, 0, offsetof(options, name), "x", NULL, NULL, NULL, "A text."},
    {"none", MST_OPT_STR, 0, offsetof(options, none), NULL, NULL, NULL, NULL, "No text."},
};

static const mst_plugin scripted = {
    .struct_size = sizeof scripted,
    .kind = MST_KIND_COMPRESSOR,
    .kind_version = 1,
    .instance_size = sizeof(options),
    .name = "scripted",
    .version = "1",
    .author = "memstache",
    .license = "MIT",
    .summary = "does as told",
    .options = table,
    .option_count = 3,
    .option_size = sizeof(mst_option),
    .init = init,
    .fini = fini,
};

static ts_memory memory;
static ts_lines lines;

static mst_status make(msi_instance **out, char *file, mst_error *error)
{
    const msi_plugin plugin = {.plugin = &scripted, .file = file};
    msi_log log = ts_log(&lines);
    char text[] = "a text";
    options bound = {7, text, NULL};
    mst_status status = msi_instance_new(out, &plugin, "compressor.mine", &bound, NULL,
                                         &memory.allocator, &log, error);
    memset(text, 'x', sizeof text - 1); /* the instance has its own */
    return status;
}

static void setup(void)
{
    memset(&script, 0, sizeof script);
    ts_memory_init(&memory);
}

TestSuite(instance, .init = setup);

Test(instance, options_and_host)
{
    msi_instance *i;
    mst_error error;
    cr_assert_eq(make(&i, NULL, &error), MST_OK);
    const options *self = i->self;
    cr_assert_eq((uintptr_t) i->self % 64, 0);
    cr_assert_eq(self->level, 7);
    cr_assert_str_eq(self->name, "a text");
    cr_assert_null(self->none);
    cr_assert_eq(script.host, &i->host);
    cr_assert_str_eq(script.host->instance, "compressor.mine");
    cr_assert_eq(script.host->struct_size, sizeof(mst_host));
    cr_assert_eq(script.host->abi_major, MST_ABI_MAJOR);
    cr_assert_eq(script.host->abi_minor, MST_ABI_MINOR);
    cr_assert_null(script.host->extension(script.host, "memstache.nothing/1"));
    cr_assert_gt(script.host->now_ms(script.host), 0);
    cr_assert_gt(script.host->wall_ms(script.host), UINT64_C(1600000000000));
    msi_instance_release(i);
    cr_assert_eq(script.finis, 1);
    cr_assert_eq(memory.live, 0);
    cr_assert_eq(lines.count, 0, "%s", lines.text);
}

/* Every entry of the table is there: nobody has to ask. */
Test(instance, table_is_complete)
{
    msi_instance *i;
    mst_error error;
    cr_assert_eq(make(&i, NULL, &error), MST_OK);
    void (*entries[(sizeof(mst_host) - offsetof(mst_host, alloc)) / sizeof(void (*)(void))])(void);
    memcpy(entries, (const char *) &i->host + offsetof(mst_host, alloc), sizeof entries);
    for (size_t n = 0; n < sizeof entries / sizeof entries[0]; n++) {
        cr_assert_not_null((void *) entries[n], "entry %zu", n);
    }
    msi_instance_release(i);
}

Test(instance, memory_is_counted)
{
    msi_instance *i;
    mst_error error;
    cr_assert_eq(make(&i, NULL, &error), MST_OK);
    const mst_host *h = script.host;
    cr_assert_eq(i->blocks, 1);
    cr_assert_eq(i->bytes, 100);
    char *p = h->realloc(h, NULL, 10);
    cr_assert_eq((uintptr_t) p % 16, 0);
    memset(p, 'a', 10);
    p = h->realloc(h, p, 5000);
    cr_assert_eq((uintptr_t) p % 16, 0);
    cr_assert_eq(p[9], 'a');
    cr_assert_eq(i->blocks, 2);
    cr_assert_eq(i->bytes, 5100);
    p = h->realloc(h, p, 1);
    cr_assert_eq(i->bytes, 101);
    memory.fail_at = memory.calls + 1;
    cr_assert_null(h->realloc(h, p, 100000));
    cr_assert_null(h->alloc(h, 1));
    memory.fail_at = 0;
    cr_assert_null(h->alloc(h, SIZE_MAX - 8));
    cr_assert_null(h->realloc(h, p, SIZE_MAX));
    cr_assert_eq(i->bytes, 101);
    h->free(h, p);
    h->free(h, NULL);
    cr_assert_eq(i->blocks, 1);
    cr_assert_eq(i->bytes, 100);
    msi_instance_release(i);
    cr_assert_eq(memory.live, 0);
}

/* At home, small blocks are kept; they grow and shrink like others, and are counted like others. */
Test(instance, small_blocks_are_kept)
{
    msi_instance *i;
    mst_error error;
    cr_assert_eq(make(&i, NULL, &error), MST_OK);
    const mst_host *h = script.host;
    msi_instance_keep_spares(i);
    char *p = h->alloc(h, 10);
    memset(p, 'a', 10);
    long calls = memory.calls;
    p = h->realloc(h, p, 256);
    cr_assert_eq(memory.calls, calls);
    memset(p, 'a', 256);
    p = h->realloc(h, p, 5000);
    cr_assert_eq((uintptr_t) p % 16, 0);
    cr_assert(p[0] == 'a' && p[255] == 'a');
    cr_assert_eq(i->bytes + i->home_bytes, 5100);
    p = h->realloc(h, p, 20);
    h->free(h, p); /* not a spare any more */
    cr_assert_eq(i->spares.count, 0);
    p = h->alloc(h, 256);
    cr_assert_eq((uintptr_t) p % 16, 0);
    memset(p, 'b', 256);
    h->free(h, p);
    cr_assert_eq(i->spares.count, MSI_SPARES_MAX ? 1 : 0);
    cr_assert_eq(i->blocks + i->home_blocks, 1);
    cr_assert_eq(i->bytes + i->home_bytes, 100);
    msi_instance_release(i);
    cr_assert_str_eq(lines.text, "");
    cr_assert_eq(memory.live, 0);
}

Test(instance, leak_is_reported_by_name)
{
    msi_instance *i;
    mst_error error;
    script.keep_memory = true;
    cr_assert_eq(make(&i, NULL, &error), MST_OK);
    const void *block = script.block;
    msi_instance_release(i);
    cr_assert_str_eq(lines.text, "1 [compressor.mine] compressor \"scripted\" did not give back 1 "
                                 "blocks of memory, 100 bytes\n");
    cr_assert_eq(memory.live, 1);
    memory.allocator.free(&memory, (char *) (uintptr_t) block - 16);
}

Test(instance, log_lines_begin_with_the_instance)
{
    msi_instance *i;
    mst_error error;
    cr_assert_eq(make(&i, NULL, &error), MST_OK);
    script.host->log(script.host, MST_LOG_WARN, "50% of it");
    script.host->log(script.host, 99, "odd level");
    cr_assert_str_eq(lines.text, "2 [compressor.mine] 50% of it\n4 [compressor.mine] odd level\n");
    msi_instance_release(i);
}

Test(instance, failed_init)
{
    msi_instance *i;
    mst_error error;
    char file[] = "/p/compressor_scripted.so";
    script.init_status = MST_EIO;
    script.error = "no dictionary: 100% gone";
    cr_assert_eq(make(&i, file, &error), MST_EPLUGIN);
    cr_assert_null(i);
    cr_assert_eq(error.status, MST_EPLUGIN);
    cr_assert_str_eq(error.text, "/p/compressor_scripted.so: compressor \"scripted\" "
                                 "[compressor.mine]: no dictionary: 100% gone");
    cr_assert_eq(script.finis, 1, "fini() follows a failed init()");
    cr_assert_eq(memory.live, 0);
    script.error = NULL;
    cr_assert_eq(make(&i, NULL, &error), MST_EPLUGIN);
    cr_assert_str_eq(error.text, "compressor \"scripted\" [compressor.mine]: init() failed without "
                                 "a reason: input or output failed (-4)");
    script.init_status = MST_ENOMEM;
    cr_assert_eq(make(&i, NULL, &error), MST_ENOMEM);
    script.init_status = MST_UNCHANGED; /* a remark is no failure */
    cr_assert_eq(make(&i, NULL, &error), MST_OK);
    msi_instance_release(i);
    cr_assert_eq(memory.live, 0);
}

Test(instance, memory_runs_out)
{
    mst_status status = MST_ENOMEM;
    for (long n = 1; status == MST_ENOMEM; n++) {
        msi_instance *i;
        mst_error error;
        char file[] = "/p/x.so";
        cr_assert_lt(n, 50);
        setup();
        memory.fail_at = n;
        status = make(&i, file, &error);
        cr_assert_eq(i != NULL, status == MST_OK);
        cr_assert(status == MST_OK || error.status == MST_ENOMEM);
        cr_assert_eq(script.inits == 0 ? 0 : 1, script.finis + (status == MST_OK));
        msi_instance_release(i);
        cr_assert_eq(memory.live, 0, "after request %ld", n);
    }
    cr_assert_eq(status, MST_OK);
}

/* What a plugin has lent keeps it alive; the last reference ends it. */
Test(instance, references)
{
    msi_instance *i;
    mst_error error;
    char file[] = "/p/x.so";
    cr_assert_eq(make(&i, file, &error), MST_OK);
    const mst_host *h = script.host;
    h->retain(h);
    msi_instance_retain(i);
    memset(file, 'x', sizeof file - 1);
    cr_assert_str_eq(i->plugin->file, "/p/x.so", "its own copy");
    msi_instance_release(i);
    h->release(h);
    cr_assert_eq(script.finis, 0);
    msi_instance_release(i);
    cr_assert_eq(script.finis, 1);
    cr_assert_eq(memory.live, 0);
}

static void fail_when_told(void *arg)
{
    (void) arg;
    cr_assert_fail("the core was called");
}

/* A provider that outlives the runtime has its policy until its fini() is over; it says nothing to
 * a log or to a core that may be gone. */
Test(instance, abandoned)
{
    msi_instance *provider, *policy;
    mst_error error;
    cr_assert_eq(make(&policy, NULL, &error), MST_OK);
    script.host->free(script.host, script.block);
    cr_assert_eq(make(&provider, NULL, &error), MST_OK);
    const mst_host *h = script.host;
    provider->policy = policy;
    msi_instance_retain(policy);
    provider->events.flushed = fail_when_told;
    h->retain(h);
    msi_instance_abandon(provider);
    msi_instance_abandon(policy);
    msi_instance_abandon(NULL);
    cr_assert_eq(script.finis, 0);
    h->flushed(h);
    h->log(h, MST_LOG_ERROR, "nobody hears this");
    cr_assert_eq(lines.count, 0, "%s", lines.text);
    script.keep_memory = true; /* there is one script for both */
    h->free(h, script.block);
    h->release(h);
    cr_assert_eq(script.finis, 2);
    cr_assert_eq(memory.live, 0);
}

Test(instance, services_of_a_loop_are_refused_without_one)
{
    msi_instance *i;
    mst_error error;
    mst_poll *poll = (mst_poll *) &error;
    mst_timer *timer = (mst_timer *) &error;
    cr_assert_eq(make(&i, NULL, &error), MST_OK);
    const mst_host *h = script.host;
    cr_assert_eq(h->poll_open(h, 0, NULL, NULL, &poll), MST_ENOTSUP);
    cr_assert_eq(h->timer_open(h, NULL, NULL, &timer), MST_ENOTSUP);
    cr_assert_null(poll);
    cr_assert_null(timer);
    cr_assert_eq(h->post(h, NULL, NULL), MST_ENOTSUP);
    cr_assert_eq(h->work(h, NULL, NULL, NULL), MST_ENOTSUP);
    cr_assert_eq(h->resolve(h, "localhost", NULL, NULL, NULL), MST_ENOTSUP);
    msi_instance_release(i);
}

static unsigned told[3];

static void invalidated(void *arg, const mst_slice *keys, size_t n)
{
    cr_assert_eq(arg, told);
    cr_assert_eq(keys[1].len, 2);
    told[0] += (unsigned) n;
}

static void flushed(void *arg)
{
    cr_assert_eq(arg, told);
    told[1]++;
}

static void stopped(void *arg)
{
    cr_assert_eq(arg, told);
    told[2]++;
}

static mst_op *finished;

static void op_done(mst_op *op, mst_status status)
{
    finished = op;
    op->status = status;
}

Test(instance, events_and_ops_go_to_the_core)
{
    msi_instance *i;
    mst_error error;
    const mst_slice keys[] = {{"a", 1}, {"bc", 2}};
    const msi_op_hooks hooks = {op_done, op_done};
    mst_op op = {.status = MST_PENDING};
    cr_assert_eq(make(&i, NULL, &error), MST_OK);
    const mst_host *h = script.host;
    h->flushed(h); /* before there is anybody to tell */
    h->stopped(h);
    h->invalidated(h, keys, 2);
    h->op_done(&op, MST_OK);
    cr_assert_eq(op.status, MST_PENDING);
    i->events = (msi_events){invalidated, flushed, stopped, told};
    msi_host_set_op_hooks(i, &hooks);
    h->invalidated(h, keys, 2);
    h->flushed(h);
    h->stopped(h);
    cr_assert(told[0] == 2 && told[1] == 1 && told[2] == 1);
    h->op_done(&op, MST_MISS);
    cr_assert(finished == &op && op.status == MST_MISS);
    h->op_done_mt(&op, MST_OK);
    cr_assert_eq(op.status, MST_OK);
    msi_instance_release(i);
}
