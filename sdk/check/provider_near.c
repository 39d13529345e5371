/* provider_near.c - cases of providers in the process: objects, the eviction policy they work with,
 * and threads that all ask at once, as they may one that blocks. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "rig.h"

/* ---- objects */

typedef struct thing {
    mst_object object; /* first */
    _Atomic int refs;
} thing;

static void thing_retain(mst_object *object)
{
    atomic_fetch_add(&((thing *) object)->refs, 1);
}

static void thing_release(mst_object *object)
{
    atomic_fetch_sub(&((thing *) object)->refs, 1);
}

static void expect_refs(const rig *r, thing *t, int least, int most, const char *when)
{
    int refs = atomic_load(&t->refs);
    if (refs < least || refs > most) {
        check_fail(r->k, "%s an object has %d references, and not %d", when, refs, least);
    }
}

static void set_object(rig *r, thing *t)
{
    rig_op *o = rig_new(r, MST_OP_SET, 0, "object");
    o->op.object = &t->object;
    rig_run(r, o);
    rig_expect(o, MST_OK, "nothing is in its way");
}

void case_provider_objects(kit *k)
{
    thing one = {{thing_retain, thing_release, 100}, 1}, two = one;
    rig r;
    rig_open(k, &r);
    if (!(r.ops->caps & MST_CAP_OBJECT)) {
        check_skip(k, "it has not got MST_CAP_OBJECT");
    }
    set_object(&r, &one);
    expect_refs(&r, &one, 2, 2, "when it is stored,");
    rig_op *pin = rig_new(&r, MST_OP_GET, 0, "object");
    rig_run(&r, pin);
    rig_expect(pin, MST_OK, "the key is there");
    if (pin->op.out_object != &one.object) {
        check_fail(k, "GET of an object does not lend that object");
    }
    set_object(&r, &two);
    expect_refs(&r, &one, 2, 2, "while it is lent,");
    rig_release(pin);
    rig_run(&r, rig_new(&r, MST_OP_DEL, 0, "object"));
    rig_close(&r);
    expect_refs(&r, &one, 1, 1, "after the end");
    expect_refs(&r, &two, 1, 1, "after the end");
}

/* ---- the policy's side of eviction.h */

typedef struct node {
    struct node *next, **at;
    uint64_t state; /* follows from its address: a node that was moved has another */
} node;

typedef struct shard {
    node *first;
    kit *k;
} shard;

static uint64_t tracked(const node *n)
{
    return check_mix((uintptr_t) n);
}

static mst_status shard_init(void *self, void *shard_, const mst_shard_info *info)
{
    shard *s = shard_;
    s->k = self;
    if (s->first || (uintptr_t) s % 64) {
        check_fail(s->k, "gives the policy a shard that is not zeroed, or not aligned");
    }
    return MST_OK;
}

static void expect_tracked(const shard *s, const node *n, const char *in)
{
    if (n->state != tracked(n)) {
        check_fail(s->k, "calls %s of the policy for a node that is not tracked, or that moved",
                   in);
    }
}

static void on_insert(void *shard_, mst_node *node_, const mst_entry_info *info)
{
    shard *s = shard_;
    node *n = (node *) node_;
    if (n->next || n->at || n->state || (uintptr_t) n % _Alignof(node)) {
        check_fail(s->k, "gives the policy a node that is not zeroed, or not aligned");
    }
    n->state = tracked(n);
    n->next = s->first;
    n->at = &s->first;
    if (n->next) {
        n->next->at = &n->next;
    }
    s->first = n;
}

static void on_hit(void *shard_, mst_node *n)
{
    expect_tracked(shard_, (node *) n, "on_hit()");
}

static void on_update(void *shard_, mst_node *n, const mst_entry_info *info)
{
    expect_tracked(shard_, (node *) n, "on_update()");
}

static void leave(node *n)
{
    *n->at = n->next;
    if (n->next) {
        n->next->at = n->at;
    }
    n->state = 0;
}

static void on_remove(void *shard_, mst_node *node_, int why)
{
    shard *s = shard_;
    expect_tracked(s, (node *) node_, "on_remove()");
    if (why < MST_GONE_DELETED || why > MST_GONE_ROOM) {
        check_fail(s->k, "calls on_remove() of the policy with the reason %d", why);
    }
    leave((node *) node_);
}

static mst_node *evict(void *shard_)
{
    shard *s = shard_;
    node *n = s->first;
    if (n) {
        leave(n);
    }
    return (mst_node *) n;
}

