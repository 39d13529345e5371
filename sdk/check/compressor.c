/* compressor.c - cases of compressors: there and back, damaged input, small buffers, many threads.
 *
 * Input lies in memory that cannot be written, output in memory that ends exactly where the
 * compressor was told that it ends.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"

enum { LARGEST = 1 << 20, SAMPLES = 60 };

typedef struct bench {
    kit *k;
    check_instance instance;
    void *self;
    const mst_compressor_ops *ops;
    check_guard in, out;
    uint8_t *plain, *packed; /* LARGEST and its bound */
    size_t len, packed_len, packed_cap;
    unsigned shape;
} bench;

static const size_t lengths[] = {0,    1,     2,     3,     7,     8,      15,     16,     31,
                                 64,   100,   255,   256,   257,   1000,   4095,   4096,   4097,
                                 9999, 32768, 65535, 65536, 65537, 131072, 262145, LARGEST};
enum { LENGTHS = sizeof lengths / sizeof lengths[0] };

static void open_bench(kit *k, bench *b)
{
    check_subject(k);
    *b = (bench){.k = k, .ops = &k->ops.compressor};
    check_instance_begin(k, &b->instance, NULL);
    b->self = b->instance.self;
    check_doing(k, "bound(%d)", LARGEST);
    b->packed_cap = b->ops->bound(b->self, LARGEST);
    if (b->packed_cap < LARGEST) {
        b->packed_cap = LARGEST + LARGEST / 2;
    }
    if (b->packed_cap > (size_t) LARGEST * 16) {
        check_fail(k, "bound(%d) is %zu, which is no bound", LARGEST, b->packed_cap);
    }
    b->plain = check_memory(k, LARGEST);
    b->packed = check_memory(k, b->packed_cap);
    check_guard_open(k, &b->in, b->packed_cap, "the input");
    check_guard_open(k, &b->out, b->packed_cap, "the output buffer");
}

static void close_bench(bench *b)
{
    check_instance_end(&b->instance);
}

static mst_slice input(bench *b, const void *bytes, size_t len)
{
    check_guard_protect(&b->in, CHECK_OPEN);
    void *at = check_guard_take(&b->in, len, 1);
    if (len) {
        memcpy(at, bytes, len);
    }
    check_guard_protect(&b->in, CHECK_READ_ONLY);
    return (mst_slice){at, len};
}

/* Into `cap` bytes; what it wrote is in b->out.data then. */
static mst_status compress(bench *b, size_t cap, size_t *len)
{
    mst_slice src = input(b, b->plain, b->len);
    void *dst = check_guard_take(&b->out, cap, 1);
    check_doing(b->k, "compress() of %zu bytes, %s, into %zu", b->len, check_shape_name(b->shape),
                cap);
    *len = SIZE_MAX;
    mst_status status = b->ops->compress(b->self, src, dst, cap, len);
    check_guard_verify(&b->out, cap);
    if (status == MST_OK && *len > cap) {
        check_fail(b->k, "compress() of %zu bytes says that it wrote %zu into %zu", b->len, *len,
                   cap);
    }
    if (status > MST_OK) {
        check_fail(b->k, "compress() returned %s (%d), neither MST_OK nor an error",
                   check_status(status), (int) status);
    }
    return status;
}

static mst_status decompress(bench *b, const void *bytes, size_t packed_len, size_t len)
{
    mst_slice src = input(b, bytes, packed_len);
    void *dst = check_guard_take(&b->out, len, 1);
    mst_status status = b->ops->decompress(b->self, src, dst, len);
    check_guard_verify(&b->out, len);
    return status;
}

/* One value of the corpus, packed. False when the compressor does not take it. */
static bool pack(bench *b, unsigned shape, size_t len)
{
    b->shape = shape;
    b->len = len;
    check_fill(&b->k->random, shape, b->plain, len);
    check_doing(b->k, "bound(%zu)", len);
    size_t cap = b->ops->bound(b->self, len);
    if (cap == 0 || cap > b->packed_cap) {
        return false;
    }
    mst_status status = compress(b, cap, &b->packed_len);
    if (status != MST_OK) {
        check_fail(b->k,
                   "compress() of %zu bytes, %s, into the %zu that bound() asks for failed: %s",
                   len, check_shape_name(shape), cap, check_status(status));
    }
    memcpy(b->packed, b->out.data, b->packed_len);
    return true;
}

static void expect_same(bench *b)
{
    check_doing(b->k, "decompress() of %zu bytes, %s, packed into %zu", b->len,
                check_shape_name(b->shape), b->packed_len);
    mst_status status = decompress(b, b->packed, b->packed_len, b->len);
    if (status != MST_OK) {
        check_fail(b->k, "decompress() of what compress() made of %zu bytes, %s, failed: %s",
                   b->len, check_shape_name(b->shape), check_status(status));
    }
    if (b->len && memcmp(b->out.data, b->plain, b->len) != 0) {
        check_fail(b->k, "%zu bytes, %s, do not come back as they were", b->len,
                   check_shape_name(b->shape));
    }
}

