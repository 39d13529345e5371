/* hiredis_direct - what a program does that talks to Redis by hand: hiredis's asynchronous client
 * on a libuv loop, one connection, a fixed number of commands under way. The yardstick of redis.py.
 *
 *   hiredis_direct PORT get|set|mget IN_FLIGHT SECONDS KEYS VALUE_BYTES BATCH
 *
 * Asks for keys "direct:0000000000" to KEYS - 1 in hexadecimal, which somebody has filled. Prints
 * one line of JSON: keys a second, nanoseconds of CPU a key, the median latency of a command. */
#include <errno.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <uv.h>

#include <hiredis/adapters/libuv.h>

enum { BATCH_MAX = 1024, KEY_MAX = 40, SAMPLES_MAX = 1 << 20 };

typedef struct client {
    redisAsyncContext *redis;
    enum { GET, SET, MGET } what;
    uint64_t keys, batch, in_flight, under_way, done, wrong, state;
    uint64_t begin, end;
    size_t value_len;
    char *value;
    uint64_t *sample;
    size_t samples;
    int status;
} client;

static client c = {.state = 42};

static uint64_t draw(uint64_t n)
{
    c.state = c.state * 6364136223846793005u + 1442695040888963407u;
    return (c.state >> 33) % n;
}

static void ask(void);

static int is_value(const redisReply *r)
{
    return r->type == REDIS_REPLY_STRING && r->len == c.value_len;
}

static void judge(const redisReply *r)
{
    if (c.what == SET) {
        c.wrong += r->type != REDIS_REPLY_STATUS;
    } else if (c.what == GET) {
        c.wrong += !is_value(r);
    } else {
        for (size_t i = 0; i < r->elements; i++) {
            c.wrong += !is_value(r->element[i]);
        }
        c.wrong += r->elements != c.batch;
    }
}

static void on_reply(redisAsyncContext *redis, void *reply, void *begin)
{
    (void) redis;
    if (!reply) {
        c.status = 1;
        return;
    }
    judge(reply);
    uint64_t now = uv_hrtime();
    c.done += c.batch;
    c.under_way--;
    if (c.samples < SAMPLES_MAX) {
        c.sample[c.samples++] = now - (uint64_t) (uintptr_t) begin;
    }
    if (now < c.end) {
        ask();
    } else if (c.under_way == 0) {
        redisAsyncDisconnect(c.redis);
    }
}

static void ask(void)
{
    static char keys[BATCH_MAX][KEY_MAX];
    static const char *const names[] = {"GET", "SET", "MGET"};
    const char *argv[BATCH_MAX + 2] = {names[c.what]};
    size_t len[BATCH_MAX + 2] = {strlen(names[c.what])};
    int n = 1;
    for (uint64_t i = 0; i < c.batch; i++, n++) {
        len[n] = (size_t) snprintf(keys[i], sizeof keys[i], "direct:%010" PRIx64, draw(c.keys));
        argv[n] = keys[i];
    }
    if (c.what == SET) {
        argv[n] = c.value;
        len[n++] = c.value_len;
    }
    c.under_way++;
    redisAsyncCommandArgv(c.redis, on_reply, (void *) (uintptr_t) uv_hrtime(), n, argv, len);
}

static int compare(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;
    return x < y ? -1 : x > y;
}

static double cpu_ns(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return ((double) u.ru_utime.tv_sec + (double) u.ru_stime.tv_sec) * 1e9 +
           ((double) u.ru_utime.tv_usec + (double) u.ru_stime.tv_usec) * 1e3;
}

static uint64_t number(const char *text, uint64_t most)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno || *end || n == 0 || n > most) {
        fprintf(stderr, "hiredis_direct: \"%s\" is not a number from 1 to %" PRIu64 "\n", text,
                most);
        exit(2);
    }
    return n;
}

int main(int argc, char **argv)
{
    if (argc != 8) {
        fprintf(stderr, "usage: hiredis_direct PORT get|set|mget IN_FLIGHT SECONDS KEYS "
                        "VALUE_BYTES BATCH\n");
        return 2;
    }
    c.what = !strcmp(argv[2], "set") ? SET : !strcmp(argv[2], "mget") ? MGET : GET;
    c.in_flight = number(argv[3], 1000000);
    uint64_t seconds = number(argv[4], 3600);
    c.keys = number(argv[5], 1000000000);
    c.value_len = number(argv[6], 1 << 20);
    c.batch = c.what == MGET ? number(argv[7], BATCH_MAX) : 1;
    c.value = malloc(c.value_len);
    c.sample = malloc(SAMPLES_MAX * sizeof *c.sample);
    c.redis = redisAsyncConnect("127.0.0.1", (int) number(argv[1], 65535));
    uv_loop_t loop;
    if (uv_loop_init(&loop) || !c.value || !c.sample || !c.redis || c.redis->err) {
        fprintf(stderr, "hiredis_direct: cannot connect\n");
        return 1;
    }
    memset(c.value, 'x', c.value_len);
    redisLibuvAttach(c.redis, &loop);
    double cpu = cpu_ns();
    c.begin = uv_hrtime();
    c.end = c.begin + seconds * 1000000000u;
    for (uint64_t i = 0; i < c.in_flight; i++) {
        ask();
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    double took = (double) (uv_hrtime() - c.begin);
    cpu = cpu_ns() - cpu;
    if (c.status || c.done == 0) {
        fprintf(stderr, "hiredis_direct: the connection broke\n");
        return 1;
    }
    qsort(c.sample, c.samples, sizeof *c.sample, compare);
    printf("{\"ops\":%" PRIu64 ",\"ops_per_s\":%.0f,\"cpu_ns_per_op\":%.1f,\"p50_us\":%.2f,"
           "\"errors\":%" PRIu64 "}\n",
           c.done, (double) c.done / took * 1e9, cpu / (double) c.done,
           (double) c.sample[c.samples / 2] / 1e3, c.wrong);
    free(c.value);
    free(c.sample);
    return c.wrong != 0 || uv_loop_close(&loop) != 0;
}