static const mst_eviction_ops policy = {.struct_size = sizeof policy,
                                        .node_size = sizeof(node),
                                        .node_align = _Alignof(node),
                                        .shard_size = sizeof(shard),
                                        .hit_mode = MST_HIT_EXCLUSIVE,
                                        .shard_init = shard_init,
                                        .on_insert = on_insert,
                                        .on_hit = on_hit,
                                        .on_update = on_update,
                                        .on_remove = on_remove,
                                        .evict = evict};

void case_provider_evictor(kit *k)
{
    const mst_evictor evictor = {&policy, k};
    static uint8_t bytes[3000];
    rig r;
    check_subject(k);
    if (!(k->ops.provider.caps & MST_CAP_EVICTION)) {
        check_skip(k, "it has not got MST_CAP_EVICTION");
    }
    rig_open_with(k, &r, &evictor, false);
    for (int i = 0; i < 6000 && check_has_time(k); i++) {
        static const int codes[] = {MST_OP_SET, MST_OP_SET, MST_OP_GET, MST_OP_GET, MST_OP_DEL};
        char key[8] = {'e', (char) ('A' + check_draw(&k->random, 50)), '\0'};
        int code = codes[check_draw(&k->random, 5)];
        rig_op *o = rig_new(&r, rig_has(&r, code) ? code : MST_OP_GET, 0, key);
        if (o->op.code == MST_OP_SET) {
            rig_value(o, bytes, check_draw(&k->random, sizeof bytes));
        }
        if (rig_run(&r, o) < 0) {
            check_fail(k, "a %s with an eviction policy failed: %s", rig_verb(o),
                       check_status(o->result));
        }
        rig_release(o);
    }
    rig_close(&r);
}

/* ---- threads */

enum { THREADS = 4, LEN_MAX = 600 };

typedef struct worker {
    rig r; /* as the first one, with a list and a generator of its own */
    kit k;
    pthread_t thread;
} worker;

/* Bytes that say themselves what they have to be. */
static size_t make(check_random *random, uint8_t *bytes)
{
    size_t len = 9 + check_draw(random, LEN_MAX - 9);
    uint64_t seed = check_draw(random, UINT64_MAX);
    memcpy(bytes, &seed, sizeof seed);
    for (size_t i = sizeof seed; i < len; i++) {
        bytes[i] = (uint8_t) (seed >> i % 56) ^ (uint8_t) len;
    }
    return len;
}

static void verify(kit *k, const mst_value *value)
{
    const uint8_t *bytes = value->data;
    uint64_t seed;
    bool right = value->len >= 9 && value->len < LEN_MAX;
    if (right) {
        memcpy(&seed, bytes, sizeof seed);
    }
    for (size_t i = sizeof seed; right && i < value->len; i++) {
        right = bytes[i] == ((uint8_t) (seed >> i % 56) ^ (uint8_t) value->len);
    }
    if (!right) {
        check_fail(k, "with %d threads at once, a GET lends bytes that nobody has stored", THREADS);
    }
}

static void *work(void *arg)
{
    worker *w = arg;
    uint8_t bytes[LEN_MAX];
    for (int i = 0; i < 6000 && check_has_time(&w->k); i++) {
        static const int codes[] = {MST_OP_SET, MST_OP_GET, MST_OP_GET, MST_OP_DEL};
        char key[8] = {'t', (char) ('A' + check_draw(&w->k.random, 8)), '\0'};
        int code = codes[check_draw(&w->k.random, 4)];
        rig_op *o = rig_new(&w->r, rig_has(&w->r, code) ? code : MST_OP_GET, 0, key);
        if (o->op.code == MST_OP_SET) {
            rig_value(o, bytes, make(&w->k.random, bytes));
        }
        mst_status status = rig_run(&w->r, o);
        if (status < 0) {
            check_fail(&w->k, "with %d threads at once, a %s failed: %s", THREADS, rig_verb(o),
                       check_status(status));
        }
        if (o->op.code == MST_OP_GET && status == MST_OK) {
            verify(&w->k, &o->op.out);
        }
        rig_release(o);
    }
    return NULL;
}

void case_provider_concurrent(kit *k)
{
    static worker workers[THREADS];
    rig r;
    rig_open(k, &r);
    if (!(r.inproc || r.blocking) || !(k->plugin->flags & MST_PLUGIN_REENTRANT)) {
        check_skip(k, "without MST_PLUGIN_REENTRANT the host makes one call at a time");
    }
    if (!rig_has(&r, MST_OP_SET)) {
        check_skip(k, "it has no SET");
    }
    for (int i = 0; i < THREADS; i++) {
        worker *w = &workers[i];
        w->k = *k;
        w->k.random.state = check_draw(&k->random, UINT64_MAX);
        w->r = r;
        w->r.k = &w->k;
        w->r.made = NULL;
    }
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i])) {
            check_skip(k, "no thread");
        }
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
    }
    rig_close(&r);
}