void case_compressor_roundtrip(kit *k)
{
    bench b;
    open_bench(k, &b);
    for (size_t i = 0; i < LENGTHS && check_has_time(k); i++) {
        for (unsigned shape = 0; shape < CHECK_SHAPES; shape++) {
            if (pack(&b, shape, lengths[i])) {
                expect_same(&b);
            }
        }
    }
    for (int i = 0; i < SAMPLES && check_has_time(k); i++) {
        size_t len = check_draw(&k->random, check_draw(&k->random, 3) ? 3000 : 100000);
        if (pack(&b, (unsigned) check_draw(&k->random, CHECK_SHAPES), len)) {
            expect_same(&b);
        }
    }
    close_bench(&b);
}

/* A value of the corpus of some length; false when there is none. */
static bool pack_some(bench *b, size_t most)
{
    for (int tries = 0; tries < 20; tries++) {
        if (pack(b, (unsigned) check_draw(&b->k->random, CHECK_SHAPES),
                 1 + check_draw(&b->k->random, most))) {
            return true;
        }
    }
    return false;
}

static void expect_corrupt(bench *b, mst_status status, const char *of)
{
    if (status == MST_OK && b->len && memcmp(b->out.data, b->plain, b->len) != 0) {
        check_fail(b->k, "decompress() of %s is MST_OK with bytes that were never there", of);
    }
    if (status != MST_OK && status != MST_ECORRUPT && status != MST_ENOMEM) {
        check_fail(b->k, "decompress() of %s returned %s (%d) and not MST_ECORRUPT", of,
                   check_status(status), (int) status);
    }
}

void case_compressor_truncated(kit *k)
{
    bench b;
    open_bench(k, &b);
    for (int i = 0; i < SAMPLES && check_has_time(k) && pack_some(&b, i < 50 ? 600 : 70000); i++) {
        size_t step = b.packed_len > 300 ? b.packed_len / 150 : 1;
        for (size_t cut = 0; cut < b.packed_len; cut += step) {
            check_doing(k, "decompress() of the first %zu of %zu bytes", cut, b.packed_len);
            expect_corrupt(&b, decompress(&b, b.packed, cut, b.len), "truncated input");
        }
    }
    close_bench(&b);
}

/* Without a checksum of its own a compressor may inflate it to something else, of that length. */
void case_compressor_flips(kit *k)
{
    bench b;
    open_bench(k, &b);
    for (int i = 0; i < SAMPLES && check_has_time(k) && pack_some(&b, i < 50 ? 600 : 20000); i++) {
        for (int flip = 0; flip < 400 && b.packed_len; flip++) {
            uint64_t bit = check_draw(&k->random, b.packed_len * 8);
            unsigned more = (unsigned) check_draw(&k->random, 3);
            b.packed[bit / 8] ^= (uint8_t) (1u << bit % 8);
            for (unsigned m = 0; m < more; m++) {
                b.packed[check_draw(&k->random, b.packed_len)] =
                    (uint8_t) check_draw(&k->random, 256);
            }
            check_doing(k, "decompress() of %zu bytes with bit %llu changed", b.packed_len,
                        (unsigned long long) bit);
            mst_status status = decompress(&b, b.packed, b.packed_len, b.len);
            if (status != MST_OK) {
                expect_corrupt(&b, status, "damaged input");
            }
        }
    }
    close_bench(&b);
}

/* Bytes that nobody ever compressed. */
void case_compressor_nonsense(kit *k)
{
    uint8_t bytes[256];
    bench b;
    open_bench(k, &b);
    for (int i = 0; i < 20000 && check_has_time(k); i++) {
        size_t n = check_draw(&k->random, sizeof bytes), len = check_draw(&k->random, 500);
        check_fill(&k->random, (unsigned) check_draw(&k->random, CHECK_SHAPES), bytes, n);
        check_doing(k, "decompress() of %zu bytes of nonsense into %zu", n, len);
        mst_status status = decompress(&b, bytes, n, len);
        b.len = 0;
        expect_corrupt(&b, status, "nonsense");
    }
    close_bench(&b);
}

void case_compressor_length(kit *k)
{
    bench b;
    open_bench(k, &b);
    for (int i = 0; i < SAMPLES && check_has_time(k) && pack_some(&b, 5000); i++) {
        size_t others[] = {b.len + 1, b.len - 1, b.len * 2, b.len / 2, 0, b.len + 1000};
        for (size_t o = 0; o < sizeof others / sizeof others[0]; o++) {
            check_doing(k, "decompress() of a value of %zu bytes as one of %zu", b.len, others[o]);
            mst_status status = decompress(&b, b.packed, b.packed_len, others[o]);
            if (others[o] != b.len && status != MST_ECORRUPT && status != MST_ENOMEM) {
                check_fail(k,
                           "a value of %zu bytes is inflated as one of %zu: %s and not "
                           "MST_ECORRUPT",
                           b.len, others[o], check_status(status));
            }
        }
    }
    close_bench(&b);
}

