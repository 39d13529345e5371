/* Four threads on one provider "memory": reads, writes, batches, clears, lent values that outlive
 * their entries and, at the end, the instance. For ThreadSanitizer; exits 1 with a line on stderr.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "provider/rig.h"

enum { THREADS = 4, OPERATIONS = 30000, KEYS = 1500, HELD = 40, BATCH = 20 };
enum { MAX_BYTES = 448 << 10 };

typedef struct worker {
    pthread_t thread;
    rig *r;
    uint64_t random;
    mst_asker asker;
    mst_op held[HELD];
    uint64_t hits;
} worker;

static _Atomic int faults;

static void fault(const char *what)
{
    if (atomic_fetch_add(&faults, 1) == 0) {
        fprintf(stderr, "threads_test: %s\n", what);
    }
}

static uint64_t draw(worker *w, uint64_t below)
{
    w->random = w->random * 6364136223846793005u + 1442695040888963407u;
    return (w->random >> 33) % below;
}

/* A value is its key's number and a filler that follows from it. */
static void check(const mst_op *op)
{
    uint32_t key, number;
    const uint8_t *bytes = op->out.data;
    memcpy(&key, op->key.data, sizeof key);
    if (op->out.len < sizeof number) {
        fault("a value is too short");
        return;
    }
    memcpy(&number, bytes, sizeof number);
    if (number != key) {
        fault("the value of another key");
    }
    for (size_t i = sizeof number; i < op->out.len; i++) {
        if (bytes[i] != (uint8_t) (number + op->out.len)) {
            fault("a value changed while it was lent");
            return;
        }
    }
}

static void set(worker *w, uint32_t *number)
{
    uint8_t bytes[30000]; /* large, now and then */
    uint64_t most = draw(w, 50) ? 600 : sizeof bytes;
    mst_op op = rig_op(w->r, MST_OP_SET, &rig_space, (mst_slice){number, sizeof *number});
    size_t len = sizeof *number + draw(w, most - sizeof *number);
    memset(bytes, (int) (*number + len), len);
    memcpy(bytes, number, sizeof *number);
    const mst_slice part = {bytes, len};
    op.value = &part;
    op.value_parts = 1;
    op.expires_ms = draw(w, 3) ? 0 : op.now_ms + draw(w, 500);
    op.sliding_ms = draw(w, 3) ? 0 : 1 + draw(w, 200);
    op.flags = draw(w, 4) ? 0 : MST_OPF_IF_ABSENT;
    mst_status s = rig_run(w->r, &op);
    if (s != MST_OK && s != MST_UNCHANGED) {
        fault("a SET failed");
    }
}

/* Hits are held for a while, each in place of an older one. */
static void keep(worker *w, mst_op *op)
{
    if (op->status != MST_OK) {
        return;
    }
    check(op);
    w->hits++;
    if (draw(w, 4)) {
        rig_release(op);
        return;
    }
    mst_op *place = &w->held[draw(w, HELD)];
    if (place->out.release) {
        uint32_t first; /* the key of the op is gone; the value tells it */
        memcpy(&first, place->out.data, sizeof first);
        place->key = (mst_slice){&first, sizeof first};
        check(place);
        rig_release(place);
    }
    *place = *op;
}

static void get_many(worker *w)
{
    uint32_t number[BATCH];
    mst_op op[BATCH], *ops[BATCH];
    for (int i = 0; i < BATCH; i++) {
        number[i] = (uint32_t) draw(w, KEYS);
        op[i] = rig_op(w->r, MST_OP_GET, &rig_space, (mst_slice){&number[i], sizeof number[i]});
        ops[i] = &op[i];
    }
    w->r->ops->submit(w->r->self, ops, BATCH);
    for (int i = 0; i < BATCH; i++) {
        keep(w, &op[i]);
    }
}

