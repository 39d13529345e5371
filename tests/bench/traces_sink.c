/* traces_sink.c - a collector that costs little: takes every request whole, counts the spans in it,
 * answers 200, and keeps nothing. Prints its port; for each line of standard input one with the
 * bytes and spans so far. */
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BODY_MAX = 8 << 20 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned long bytes, spans;

typedef struct body {
    size_t len;
    uint8_t data[BODY_MAX];
} body;

static uint64_t varint(const uint8_t **at, const uint8_t *end)
{
    uint64_t n = 0;
    for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
        uint8_t byte = *(*at)++;
        n |= (uint64_t) (byte & 0x7f) << shift;
        if (byte < 0x80) {
            break;
        }
    }
    return n;
}

/* Fields at the end of the path (of field numbers, ends in 0) in messages that have only fields
 * with a length. */
static unsigned long count(const uint8_t *at, const uint8_t *end, const unsigned *path)
{
    unsigned long n = 0;
    while (at < end) {
        uint64_t tag = varint(&at, end), len = varint(&at, end);
        if ((tag & 7) != 2 || len > (uint64_t) (end - at)) {
            fputs("traces_sink: this is no request of OTLP\n", stderr);
            exit(1);
        }
        if (tag >> 3 == path[0]) {
            n += path[1] ? count(at, at + len, path + 1) : 1;
        }
        at += len;
    }
    return n;
}

static void note(const body *b, const char *url)
{
    static const unsigned path[] = {1, 2, 2, 0}; /* resource_spans, scope_spans, spans */
    pthread_mutex_lock(&mutex);
    bytes += b->len;
    spans += strcmp(url, "/v1/traces") ? 0 : count(b->data, b->data + b->len, path);
    pthread_mutex_unlock(&mutex);
}

static enum MHD_Result answer(struct MHD_Connection *c)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    enum MHD_Result result = MHD_queue_response(c, MHD_HTTP_OK, r);
    MHD_destroy_response(r);
    return result;
}

/* There is one connection, and one body at a time. */
static enum MHD_Result take(void *arg, struct MHD_Connection *c, const char *url,
                            const char *method, const char *version, const char *upload,
                            size_t *upload_size, void **state)
{
    body *b = arg;
    (void) method, (void) version;
    if (!*state) {
        *state = b;
        b->len = 0;
        return MHD_YES;
    }
    if (*upload_size == 0) {
        note(b, url);
        return answer(c);
    }
    if (*upload_size > BODY_MAX - b->len) {
        return MHD_NO;
    }
    memcpy(b->data + b->len, upload, *upload_size);
    b->len += *upload_size;
    *upload_size = 0;
    return MHD_YES;
}

int main(void)
{
    static body room;
    struct sockaddr_in loopback = {.sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct MHD_Daemon *d =
        MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL, 0, NULL, NULL, take,
                         &room, MHD_OPTION_SOCK_ADDR, &loopback, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                         (size_t) 1 << 20, MHD_OPTION_END);
    if (!d) {
        fputs("traces_sink: cannot listen\n", stderr);
        return 1;
    }
    printf("%u\n", (unsigned) MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    for (int c; (c = getchar()) != EOF;) {
        if (c == '\n') {
            pthread_mutex_lock(&mutex);
            printf("%lu %lu\n", bytes, spans);
            pthread_mutex_unlock(&mutex);
            fflush(stdout);
        }
    }
    MHD_stop_daemon(d);
    return 0;
}
