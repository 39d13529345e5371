/* serializer.c - cases of serializers: objects there and back, damaged input, a sink that is full,
 * many threads. */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases.h"
#include "sample.h"
#include "sink.h"

enum { OBJECTS = 150, TAKES_IT = 42 };

typedef struct bench {
    kit *k;
    check_instance instance;
    void *self;
    const mst_serializer_ops *ops;
    const check_sample *sample;
    check_guard in;
    check_sink out;
} bench;

/* ---- what objects does it take? */

/* Of a sanitizer's runtime, if there is one: what happens in an attempt is not to be reported. */
__attribute__((weak)) void __sanitizer_set_report_fd(void *fd);

static void try_sample(bench *b, const check_sample *sample)
{
    void *object = sample->make(b->k, &b->k->random), *made = NULL;
    size_t bytes = 0;
    check_sink_empty(&b->out, CHECK_PAYLOAD_MAX / 2, MST_ETOOBIG);
    b->out.plain = true;
    if (b->ops->encode(b->self, sample->type, object, &b->out.sink) == MST_OK) {
        check_sink_settle(&b->out);
        mst_slice src = {b->out.data, b->out.len};
        if (b->ops->decode(b->self, sample->type, src, &made, &bytes) == MST_OK && made &&
            sample->plausible(made, object)) {
            _exit(TAKES_IT);
        }
    }
    _exit(0);
}

/* A process that may crash: the object may mean something else to the serializer. */
static bool takes(bench *b, const check_sample *sample)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        int nothing = open("/dev/null", O_WRONLY);
        dup2(nothing, STDOUT_FILENO);
        dup2(nothing, STDERR_FILENO);
        signal(SIGSEGV, SIG_DFL);
        signal(SIGBUS, SIG_DFL);
        if (__sanitizer_set_report_fd) {
            __sanitizer_set_report_fd((void *) (intptr_t) STDERR_FILENO);
        }
        alarm(2);
        check_detach(b->k);
        try_sample(b, sample);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == TAKES_IT;
}

static const check_sample *find_sample(bench *b)
{
    for (size_t i = 0; check_samples[i]; i++) {
        check_doing(b->k, "trying whether it takes %s", check_samples[i]->what);
        if (takes(b, check_samples[i])) {
            return check_samples[i];
        }
    }
    check_skip(b->k, "its objects are neither protobuf-c messages nor bytes (mst_slice), and the "
                     "kit can make no others");
}

static void open_bench(kit *k, bench *b)
{
    check_subject(k);
    *b = (bench){.k = k, .ops = &k->ops.serializer};
    check_instance_begin(k, &b->instance, NULL);
    b->self = b->instance.self;
    check_guard_open(k, &b->in, CHECK_PAYLOAD_MAX, "the input of decode()");
    check_sink_open(k, &b->out);
    b->sample = find_sample(b);
}

/* ---- encode, decode */

static mst_status encode(bench *b, const void *object)
{
    mst_status status = b->ops->encode(b->self, b->sample->type, object, &b->out.sink);
    check_sink_settle(&b->out);
    if (status > MST_OK) {
        check_fail(b->k, "encode() returned %s (%d), neither MST_OK nor an error",
                   check_status(status), (int) status);
    }
    if (status == MST_OK && b->out.refused) {
        check_fail(b->k, "encode() is MST_OK although the sink was full: %s",
                   check_status(b->out.refusal));
    }
    return status;
}

/* The object; NULL when the bytes are refused. Its input is gone when it is looked at. */
static void *decode(bench *b, const void *data, size_t len, mst_status *status)
{
    void *object = NULL;
    size_t bytes = SIZE_MAX;
    check_guard_protect(&b->in, CHECK_OPEN);
    void *at = check_guard_take(&b->in, len, 1);
    if (len) {
        memcpy(at, data, len);
    }
    check_guard_protect(&b->in, CHECK_READ_ONLY);
    *status = b->ops->decode(b->self, b->sample->type, (mst_slice){at, len}, &object, &bytes);
    check_guard_protect(&b->in, CHECK_CLOSED);
    if (*status == MST_OK && !object) {
        check_fail(b->k, "decode() is MST_OK, but there is no object");
    }
    if (*status == MST_OK && bytes == SIZE_MAX) {
        check_fail(b->k, "decode() does not say how much memory the object takes");
    }
    if (*status != MST_OK && *status != MST_ECORRUPT && *status != MST_ENOMEM &&
        *status != MST_ETOOBIG) {
        check_fail(b->k, "decode() returned %s (%d) and not MST_ECORRUPT", check_status(*status),
                   (int) *status);
    }
    return *status == MST_OK ? object : NULL;
}

static void destroy(bench *b, void *object)
{
    if (object) {
        check_doing(b->k, "destroy()");
        b->ops->destroy(b->self, b->sample->type, object);
    }
}

/* An object, encoded into b->out. */
static void *make_encoded(bench *b)
{
    void *object = b->sample->make(b->k, &b->k->random);
    check_sink_empty(&b->out, CHECK_PAYLOAD_MAX, MST_ETOOBIG);
    check_doing(b->k, "encode() of %s", b->sample->what);
    mst_status status = encode(b, object);
    if (status != MST_OK) {
        check_fail(b->k, "encode() of %s failed: %s", b->sample->what, check_status(status));
    }
    return object;
}