/* The same through the way of batches of bytes. */
static void look_many(worker *w)
{
    uint32_t number[BATCH];
    mst_lookup l[BATCH];
    mst_result answer[BATCH];
    for (int i = 0; i < BATCH; i++) {
        number[i] = (uint32_t) draw(w, KEYS);
        mst_op op = rig_op(w->r, MST_OP_GET, &rig_space, (mst_slice){&number[i], sizeof number[i]});
        l[i] = rig_question(&op, &w->asker);
    }
    w->r->ops->lookup_many(w->r->self, l, answer, BATCH);
    for (int i = 0; i < BATCH; i++) {
        mst_op op = rig_op(w->r, MST_OP_GET, &rig_space, l[i].key);
        rig_answer(&op, &answer[i]);
        keep(w, &op);
    }
}

static void other(worker *w, uint32_t *number)
{
    static const uint16_t codes[] = {MST_OP_DEL, MST_OP_EXISTS, MST_OP_TOUCH};
    mst_op op = rig_op(w->r, codes[draw(w, 3)], &rig_space, (mst_slice){number, sizeof *number});
    if (op.code == MST_OP_TOUCH) {
        op.sliding_ms = draw(w, 2) ? 0 : 1 + draw(w, 300);
    }
    if (draw(w, 500) == 0) {
        op.code = MST_OP_CLEAR;
    }
    rig_run(w->r, &op);
    if (rig_stat(w->r, "bytes") > MAX_BYTES) {
        fault("over the bound");
    }
}

static void *work(void *arg)
{
    worker *w = arg;
    for (int i = 0; i < OPERATIONS; i++) {
        uint32_t number = (uint32_t) draw(w, KEYS);
        uint64_t what = draw(w, 16);
        if (what < 6) {
            mst_op op = rig_op(w->r, MST_OP_GET, &rig_space, (mst_slice){&number, sizeof number});
            what % 2 ? rig_run(w->r, &op) : rig_look(w->r, &op, &w->asker);
            keep(w, &op);
        } else if (what == 6) {
            (number % 2 ? get_many : look_many)(w);
        } else if (what < 14) {
            set(w, &number);
        } else {
            other(w, &number);
        }
        if (i % 64 == 0) {
            rig_pass_ms(w->r, 1);
        }
    }
    return NULL;
}

static void *release_all(void *arg)
{
    worker *w = arg;
    for (int i = 0; i < HELD; i++) {
        rig_release(&w->held[i]);
    }
    return NULL;
}

static void in_parallel(worker *workers, void *(*run)(void *) )
{
    int started = 0;
    while (started < THREADS &&
           pthread_create(&workers[started].thread, NULL, run, &workers[started]) == 0) {
        started++;
    }
    if (started < THREADS) {
        fault("no thread");
    }
    while (started-- > 0) {
        pthread_join(workers[started].thread, NULL);
    }
}

static void run(uint64_t shards, const mst_module *policy)
{
    static worker workers[THREADS];
    rig r;
    const rig_setup setup = {
        .max_bytes = MAX_BYTES, .shards = shards, .policy = rig_policy(policy)};
    rig_open(&r, &setup);
    if (r.start != MST_OK) {
        fault("cannot start");
        return;
    }
    uint64_t hits = 0;
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (worker){.r = &r, .random = (uint64_t) i + 1};
    }
    in_parallel(workers, work);
    for (int i = 0; i < THREADS; i++) {
        hits += workers[i].hits;
    }
    if (hits < OPERATIONS / 4 || !rig_stat(&r, "evictions")) {
        fault("hits are not what was seen");
    }
    rig_stop(&r);
    in_parallel(workers, release_all);
    if (!rig_free(&r)) {
        fault("blocks are left");
    }
}

int main(void)
{
    run(1, &memstache_module_eviction_lru);
    run(4, &memstache_module_eviction_lru);
    run(4, &memstache_module_eviction_random);
    run(1, &memstache_module_eviction_sieve); /* its hits take no lock */
    run(4, &memstache_module_eviction_clock);
    return atomic_load(&faults) ? 1 : 0;
}
