/* provider.c - cases of providers: what operations do, one by one, in batches, many at a time, and
 * from which threads the host is called. */
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "model.h"

enum { STEPS = 4000, BATCH = 16 };

void case_provider_model(kit *k)
{
    static model m;
    rig r;
    rig_open(k, &r);
    model_open(k, &m);
    for (int i = 0; i < STEPS && check_has_time(k); i++) {
        model_op mo = model_draw(&m, &r, (int) check_draw(&k->random, RIG_SPACES), false, true);
        rig_run(&r, mo.op);
        model_verify(&mo);
    }
    rig_close(&r);
}

void case_provider_conditions(kit *k)
{
    static model m;
    rig r;
    rig_open(k, &r);
    model_open(k, &m);
    if (!rig_has(&r, MST_OP_SET)) {
        check_skip(k, "it has no SET");
    }
    for (int i = 0; i < STEPS / 2 && check_has_time(k); i++) {
        model_op mo = model_draw(&m, &r, 0, true, false);
        rig_run(&r, mo.op);
        model_verify(&mo);
    }
    rig_close(&r);
}

/* ---- IF_SAME: the entry that a GET lent, or nothing happens */

static void set_same(rig *r, rig_op *pin, mst_status expected, const char *why)
{
    rig_op *o = rig_new(r, MST_OP_SET, 0, "same");
    rig_value(o, "third", 5);
    o->op.flags = MST_OPF_IF_SAME;
    o->op.same = pin->op.out.owner;
    rig_run(r, o);
    rig_expect(o, expected, why);
}

static void set_text(rig *r, const char *key, const char *text)
{
    rig_op *o = rig_new(r, MST_OP_SET, 0, key);
    rig_value(o, text, strlen(text));
    rig_run(r, o);
    rig_expect(o, MST_OK, "nothing is in its way");
}

void case_provider_same(kit *k)
{
    rig r;
    rig_open(k, &r);
    if (!r.inproc || !rig_has(&r, MST_OP_SET)) {
        check_skip(k, "only a provider with MST_CAP_INPROC is asked for MST_OPF_IF_SAME");
    }
    set_text(&r, "same", "first");
    rig_op *pin = rig_new(&r, MST_OP_GET, 0, "same");
    rig_run(&r, pin);
    rig_expect(pin, MST_OK, "the key is there");
    set_text(&r, "same", "second");
    set_same(&r, pin, MST_UNCHANGED, "another entry has taken the place");
    rig_release(pin);
    pin = rig_new(&r, MST_OP_GET, 0, "same");
    rig_run(&r, pin);
    set_same(&r, pin, MST_OK, "it is still the entry that was lent");
    rig_release(pin);
    rig_op *get = rig_new(&r, MST_OP_GET, 0, "same");
    rig_run(&r, get);
    rig_expect_value(get, "third", 5);
    rig_close(&r);
}

/* ---- batches */

static void run_all(rig *r, model_op *ops, size_t n)
{
    rig_op *batch[BATCH * 4];
    for (size_t i = 0; i < n; i++) {
        batch[i] = ops[i].op;
    }
    rig_submit(r, batch, n);
    rig_wait(r, batch, n);
    for (size_t i = 0; i < n; i++) {
        model_verify(&ops[i]);
    }
}

void case_provider_batch(kit *k)
{
    static model m;
    rig r;
    rig_open(k, &r);
    model_open(k, &m);
    for (int i = 0; i < STEPS / BATCH && check_has_time(k); i++) {
        model_op ops[BATCH * 4];
        size_t n = 1 + check_draw(&k->random, i % 8 ? BATCH : BATCH * 4);
        for (size_t j = 0; j < n; j++) {
            ops[j] = model_draw(&m, &r, (int) check_draw(&k->random, RIG_SPACES), true, false);
        }
        run_all(&r, ops, n);
    }
    rig_close(&r);
}

/* Many at once, none waited for, and the loop goes on for a while after the last answer. */
void case_provider_once(kit *k)
{
    enum { MANY = 400 };
    static model m;
    static model_op ops[MANY];
    rig r;
    rig_open(k, &r);
    model_open(k, &m);
    for (int round = 0; round < 5 && check_has_time(k); round++) {
        for (int i = 0; i < MANY; i++) {
            ops[i] = model_draw(&m, &r, round % RIG_SPACES, true, false);
            rig_submit(&r, &ops[i].op, 1);
            if (round && !r.inproc && !r.blocking && check_draw(&k->random, 20) == 0) {
                check_loop_turn(r.loop, 0);
            }
        }
        for (int i = 0; i < MANY; i++) {
            rig_wait(&r, &ops[i].op, 1);
            model_verify(&ops[i]);
        }
    }
    for (int i = 0; i < 5 && !r.inproc; i++) {
        check_loop_turn(r.loop, 10);
    }
    rig_close(&r);
}

/* A little of everything, while the host minds who calls it. */
void case_provider_threads(kit *k)
{
    static model m;
    rig r;
    rig_open_with(k, &r, NULL, true);
    model_open(k, &m);
    for (int i = 0; i < 200 && check_has_time(k); i++) {
        model_op mo = model_draw(&m, &r, 0, true, true);
        rig_run(&r, mo.op);
        model_verify(&mo);
    }
    rig_close(&r);
}

/* ---- the work of oom/every-allocation */

static void some_ops(rig *r)
{
    static const char text[] = "some text that is stored while memory is short";
    for (int i = 0; i < 6; i++) {
        rig_op *set = rig_new(r, MST_OP_SET, 0, i % 2 ? "odd" : "even");
        rig_op *get = rig_new(r, MST_OP_GET, 0, i % 2 ? "odd" : "even");
        rig_value(set, text, sizeof text);
        mst_status stored = rig_has(r, MST_OP_SET) ? rig_run(r, set) : MST_EIO;
        mst_status found = rig_run(r, get);
        if (stored == MST_OK && found == MST_OK) {
            rig_expect_value(get, text, sizeof text);
        } else {
            rig_release(get);
        }
        if (i == 3 && rig_has(r, MST_OP_DEL)) {
            rig_run(r, rig_new(r, MST_OP_DEL, 0, "odd"));
        }
    }
    if (rig_has(r, MST_OP_CLEAR)) {
        rig_run(r, rig_new(r, MST_OP_CLEAR, 0, ""));
    }
}

void scenario_provider(kit *k, check_instance *i)
{
    rig r;
    rig_allowed(k);
    if (rig_start(k, &r, i, i->host.loop, NULL) == MST_OK) {
        some_ops(&r);
        rig_stop(&r);
    }
    if (atomic_load(&i->host.retained)) {
        check_fail(k, "called retain() more often than release() while memory was short");
    }
}
