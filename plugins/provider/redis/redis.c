/* redis.c - the provider "redis": a far tier on a Redis server, over TCP or a unix socket.
 *
 * hiredis parses the replies; everything else is ours, on the services of the host, because a cache
 * needs what its connections do not offer: bounds, deadlines of single requests, names that are
 * resolved without blocking, and large values that are not copied. One instance, and one
 * connection, per loop. */
#include "redis.h"

#define OPTION(n, t, f, ...)                                                                       \
    {                                                                                              \
        .name = (n), .type = (t), .offset = offsetof(redis, f), __VA_ARGS__                        \
    }

static const mst_option options[] = {
    OPTION("url", MST_OPT_STR, url_text, .flags = MST_OPTF_SECRET, .def = "redis://localhost:6379",
           .help = "Where the server is: redis://[user:password@]host[:port][/database] or "
                   "unix:///path[?db=number]."),
    OPTION("username", MST_OPT_STR, username, .help = "The ACL user; replaces the one in the url."),
    OPTION("password", MST_OPT_STR, password, .flags = MST_OPTF_SECRET,
           .help = "The password; replaces the one in the url."),
    OPTION("database", MST_OPT_INT, database, .def = "-1", .min = "-1", .max = "1000000",
           .help = "The number of the database; -1: the one in the url, or 0."),
    OPTION("client_name", MST_OPT_STR, client_name, .def = "memstache",
           .help = "What CLIENT LIST shows for the connections; empty: nothing."),
    OPTION("connect_timeout", MST_OPT_MS, connect_timeout_ms, .def = "1s", .min = "1ms",
           .max = "1h", .help = "An attempt to connect, from the name to the first answer."),
    OPTION("stall_timeout", MST_OPT_MS, stall_timeout_ms, .def = "5s", .min = "10ms", .max = "1h",
           .help = "A server that owes an answer and sends nothing for so long is given up."),
    OPTION("backoff_max", MST_OPT_MS, backoff_max_ms, .def = "2s", .min = "10ms", .max = "1h",
           .help = "The longest pause between two attempts to connect."),
    OPTION("max_inflight", MST_OPT_INT, max_inflight, .def = "100000", .min = "1",
           .max = "10000000", .help = "Operations that may wait for the server, per loop."),
    OPTION("max_inflight_bytes", MST_OPT_SIZE, max_inflight_bytes, .def = "256MiB", .min = "1KiB",
           .help = "Their keys and values in bytes."),
    OPTION("max_reply_bytes", MST_OPT_SIZE, max_reply_bytes, .def = "128MiB", .min = "1KiB",
           .max = "512MiB", .help = "The largest value that is read."),
};

static mst_status init(void *self, const mst_host *host)
{
    redis *r = self;
    const char *why = NULL;
    r->host = host;
    r->fd = -1;
    red_out_init(&r->out, host);
    mst_status status = red_url_parse(&r->url, host, r->url_text, &why);
    if (status) {
        host->set_error(host, why ? why : "out of memory");
    }
    return status;
}

static void fini(void *self)
{
    redis *r = self;
    red_out_fini(&r->out);
    red_url_fini(&r->url, r->host);
    r->host->free(r->host, r->slots);
    r->host->free(r->host, r->in);
}

static mst_status start(void *self, const mst_provider_env *env)
{
    redis *r = self;
    (void) env;
    mst_status status = red_link_open(r);
    if (status) {
        r->host->set_error(r->host, "no memory for a connection");
        return status;
    }
    red_link_connect(r);
    return MST_OK;
}

static void submit(void *self, mst_op *const *ops, size_t n)
{
    red_submit(self, ops, n);
}

static void cancel(void *self, mst_op *op)
{
    red_cancel(self, op);
}

static void stop(void *self)
{
    red_link_stop(self);
}

/* connections  made so far; reconnects: those after the first
 * commands     written
 * inflight     operations that wait for the server now
 * errors       operations that failed */
static void stats(void *self, void (*emit)(void *arg, const char *name, uint64_t value), void *arg)
{
    redis *r = self;
#define EMIT(name) emit(arg, #name, atomic_load_explicit(&r->counters.name, memory_order_relaxed))
    EMIT(connections);
    EMIT(reconnects);
    EMIT(commands);
    EMIT(inflight);
    EMIT(errors);
#undef EMIT
}

static const mst_provider_ops ops = {
    .struct_size = sizeof ops,
    .caps = MST_CAP_TTL,
    .op_codes = 1u << MST_OP_GET | 1u << MST_OP_SET | 1u << MST_OP_DEL | 1u << MST_OP_EXISTS |
                1u << MST_OP_TOUCH | 1u << MST_OP_CLEAR,
    .op_priv_size = sizeof(red_item),
    .start = start,
    .submit = submit,
    .cancel = cancel,
    .stop = stop,
    .stats = stats,
};

static const mst_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = MST_KIND_PROVIDER,
    .kind_version = MST_PROVIDER_VERSION,
    .instance_size = sizeof(redis),
    .name = "redis",
    .version = "0.1.0",
    .author = "memstache",
    .license = "MIT",
    .summary = "A Redis server, over TCP or a unix socket, with automatic batches",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .option_size = sizeof options[0],
    .init = init,
    .fini = fini,
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
