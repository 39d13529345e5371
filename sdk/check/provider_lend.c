/* provider_lend.c - cases of what a GET lends: it stays as it is until it is given back, by whom
 * ever and however late. */
#include <pthread.h>
#include <string.h>

#include "cases.h"
#include "rig.h"

static const char first[] = "the first value, which somebody holds",
                  second[] = "the second value, of another length than the first one";

static void set(rig *r, const char *key, const char *text, size_t len)
{
    rig_op *o = rig_new(r, MST_OP_SET, 0, key);
    rig_value(o, text, len);
    rig_run(r, o);
    rig_expect(o, MST_OK, "nothing is in its way");
}

static rig_op *pin(rig *r, const char *key)
{
    set(r, key, first, sizeof first);
    rig_op *o = rig_new(r, MST_OP_GET, 0, key);
    rig_run(r, o);
    rig_expect(o, MST_OK, "the key is there");
    return o;
}

static void expect_unchanged(rig_op *o, const char *after)
{
    if (o->op.out.len != sizeof first || memcmp(o->op.out.data, first, sizeof first) != 0) {
        check_fail(o->r->k, "what a GET had lent changed %s, before it was released", after);
    }
}

static void *release(void *arg)
{
    rig_release(arg);
    return NULL;
}

static void release_elsewhere(rig_op *o)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, release, o)) {
        check_skip(o->r->k, "no thread");
    }
    pthread_join(thread, NULL);
}

static void change(rig *r, int round)
{
    rig_op *o;
    switch (round) {
    case 0:
        set(r, "pinned", second, sizeof second);
        break;
    case 1:
        o = rig_new(r, MST_OP_DEL, 0, "pinned");
        rig_run(r, o);
        rig_expect(o, MST_OK, "the key is there");
        break;
    default:
        o = rig_new(r, MST_OP_CLEAR, 0, "");
        rig_run(r, o);
        rig_expect(o, MST_OK, "a CLEAR always works");
        break;
    }
}

/* More values than fit in what was freed, so that it is used again. */
static void fill_up(rig *r)
{
    for (int i = 0; i < 30; i++) {
        char key[8] = {'f', (char) ('A' + i), '\0'};
        set(r, key, second, sizeof second);
    }
}

/* As the host does it: fini() waits for what was retained. */
static void end_while_lent(rig *r, rig_op *o)
{
    rig_stop(r);
    expect_unchanged(o, "when the provider stopped");
    if (atomic_load(&r->instance->host.retained)) {
        release_elsewhere(o);
        if (atomic_load(&r->instance->host.retained)) {
            check_fail(r->k, "called retain() more often than release(): it would never be "
                             "finished");
        }
        check_instance_end(r->instance);
    } else {
        check_instance_end(r->instance);
        expect_unchanged(o, "in fini(), which retain() would have put off,");
        rig_release(o);
    }
}

void case_provider_lent(kit *k)
{
    static const int codes[] = {MST_OP_SET, MST_OP_DEL, MST_OP_CLEAR};
    static const char *const words[] = {"when the key was set again", "when the key was removed",
                                        "when everything was cleared"};
    rig r;
    rig_open(k, &r);
    if (!rig_has(&r, MST_OP_SET)) {
        check_skip(k, "it has no SET");
    }
    for (int round = 0; round < 3; round++) {
        if (rig_has(&r, codes[round])) {
            rig_op *o = pin(&r, "pinned");
            change(&r, round);
            fill_up(&r);
            expect_unchanged(o, words[round]);
            release_elsewhere(o);
        }
    }
    if (rig_has(&r, MST_OP_CLEAR)) {
        rig_run(&r, rig_new(&r, MST_OP_CLEAR, 0, ""));
    }
    end_while_lent(&r, pin(&r, "last"));
    rig_open(k, &r);
    rig_close(&r);
}

/* ---- lookup(), lookup_many(): the same as a GET */

enum { KEYS = 40 };

