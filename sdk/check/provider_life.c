/* provider_life.c - cases of providers in time: entries that expire, operations that nobody waits
 * for any more, the end. */
#include <string.h>

#include "cases.h"
#include "rig.h"

static const char value[] = "a value with an end";

static uint64_t now_of(const rig *r)
{
    return r->instance->host.host.now_ms(&r->instance->host.host);
}

static void set(rig *r, const char *key, uint64_t expires_ms, uint64_t sliding_ms)
{
    rig_op *o = rig_new(r, MST_OP_SET, 0, key);
    rig_value(o, value, sizeof value);
    o->op.expires_ms = expires_ms;
    o->op.sliding_ms = sliding_ms;
    o->op.created_ms = now_of(r);
    rig_run(r, o);
    rig_expect(o, MST_OK, "nothing is in its way");
}

static void touch(rig *r, const char *key, uint64_t expires_ms)
{
    rig_op *o = rig_new(r, MST_OP_TOUCH, 0, key);
    o->op.expires_ms = expires_ms;
    rig_run(r, o);
    rig_expect(o, MST_OK, "the key is there");
}

static void expect(rig *r, const char *key, int code, uint16_t flags, bool there, const char *why)
{
    rig_op *o = rig_new(r, code, 0, key);
    o->op.flags = flags;
    rig_run(r, o);
    rig_expect(o, there ? MST_OK : MST_MISS, why);
    rig_release(o);
}

/* ---- ttl */

static void set_ahead(rig *r, uint64_t ms)
{
    atomic_fetch_add(&r->instance->host.ahead_ms, ms);
}

/* In the process: on the host's clock, which is set ahead. */
static void expire_by_clock(rig *r)
{
    uint64_t start = now_of(r);
    set(r, "mortal", start + 60000, 0);
    set(r, "for ever", 0, 0);
    set(r, "touched", start + 60000, 0);
    set_ahead(r, 50000);
    expect(r, "mortal", MST_OP_GET, 0, true, "its end has not come");
    if (rig_has(r, MST_OP_TOUCH)) {
        touch(r, "touched", start + 500000);
        touch(r, "for ever", 0);
    }
    set_ahead(r, 20000);
    expect(r, "mortal", MST_OP_GET, 0, false, "its expires_ms is over");
    if (rig_has(r, MST_OP_EXISTS)) {
        expect(r, "mortal", MST_OP_EXISTS, 0, false, "its expires_ms is over");
    }
    if (rig_has(r, MST_OP_DEL)) {
        expect(r, "mortal", MST_OP_DEL, 0, false, "its expires_ms is over");
    }
    expect(r, "for ever", MST_OP_GET, 0, true, "expires_ms 0 is never");
    if (rig_has(r, MST_OP_TOUCH)) {
        expect(r, "touched", MST_OP_GET, 0, true, "TOUCH has given it a later end");
    }
}

/* Elsewhere: in real time, and with patience for clocks that tick in seconds. */
static void expire_by_waiting(rig *r)
{
    enum { LIFE_MS = 400, PATIENCE_MS = 3000 };
    uint64_t end = now_of(r) + LIFE_MS;
    set(r, "mortal", end, 0);
    set(r, "for ever", 0, 0);
    for (;;) {
        rig_op *o = rig_new(r, MST_OP_GET, 0, "mortal");
        mst_status status = rig_run(r, o);
        uint64_t now = now_of(r);
        rig_release(o);
        if (status == MST_MISS) {
            if (now + 5 < end) {
                check_fail(r->k, "an entry was gone %llu ms before its expires_ms",
                           (unsigned long long) (end - now));
            }
            break;
        }
        rig_expect(o, MST_OK, "its end has not come");
        if (now > end + PATIENCE_MS) {
            check_fail(r->k,
                       "an entry is there %d ms after its expires_ms, and MST_CAP_TTL "
                       "promises otherwise",
                       PATIENCE_MS);
        }
        check_loop_turn(r->loop, 20);
    }
    expect(r, "for ever", MST_OP_GET, 0, true, "expires_ms 0 is never");
}

