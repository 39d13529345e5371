/* redis.c - the provider "redis": a far tier on a Redis server, a Redis Cluster, or a master that
 * sentinels watch over.
 *
 * hiredis parses the replies; everything else is ours, on the services of the host, because a cache
 * needs what its connections do not offer: bounds, deadlines of single requests, names that are
 * resolved without blocking, retries that keep the order, and large values that are not copied. One
 * instance per loop. */
#include "redis.h"

#include <string.h>

#include "discover.h"
#include "order.h"
#include "probe.h"

#define OPTION(n, t, f, ...)                                                                       \
    {                                                                                              \
        .name = (n), .type = (t), .offset = offsetof(redis, o.f), __VA_ARGS__                      \
    }

static const mst_option options[] = {
    OPTION("url", MST_OPT_STR, url, .flags = MST_OPTF_SECRET, .def = "redis://localhost:6379",
           .help =
               "Where the servers are: redis://[user:password@]host[:port][,host...][/database], "
               "rediss:// for TLS, or unix:///path[?db=number]."),
    OPTION("mode", MST_OPT_ENUM, mode, .def = "standalone",
           .choices = "standalone|cluster|sentinel",
           .help = "What answers there: a server, nodes of a Redis Cluster, or sentinels."),
    OPTION("master", MST_OPT_STR, master, .def = "mymaster",
           .help = "The name under which the sentinels know the master."),
    OPTION("username", MST_OPT_STR, username, .help = "The ACL user; replaces the one in the url."),
    OPTION("password", MST_OPT_STR, password, .flags = MST_OPTF_SECRET,
           .help = "The password, asked for at each connect; replaces the one in the url."),
    OPTION("sentinel_username", MST_OPT_STR, sentinel_username,
           .help = "The ACL user for the sentinels."),
    OPTION("sentinel_password", MST_OPT_STR, sentinel_password, .flags = MST_OPTF_SECRET,
           .help = "The password for the sentinels."),
    OPTION("database", MST_OPT_INT, database, .def = "-1", .min = "-1", .max = "1000000",
           .help = "The number of the database; -1: the one in the url, or 0."),
    OPTION("client_name", MST_OPT_STR, client_name, .def = "memstache",
           .help = "What CLIENT LIST shows for the connections; empty: nothing."),
    OPTION("connections", MST_OPT_INT, connections, .def = "1", .min = "1", .max = "64",
           .help = "Connections to each server, per loop; large values have one more."),
    OPTION("read_from", MST_OPT_ENUM, read_from, .def = "master", .choices = "master|replica|any",
           .help = "Which nodes of a cluster are read from; replicas may be behind."),
    OPTION("connect_timeout", MST_OPT_MS, connect_timeout_ms, .def = "1s", .min = "1ms",
           .max = "1h", .help = "An attempt to connect, from the name to the first answer."),
    OPTION("connect_retry", MST_OPT_INT, connect_retry, .def = "3", .min = "0", .max = "1000",
           .help = "Failed attempts during which operations still wait for the connection; later "
                   "ones fail at once until it is there."),
    OPTION("backoff_max", MST_OPT_MS, backoff_max_ms, .def = "2s", .min = "10ms", .max = "1h",
           .help = "The longest pause between two attempts to connect."),
    OPTION("abort_on_connect_fail", MST_OPT_BOOL, abort_on_connect_fail, .def = "no",
           .help = "Opening fails when no server can be reached; it waits for connect_timeout."),
    OPTION("stall_timeout", MST_OPT_MS, stall_timeout_ms, .def = "5s", .min = "10ms", .max = "1h",
           .help = "A server that owes an answer and sends nothing for so long is given up."),
    OPTION("hedge_after", MST_OPT_MS, hedge_after_ms, .def = "10ms", .min = "1ms",
           .help =
               "When a server owes an answer for so long, and for eight times as long as usual, "
               "reads are asked again over another connection, and what follows takes that one."),
    OPTION("idle_timeout", MST_OPT_MS, idle_timeout_ms, .def = "never", .min = "10ms",
           .help = "A connection that was not used for so long is closed, until it is needed."),
    OPTION("keep_alive", MST_OPT_MS, keep_alive_ms, .def = "30s", .min = "10ms",
           .help = "A server that was not heard of for so long is asked whether it is there."),
    OPTION("retry_budget", MST_OPT_PERCENT, retry_budget, .def = "10%", .min = "0", .max = "100%",
           .help =
               "Operations that may be tried again after a lost connection, as a share of all."),
    OPTION("max_inflight", MST_OPT_INT, max_inflight, .def = "100000", .min = "1",
           .max = "10000000", .help = "Operations that may wait for a connection."),
    OPTION("max_inflight_bytes", MST_OPT_SIZE, max_inflight_bytes, .def = "256MiB", .min = "1KiB",
           .help = "Their memory: keys, values and some 2 KB for each."),
    OPTION("max_value_bytes", MST_OPT_SIZE, max_value_bytes, .def = "128MiB", .min = "1KiB",
           .max = "512MiB", .help = "The largest value that is sent or read."),
    OPTION("large_value", MST_OPT_SIZE, large_value, .def = "64KiB",
           .help = "Values from this size have a connection of their own; 0: none has."),
    OPTION("tls_ca_file", MST_OPT_STR, tls.ca_file,
           .help = "Certificates of the authorities to trust; else those of the system."),
    OPTION("tls_ca_dir", MST_OPT_STR, tls.ca_dir, .help = "A folder of them, hashed by OpenSSL."),
    OPTION("tls_cert_file", MST_OPT_STR, tls.cert_file,
           .help = "The own certificate, for servers that ask for one."),
    OPTION("tls_key_file", MST_OPT_STR, tls.key_file,
           .help = "Its key; without it, the key is in tls_cert_file."),
    OPTION("tls_verify", MST_OPT_ENUM, tls.verify, .def = "full", .choices = "full|ca|none",
           .help = "What is checked of the server's certificate: authority and name, authority "
                   "only, or nothing."),
    OPTION("tls_server_name", MST_OPT_STR, tls.server_name,
           .help = "The name that the certificate must be for; else the host in the url."),
};