void case_compressor_small_buffer(kit *k)
{
    bench b;
    open_bench(k, &b);
    for (int i = 0; i < SAMPLES && check_has_time(k) && pack_some(&b, i < 50 ? 300 : 9000); i++) {
        size_t whole = b.packed_len, step = whole > 200 ? whole / 100 : 1, len;
        for (size_t cap = 0; cap < whole; cap += step) {
            if (compress(&b, cap, &len) != MST_OK) {
                continue;
            }
            memcpy(b.packed, b.out.data, len); /* it has found a shorter way */
            b.packed_len = len;
            expect_same(&b);
        }
    }
    close_bench(&b);
}

/* ---- a short text that stands for a long one */

void case_compressor_bomb(kit *k)
{
    enum { ROOM = 64 << 20 };
    bench b;
    open_bench(k, &b);
    if (!pack(&b, 0, LARGEST) || b.packed_len > LARGEST / 50) {
        check_skip(k, "it does not make a megabyte of zeros small");
    }
    atomic_store(&b.instance.host.peak, 0);
    for (size_t len = 0; len < 5000; len = len * 2 + 1) {
        check_doing(k, "decompress() of a megabyte of zeros into %zu bytes", len);
        mst_status status = decompress(&b, b.packed, b.packed_len, len);
        if (status != MST_ECORRUPT && status != MST_ENOMEM) {
            check_fail(k, "a megabyte of zeros is inflated into %zu bytes: %s and not MST_ECORRUPT",
                       len, check_status(status));
        }
    }
    if (atomic_load(&b.instance.host.peak) > ROOM) {
        check_fail(k, "inflating into a few bytes took %lld bytes of memory",
                   (long long) atomic_load(&b.instance.host.peak));
    }
    close_bench(&b);
}

/* ---- several threads in one instance */

enum { THREADS = 4, LOAD = 30000 };

typedef struct worker {
    bench *b;
    pthread_t thread;
    check_random random;
    uint64_t rounds;
} worker;

static void work_once(worker *w, uint8_t *plain, uint8_t *packed, uint8_t *back, size_t cap)
{
    bench *b = w->b;
    size_t len = 1 + check_draw(&w->random, LOAD), packed_len = 0;
    check_fill(&w->random, (unsigned) check_draw(&w->random, CHECK_SHAPES), plain, len);
    mst_status status =
        b->ops->compress(b->self, (mst_slice){plain, len}, packed, cap, &packed_len);
    if (status == MST_OK) {
        status = b->ops->decompress(b->self, (mst_slice){packed, packed_len}, back, len);
    }
    if (status != MST_OK) {
        check_fail(b->k, "with %d threads at once, a value does not survive: %s", THREADS,
                   check_status(status));
    }
    if (memcmp(plain, back, len) != 0) {
        check_fail(b->k, "with %d threads at once, a value comes back as something else", THREADS);
    }
}

static void *work(void *arg)
{
    worker *w = arg;
    kit *k = w->b->k;
    size_t cap = w->b->ops->bound(w->b->self, LOAD);
    uint8_t *plain = check_memory(k, LOAD), *packed = check_memory(k, cap);
    uint8_t *back = check_memory(k, LOAD);
    for (; w->rounds && check_has_time(k); w->rounds--) {
        work_once(w, plain, packed, back, cap);
    }
    free(plain);
    free(packed);
    free(back);
    return NULL;
}

void case_compressor_concurrent(kit *k)
{
    worker workers[THREADS];
    bench b;
    open_bench(k, &b);
    if (!(k->plugin->flags & MST_PLUGIN_REENTRANT)) {
        check_skip(k, "it is not MST_PLUGIN_REENTRANT, so the host makes one call at a time");
    }
    if (!b.ops->bound(b.self, LOAD)) {
        check_skip(k, "it does not take %d bytes", LOAD);
    }
    check_doing(k, "compress() and decompress() on %d threads", THREADS);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (worker){&b, 0, {check_draw(&k->random, UINT64_MAX)}, 300};
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i])) {
            check_skip(k, "no thread");
        }
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
    }
    close_bench(&b);
}

/* ---- the work of oom/every-allocation */

void scenario_compressor(kit *k, check_instance *i)
{
    enum { LEN = 20000, CAP = 60000 };
    static uint8_t plain[LEN], packed[CAP], back[LEN];
    const mst_compressor_ops *ops = &k->ops.compressor;
    size_t len = 0;
    check_fill(&k->random, 2, plain, LEN);
    mst_status status = ops->compress(i->self, (mst_slice){plain, LEN}, packed, CAP, &len);
    if (status == MST_OK) {
        status = ops->decompress(i->self, (mst_slice){packed, len}, back, LEN);
        if (status == MST_OK && memcmp(plain, back, LEN) != 0) {
            check_fail(k, "short of memory, a value comes back as something else");
        }
    }
    if (status == MST_ECORRUPT) {
        check_fail(k, "short of memory, decompress() says MST_ECORRUPT and not MST_ENOMEM: the "
                      "value would be taken for damaged");
    }
}
