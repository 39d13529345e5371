/* send.c - see send.h. What is worth another attempt is what the protocol says: no answer, and the
 * statuses 429, 502, 503 and 504. */
#define _GNU_SOURCE /* explicit_bzero */
#include "send.h"

#include <stdio.h>
#include <string.h>

mst_status otlp_sender_init(otlp_sender *s)
{
    s->curl = curl_easy_init();
    return s->curl ? MST_OK : MST_ENOMEM;
}

void otlp_sender_fini(otlp_sender *s)
{
    if (s->curl) {
        curl_easy_cleanup(s->curl);
        s->curl = NULL;
    }
    explicit_bzero(s->headers, sizeof s->headers);
}

static size_t keep_response(char *data, size_t size, size_t n, void *arg)
{
    otlp_sender *s = arg;
    size_t len = size * n, room = sizeof s->response - s->response_len;
    size_t taken = len < room ? len : room;
    memcpy(s->response + s->response_len, data, taken);
    s->response_len += taken;
    return len; /* the rest is of no interest */
}

/* Not 0 ends the transfer. */
static int go_on(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    otlp_sender *s = arg;
    uint64_t at = atomic_load(&s->give_up_ms);
    (void) a, (void) b, (void) c, (void) d;
    return at != 0 && s->host->now_ms(s->host) >= at;
}

/* Secrets rotate; but they cannot be asked for any more when the host has called stop(). */
static void learn_headers(otlp_sender *s)
{
    char fresh[sizeof s->headers];
    if (atomic_load(&s->give_up_ms)) {
        return;
    }
    mst_status status = s->host->secret(s->host, "headers", fresh, sizeof fresh);
    if (status == MST_OK || status == MST_MISS) {
        memcpy(s->headers, status == MST_OK ? fresh : "", status == MST_OK ? sizeof fresh : 1);
    }
    explicit_bzero(fresh, sizeof fresh);
}

/* "name=value,name=value" becomes "name: value" each. */
static struct curl_slist *make_headers(const otlp_sender *s)
{
    struct curl_slist *list = curl_slist_append(NULL, "Content-Type: application/x-protobuf");
    list = list ? curl_slist_append(list, "Expect:") : NULL;
    for (const char *at = s->headers; list && *at;) {
        size_t len = strcspn(at, ",");
        const char *equals = memchr(at, '=', len);
        if (equals) {
            char line[sizeof s->headers + 4];
            snprintf(line, sizeof line, "%.*s: %.*s", (int) (equals - at), at,
                     (int) (at + len - equals - 1), equals + 1);
            curl_slist_append(list, line);
            explicit_bzero(line, sizeof line);
        }
        at += len + (at[len] == ',');
    }
    return list;
}

static void set_options(otlp_sender *s, const char *url, const struct curl_slist *headers,
                        ProtobufCBinaryData body)
{
    CURL *c = s->curl;
    curl_easy_reset(c); /* keeps the connection */
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "memstache");
    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) body.len);
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, body.data);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long) s->timeout_ms);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, keep_response);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, s);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, go_on);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, s);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
}

static uint64_t read_rejected(otlp_sender *s)
{
    Otlp__Response *response = otlp__response__unpack(NULL, s->response_len, s->response);
    uint64_t rejected = 0;
    if (response && response->partial_success && response->partial_success->rejected > 0) {
        rejected = (uint64_t) response->partial_success->rejected;
        snprintf(s->why, sizeof s->why, "the collector rejected %llu: %.100s",
                 (unsigned long long) rejected, response->partial_success->error_message);
    }
    if (response) {
        otlp__response__free_unpacked(response, NULL);
    }
    return rejected;
}

static otlp_outcome judge(otlp_sender *s, CURLcode code, uint64_t *rejected, uint64_t *retry_ms)
{
    long status = 0;
    curl_off_t after = 0;
    if (code != CURLE_OK) {
        snprintf(s->why, sizeof s->why, "%.150s", curl_easy_strerror(code));
        return code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL ? OTLP_REFUSED
                                                                                 : OTLP_AGAIN;
    }
    curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200 && status < 300) {
        *rejected = read_rejected(s);
        return OTLP_SENT;
    }
    snprintf(s->why, sizeof s->why, "the collector answered with status %ld", status);
    if (status != 429 && status != 502 && status != 503 && status != 504) {
        return OTLP_REFUSED;
    }
    curl_easy_getinfo(s->curl, CURLINFO_RETRY_AFTER, &after);
    *retry_ms = after > 0 ? (uint64_t) after * 1000 : 0;
    return OTLP_AGAIN;
}

otlp_outcome otlp_send(otlp_sender *s, const char *path, ProtobufCBinaryData body,
                       uint64_t *rejected, uint64_t *retry_ms)
{
    char url[1024];
    size_t len = strlen(s->endpoint);
    *rejected = *retry_ms = 0;
    s->why[0] = '\0';
    s->response_len = 0;
    len -= len > 0 && s->endpoint[len - 1] == '/';
    snprintf(url, sizeof url, "%.*s%s", (int) len, s->endpoint, path);
    learn_headers(s);
    struct curl_slist *headers = make_headers(s);
    if (!headers || !body.data) {
        curl_slist_free_all(headers);
        snprintf(s->why, sizeof s->why, "out of memory");
        return OTLP_AGAIN;
    }
    set_options(s, url, headers, body);
    CURLcode code = curl_easy_perform(s->curl);
    otlp_outcome outcome = judge(s, code, rejected, retry_ms);
    curl_slist_free_all(headers);
    return outcome;
}