static mst_status refuse(redis *r, const char *why)
{
    r->host->set_error(r->host, why);
    return MST_EINVAL;
}

static mst_status check(redis *r)
{
    bool is_unix = !r->url.place[0].port, cluster = r->o.mode == RED_CLUSTER;
    if (r->o.mode == RED_STANDALONE && r->url.places > 1) {
        return refuse(r, "url: several hosts need mode = cluster or sentinel");
    }
    if (is_unix && r->o.mode != RED_STANDALONE) {
        return refuse(r, "url: a unix socket needs mode = standalone");
    }
    if (cluster && (r->o.database > 0 || r->url.database > 0)) {
        return refuse(r, "database: a cluster has database 0 only");
    }
    if (!cluster && r->o.read_from != RED_MASTER) {
        return refuse(r, "read_from: replicas are read from with mode = cluster only");
    }
    return MST_OK;
}

static mst_status init(void *self, const mst_host *host)
{
    redis *r = self;
    const char *why = NULL;
    r->host = host;
    mst_status status =
        red_url_parse(&r->url, host, r->o.url, r->o.mode == RED_SENTINEL ? "26379" : "6379", &why);
    if (status) {
        host->set_error(host, why ? why : "out of memory");
        return status;
    }
    red_reply_functions(&r->functions);
    return check(r);
}

static void fini(void *self)
{
    redis *r = self;
    red_nodes_fini(r);
    red_discover_fini(r);
    red_order_fini(r);
    red_tls_context_free(r->tls);
    red_url_fini(&r->url, r->host);
    r->host->free(r->host, r->in);
}

uint64_t red_random(redis *r, uint64_t n)
{
    r->random = r->random * 6364136223846793005u + 1442695040888963407u;
    return (r->random >> 33) % n;
}

const char *red_secret(redis *r, const char *option, const char *text, char *buffer, size_t size)
{
    const mst_host *host = r->host;
    return host->secret(host, option, buffer, size) == MST_OK ? buffer : text;
}

static mst_status make_seeds(redis *r)
{
    for (size_t i = 0; i < r->url.places; i++) {
        red_node *n =
            red_node_at(r, r->url.place[i].host, r->url.place[i].port, r->o.mode == RED_SENTINEL);
        if (!n || !red_node_conn(n, RED_MAIN)) {
            return MST_ENOMEM;
        }
        n->seed = true;
    }
    r->home = r->o.mode == RED_STANDALONE ? r->nodes : NULL;
    return MST_OK;
}

static mst_status prepare(redis *r)
{
    char why[RED_TLS_WHY];
    r->random = r->host->now_ns(r->host) | 1;
    r->in = r->host->alloc(r->host, RED_IN_BYTES);
    if (r->url.tls && !(r->tls = red_tls_context_new(r->host, &r->o.tls, why))) {
        return refuse(r, why);
    }
    if (!r->in || red_order_init(r) || red_discover_init(r) || make_seeds(r)) {
        r->host->set_error(r->host, "out of memory");
        return MST_ENOMEM;
    }
    return MST_OK;
}

/* All handles are closed, or will be; everything that was sent fails. */
static void shut(redis *r)
{
    r->stopping = true;
    r->settling = true; /* nothing is sent any more */
    if (r->retry_timer) {
        r->host->timer_close(r->retry_timer);
    }
    red_discover_stop(r);
    for (red_node *n = r->nodes; n; n = n->next) {
        for (size_t i = 0; i < n->conns; i++) {
            if (n->conn[i]) {
                red_conn_stop(n->conn[i]);
            }
        }
    }
}

static mst_status start(void *self, const mst_provider_env *env)
{
    redis *r = self;
    (void) env;
    mst_status status = prepare(r);
    if (!status && r->o.abort_on_connect_fail) {
        status = red_probe(r);
    }
    if (status) {
        shut(r);
        return status;
    }
    for (red_node *n = r->nodes; n; n = n->next) {
        red_conn_open(n->conn[0]);
    }
    red_discover(r);
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
    redis *r = self;
    r->opening++; /* until all connections are stopped */
    shut(r);
    red_fail_parked(r, MST_ECLOSED);
    red_conn_let_go_done(r);
}

/* connections  made so far; reconnects: those after the first
 * commands     written
 * inflight     operations that are with us now
 * errors       operations that failed; of these, busy and too_big were refused by bounds
 * retries      operations that were sent again after a lost connection, or (rescued) a slow one
 * redirects    operations that were sent on by a cluster, or told to come again later */
static void stats(void *self, void (*emit)(void *arg, const char *name, uint64_t value), void *arg)
{
    redis *r = self;
#define EMIT(name) emit(arg, #name, atomic_load_explicit(&r->counters.name, memory_order_relaxed))
    EMIT(connections);
    EMIT(reconnects);
    EMIT(commands);
    EMIT(inflight);
    EMIT(errors);
    EMIT(busy);
    EMIT(too_big);
    EMIT(retries);
    EMIT(rescued);
    EMIT(redirects);
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
    .summary = "A Redis server, cluster, or master watched by sentinels",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .option_size = sizeof options[0],
    .init = init,
    .fini = fini,
    .ops = &ops,
};

MST_PLUGIN_MODULE(&plugin);