static uint64_t asked_at_ms;

static bool are_times_of(const mst_result *found, const mst_op *get)
{
    int64_t ttl_ms = get->expires_ms ? (int64_t) (get->expires_ms - asked_at_ms) : -1;
    int64_t age_ms = get->created_ms ? (int64_t) (asked_at_ms - get->created_ms) : -1;
    return found->ttl_ms == ttl_ms && found->age_ms == age_ms;
}

static void compare(rig *r, const mst_result *found, rig_op *get, const char *what)
{
    if (found->status != get->result) {
        check_fail(r->k, "%s says %s where a GET says %s", what, check_status(found->status),
                   check_status(get->result));
    }
    if (found->status != MST_OK) {
        return;
    }
    if (found->len != get->op.out.len ||
        (found->len && memcmp(found->data, get->op.out.data, found->len) != 0)) {
        check_fail(r->k, "%s finds other bytes than a GET", what);
    }
    if (!are_times_of(found, &get->op)) {
        check_fail(r->k, "%s tells other times than a GET", what);
    }
    if (found->why != MST_WHY_HIT || found->tier != 0 || found->object) {
        check_fail(r->k, "%s leaves a part of its answer unset", what);
    }
    if (found->release) {
        found->release(found->owner);
    }
}

/* Announced or not. */
static mst_lookup question(rig *r, const rig_op *get, bool expect)
{
    if (expect && r->ops->expect) {
        r->ops->expect(r->self, get->op.hash);
    }
    asked_at_ms = r->instance->host.host.now_ms(&r->instance->host.host);
    return (mst_lookup){.hash = get->op.hash,
                        .key = get->op.key,
                        .now_ms = asked_at_ms,
                        .asker = &r->askers[get->op.space - r->spaces]};
}

static void look_at_all(rig *r, rig_op *asked[KEYS], rig_op *gets[KEYS])
{
    mst_lookup many[KEYS];
    mst_result found[KEYS];
    memset(found, 0xa5, sizeof found); /* nothing of an answer is set beforehand */
    for (int i = 0; i < KEYS; i++) {
        mst_lookup one = question(r, asked[i], i % 2);
        check_doing(r->k, "lookup()");
        found[i].status = r->ops->lookup(r->self, &one, &found[i]);
        compare(r, &found[i], gets[i], "lookup()");
        many[i] = question(r, asked[i], i % 3);
    }
    if (r->ops->lookup_many) {
        memset(found, 0xa5, sizeof found);
        check_doing(r->k, "lookup_many() of %d keys", KEYS);
        r->ops->lookup_many(r->self, many, found, KEYS);
        for (int i = 0; i < KEYS; i++) {
            compare(r, &found[i], gets[i], "lookup_many()");
        }
    }
}

void case_provider_lookup(kit *k)
{
    rig_op *asked[KEYS], *gets[KEYS];
    rig r;
    rig_open(k, &r);
    if (!r.ops->lookup || !rig_has(&r, MST_OP_SET)) {
        check_skip(k, "it has no lookup()");
    }
    for (int i = 0; i < KEYS; i++) {
        char key[8] = {'k', (char) ('A' + i), '\0'};
        if (i % 3) {
            rig_op *o = rig_new(&r, MST_OP_SET, i % RIG_SPACES, key);
            rig_value(o, first, (size_t) i);
            o->op.created_ms = 17;
            o->op.expires_ms = i % 2 ? 0 : check_clock_ms() + 100000;
            rig_run(&r, o);
        }
        asked[i] =
            rig_new(&r, MST_OP_GET, i % RIG_SPACES, key); /* not submitted: it keeps its key */
        gets[i] = rig_new(&r, MST_OP_GET, i % RIG_SPACES, key);
        rig_run(&r, gets[i]);
    }
    look_at_all(&r, asked, gets);
    for (int i = 0; i < KEYS; i++) {
        rig_release(gets[i]);
    }
    rig_close(&r);
}