void case_serializer_roundtrip(kit *k)
{
    bench b;
    mst_status status;
    open_bench(k, &b);
    for (int i = 0; i < OBJECTS && check_has_time(k); i++) {
        void *object = make_encoded(&b);
        check_doing(k, "decode() of %zu bytes", b.out.len);
        void *made = decode(&b, b.out.data, b.out.len, &status);
        if (!made) {
            check_fail(k, "decode() of what encode() wrote failed: %s", check_status(status));
        }
        check_doing(k, "looking at the object after its bytes are gone");
        if (!b.sample->same(object, made)) {
            check_fail(k, "an object of %zu bytes does not come back as it was", b.out.len);
        }
        destroy(&b, made);
        b.sample->drop(object);
    }
    check_instance_end(&b.instance);
}

void case_serializer_truncated(kit *k)
{
    bench b;
    mst_status status;
    open_bench(k, &b);
    for (int i = 0; i < OBJECTS && check_has_time(k); i++) {
        void *object = make_encoded(&b);
        size_t whole = b.out.len, step = whole > 300 ? whole / 100 : 1;
        for (size_t cut = 0; cut < whole; cut += step) {
            check_doing(k, "decode() of the first %zu of %zu bytes", cut, whole);
            destroy(&b, decode(&b, b.out.data, cut, &status));
        }
        b.sample->drop(object);
    }
    check_instance_end(&b.instance);
}

void case_serializer_flips(kit *k)
{
    bench b;
    mst_status status;
    open_bench(k, &b);
    for (int i = 0; i < OBJECTS && check_has_time(k); i++) {
        void *object = make_encoded(&b);
        for (int flip = 0; flip < 100 && b.out.len; flip++) {
            uint64_t bit = check_draw(&k->random, b.out.len * 8);
            b.out.data[bit / 8] ^= (uint8_t) (1u << bit % 8);
            b.out.data[check_draw(&k->random, b.out.len)] = (uint8_t) check_draw(&k->random, 256);
            check_doing(k, "decode() of %zu bytes with bit %llu changed", b.out.len,
                        (unsigned long long) bit);
            destroy(&b, decode(&b, b.out.data, b.out.len, &status));
        }
        b.sample->drop(object);
    }
    check_instance_end(&b.instance);
}

void case_serializer_full_sink(kit *k)
{
    bench b;
    open_bench(k, &b);
    for (int i = 0; i < OBJECTS && check_has_time(k); i++) {
        void *object = make_encoded(&b);
        size_t whole = b.out.len, step = whole > 100 ? whole / 50 : 1;
        for (size_t cap = 0; cap < whole; cap += step) {
            mst_status refusal = check_draw(&k->random, 2) ? MST_ETOOBIG : MST_ENOMEM;
            check_sink_empty(&b.out, cap, refusal);
            check_doing(k, "encode() of %zu bytes into a sink of %zu", whole, cap);
            mst_status status = encode(&b, object);
            if (b.out.refused && status != refusal) {
                check_fail(k, "encode() returned %s although the sink said %s",
                           check_status(status), check_status(refusal));
            }
        }
        b.sample->drop(object);
    }
    check_instance_end(&b.instance);
}

/* ---- several threads in one instance */

enum { THREADS = 4 };

typedef struct worker {
    bench own; /* the instance is the first one's */
    pthread_t thread;
    kit k;
    uint64_t rounds;
} worker;

static void *work(void *arg)
{
    worker *w = arg;
    bench *b = &w->own;
    for (; w->rounds && check_has_time(b->k); w->rounds--) {
        void *object = b->sample->make(b->k, &w->k.random), *made = NULL;
        size_t bytes;
        check_sink_empty(&b->out, CHECK_PAYLOAD_MAX, MST_ETOOBIG);
        mst_status status = encode(b, object);
        if (status == MST_OK) {
            mst_slice src = {b->out.data, b->out.len};
            status = b->ops->decode(b->self, b->sample->type, src, &made, &bytes);
        }
        if (status != MST_OK || !b->sample->same(object, made)) {
            check_fail(b->k, "with %d threads at once, an object does not come back as it was: %s",
                       THREADS, check_status(status));
        }
        b->ops->destroy(b->self, b->sample->type, made);
        b->sample->drop(object);
    }
    return NULL;
}

void case_serializer_concurrent(kit *k)
{
    static worker workers[THREADS];
    bench b;
    open_bench(k, &b);
    if (!(k->plugin->flags & MST_PLUGIN_REENTRANT)) {
        check_skip(k, "it is not MST_PLUGIN_REENTRANT, so the host makes one call at a time");
    }
    check_doing(k, "encode() and decode() on %d threads", THREADS);
    for (int i = 0; i < THREADS; i++) {
        worker *w = &workers[i];
        w->k = *k;
        w->k.random.state = check_draw(&k->random, UINT64_MAX);
        w->own = (bench){.k = &w->k, .self = b.self, .ops = b.ops, .sample = b.sample};
        w->rounds = 200;
        check_sink_open(&w->k, &w->own.out);
    }
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i])) {
            check_skip(k, "no thread");
        }
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
    }
    check_instance_end(&b.instance);
}

/* ---- the work of oom/every-allocation */

void scenario_serializer(kit *k, check_instance *i)
{
    static bench b; /* its sample is found once, with memory */
    mst_status status;
    if (!b.sample) {
        open_bench(k, &b);
        check_instance_end(&b.instance);
    }
    b.self = i->self;
    void *object = b.sample->make(k, &k->random);
    check_sink_empty(&b.out, CHECK_PAYLOAD_MAX, MST_ETOOBIG);
    if (encode(&b, object) == MST_OK) {
        void *made = decode(&b, b.out.data, b.out.len, &status);
        if (made && !b.sample->same(object, made)) {
            check_fail(k, "short of memory, an object comes back as something else");
        }
        if (status == MST_ECORRUPT) {
            check_fail(k, "short of memory, decode() says MST_ECORRUPT and not MST_ENOMEM: the "
                          "value would be taken for damaged");
        }
        destroy(&b, made);
    }
    b.sample->drop(object);
}