void case_provider_ttl(kit *k)
{
    rig r;
    rig_open(k, &r);
    if (!(r.ops->caps & MST_CAP_TTL) || !rig_has(&r, MST_OP_SET)) {
        check_skip(k, "without MST_CAP_TTL the host looks after the end of entries");
    }
    if (r.inproc) {
        expire_by_clock(&r);
    } else {
        expire_by_waiting(&r);
    }
    rig_close(&r);
}

void case_provider_sliding(kit *k)
{
    enum { WINDOW = 60000 };
    rig r;
    rig_open(k, &r);
    if (!(r.ops->caps & MST_CAP_TTL) || !r.inproc) {
        check_skip(k, "only MST_CAP_INPROC with MST_CAP_TTL is asked to keep windows itself");
    }
    set(&r, "read", 0, WINDOW);
    set(&r, "peeked", 0, WINDOW);
    set(&r, "left", now_of(&r) + 5 * WINDOW / 2, WINDOW);
    for (int i = 0; i < 2; i++) {
        set_ahead(&r, WINDOW * 2 / 3);
        expect(&r, "read", MST_OP_GET, 0, true, "it was read within its sliding_ms");
        expect(&r, "left", MST_OP_GET, 0, true, "it was read within its sliding_ms");
        if (i == 0) {
            expect(&r, "peeked", MST_OP_GET, MST_OPF_PEEK, true, "its sliding_ms is not over");
        } else {
            expect(&r, "peeked", MST_OP_GET, 0, false, "MST_OPF_PEEK renews nothing");
        }
    }
    for (int i = 0; i < 2; i++) {
        set_ahead(&r, WINDOW * 2 / 3);
        rig_op *o = rig_new(&r, MST_OP_GET, 0, "left");
        rig_run(&r, o);
        rig_release(o);
    }
    expect(&r, "left", MST_OP_GET, 0, false, "expires_ms comes first, however often it is read");
    set_ahead(&r, WINDOW + 1000);
    expect(&r, "read", MST_OP_GET, 0, false, "nobody has read it for longer than its sliding_ms");
    rig_close(&r);
}

/* ---- cancel, stop */

enum { PENDING = 64 };

static void submit_many(rig *r, rig_op *ops[PENDING])
{
    for (int i = 0; i < PENDING; i++) {
        bool sets = i % 2 && rig_has(r, MST_OP_SET);
        ops[i] = rig_new(r, sets ? MST_OP_SET : MST_OP_GET, 0, i % 4 < 2 ? "one" : "two");
        if (sets) {
            rig_value(ops[i], value, sizeof value);
        }
    }
    rig_submit(r, ops, PENDING);
}

void case_provider_cancel(kit *k)
{
    rig_op *ops[PENDING];
    rig r;
    rig_open(k, &r);
    if (!r.ops->cancel || r.inproc || r.blocking) {
        check_skip(k, "it has no cancel()");
    }
    for (int round = 0; round < 20 && check_has_time(k); round++) {
        submit_many(&r, ops);
        for (int i = 0; i < PENDING; i++) {
            if (!atomic_load(&ops[i]->done) && check_draw(&k->random, 2)) {
                check_doing(k, "cancel() of a %s", rig_verb(ops[i]));
                r.ops->cancel(r.self, &ops[i]->op);
            }
        }
        rig_wait(&r, ops, PENDING);
        for (int i = 0; i < PENDING; i++) {
            rig_release(ops[i]);
        }
    }
    if (rig_has(&r, MST_OP_SET)) {
        set(&r, "after", 0, 0);
        expect(&r, "after", MST_OP_GET, 0, true, "cancelled operations leave the others alone");
    }
    rig_close(&r);
}

/* stop() in the middle of work; then a second instance clears up. */
void case_provider_stop(kit *k)
{
    rig_op *ops[PENDING];
    rig r;
    rig_open(k, &r);
    if (r.blocking) {
        check_skip(k, "a provider with MST_CAP_BLOCKING is idle when it ends");
    }
    submit_many(&r, ops);
    rig_stop(&r);
    for (int i = 0; i < PENDING; i++) {
        rig_release(ops[i]);
    }
    check_instance_end(r.instance);
    rig_open(k, &r);
    rig_close(&r);
}
