/* rig.c - see rig.h. Keys and values of an op are overwritten once it is done, and the op itself
 * stays until the end: whoever keeps a pointer or answers twice is found out. */
#define _POSIX_C_SOURCE 200809L
#include "rig.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { UNSET = 0x5e7, GONE = 0xd9, BEHIND = 32, RIG_WAIT_MS = 4000 };

static rig_op *op_of(mst_op *op)
{
    return (rig_op *) (void *) ((char *) op - offsetof(rig_op, op));
}

const char *rig_verb(const rig_op *o)
{
    static const char *const names[] = {"?", "GET", "SET", "DEL", "EXISTS", "TOUCH", "CLEAR"};
    return names[o->op.code <= MST_OP_CLEAR ? o->op.code : 0];
}

bool rig_has(const rig *r, int code)
{
    return r->ops->op_codes & 1u << code;
}

/* ---- completion */

static void finish(rig_op *o, mst_status status)
{
    size_t len = 0;
    o->result = status;
    memset(o->key, GONE, o->op.key.len);
    for (uint32_t i = 0; i < o->op.value_parts; i++) {
        len += o->parts[i].len;
    }
    if (len) {
        memset(o->value, GONE, len);
    }
    atomic_store(&o->done, true);
}

static void complete(rig_op *o, mst_status status)
{
    kit *k = o->r->k;
    if (!o->submitted) {
        check_fail(k, "completed a %s that was not submitted", rig_verb(o));
    }
    if (atomic_fetch_add(&o->completions, 1) || atomic_load(&o->done)) {
        check_fail(k, "completed a %s twice", rig_verb(o));
    }
    if (status == MST_PENDING) {
        check_fail(k, "completed a %s with MST_PENDING", rig_verb(o));
    }
    finish(o, status);
}

static void done(mst_op *op, mst_status status)
{
    rig_op *o = op_of(op);
    check_host_on_loop(&o->r->instance->host, "op_done");
    complete(o, status);
}

static void done_mt(mst_op *op, mst_status status)
{
    rig_op *o = op_of(op);
    check_loop *loop = o->r->loop;
    complete(o, status);
    check_loop_wake(loop);
}

/* ---- making ops */

static size_t priv_at(void)
{
    return (sizeof(rig_op) + 15) / 16 * 16;
}

rig_op *rig_new(rig *r, int code, int space, const char *key)
{
    size_t key_len = code == MST_OP_CLEAR ? 0 : strlen(key);
    rig_op *o = check_memory(r->k, priv_at() + r->ops->op_priv_size + BEHIND);
    memset((char *) o + priv_at() + r->ops->op_priv_size, GONE, BEHIND);
    o->r = r;
    o->next = r->made;
    r->made = o;
    o->key = check_memory(r->k, key_len);
    memcpy(o->key, key, key_len);
    uint64_t hash = r->spaces[space].id;
    for (size_t i = 0; i < key_len; i++) {
        hash = check_mix(hash + o->key[i]);
    }
    o->op =
        (mst_op){.struct_size = sizeof o->op,
                 .code = (uint16_t) code,
                 .status = UNSET,
                 .priv_offset = (uint32_t) (priv_at() - offsetof(rig_op, op)),
                 .hash = hash,
                 .space = &r->spaces[space],
                 .key = {o->key, key_len},
                 .expires_ms = code == MST_OP_GET || code == MST_OP_EXISTS ? MST_TIME_UNKNOWN : 0};
    return o;
}

void rig_value(rig_op *o, const void *data, size_t len)
{
    check_random *random = &o->r->k->random;
    size_t first = check_draw(random, len + 1), second = check_draw(random, len - first + 1);
    o->value = check_memory(o->r->k, len);
    if (len) {
        memcpy(o->value, data, len);
    }
    o->parts[0] = (mst_slice){o->value, first};
    o->parts[1] = (mst_slice){o->value + first, second};
    o->parts[2] = (mst_slice){o->value + first + second, len - first - second};
    o->op.value = o->parts;
    o->op.value_parts = len || check_draw(random, 2) ? 3 : 0;
}

/* ---- submitting */

typedef struct batch {
    rig *r;
    mst_op *ops[512];
    size_t n;
} batch;

static void *submit(void *arg)
{
    batch *b = arg;
    b->r->ops->submit(b->r->self, b->ops, b->n);
    return NULL;
}

static void submit_elsewhere(rig *r, batch *b)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, submit, b)) {
        check_skip(r->k, "no thread");
    }
    pthread_join(thread, NULL);
}

/* What submit() left: the answer, or MST_PENDING. */
static void take_answer(rig *r, rig_op *o)
{
    const uint8_t *behind = (uint8_t *) o + priv_at() + r->ops->op_priv_size;
    mst_status status = o->op.status;
    for (int i = 0; i < BEHIND; i++) {
        if (behind[i] != GONE) {
            check_fail(r->k, "wrote beyond the private bytes of an op");
        }
    }
    if (status == UNSET) {
        check_fail(r->k, "submit() did not set the status of a %s", rig_verb(o));
    }
    if (status == MST_PENDING) {
        if (r->inproc || r->blocking) {
            check_fail(r->k, "left a %s MST_PENDING, which %s may not", rig_verb(o),
                       r->inproc ? "MST_CAP_INPROC" : "MST_CAP_BLOCKING");
        }
        return;
    }
    if (atomic_load(&o->completions)) {
        check_fail(r->k, "answered a %s in submit() and completed it as well", rig_verb(o));
    }
    finish(o, status);
}

void rig_submit(rig *r, rig_op *const *ops, size_t n)
{
    batch b = {.r = r, .n = n};
    const mst_host *host = &r->instance->host.host;
    for (size_t i = 0; i < n; i++) {
        b.ops[i] = &ops[i]->op;
        ops[i]->op.now_ms = host->now_ms(host);
        ops[i]->submitted = true;
    }
    check_doing(r->k, "submit() of %zu ops, the first a %s", n, rig_verb(ops[0]));
    if (r->blocking) {
        submit_elsewhere(r, &b);
    } else {
        submit(&b);
    }
    for (size_t i = 0; i < n; i++) {
        take_answer(r, ops[i]);
    }
}

/* How long the loop is turned for an answer. */
static int64_t patience(const rig *r)
{
    int64_t share = r->k->setup->limit_ms * 2 / 5;
    return share < RIG_WAIT_MS ? share : RIG_WAIT_MS;
}

void rig_wait(rig *r, rig_op *const *ops, size_t n)
{
    uint64_t end = check_clock_ms() + (uint64_t) patience(r);
    for (size_t i = 0; i < n; i++) {
        while (!atomic_load(&ops[i]->done)) {
            check_doing(r->k, "the loop, with a %s pending", rig_verb(ops[i]));
            if (check_clock_ms() >= end) {
                check_fail(r->k, "did not complete a %s within %lld ms", rig_verb(ops[i]),
                           (long long) patience(r));
            }
            check_loop_turn(r->loop, 100);
        }
    }
}

mst_status rig_run(rig *r, rig_op *o)
{
    rig_submit(r, &o, 1);
    rig_wait(r, &o, 1);
    return o->result;
}

void rig_release(rig_op *o)
{
    mst_value out = o->op.out;
    o->op.out = (mst_value){NULL, 0, NULL, NULL};
    if (out.release) {
        check_doing(o->r->k, "release() of a lent value");
        out.release(out.owner);
    }
}

void rig_expect(const rig_op *o, mst_status expected, const char *why)
{
    if (o->result != expected) {
        check_fail(o->r->k, "%s returned %s (%d) and not %s: %s", rig_verb(o),
                   check_status(o->result), (int) o->result, check_status(expected), why);
    }
}

void rig_expect_value(rig_op *o, const void *data, size_t len)
{
    rig_expect(o, MST_OK, "the key is there");
    if (o->op.out.len != len) {
        check_fail(o->r->k, "GET returned %zu bytes where %zu were stored", o->op.out.len, len);
    }
    if (len && (!o->op.out.data || memcmp(o->op.out.data, data, len) != 0)) {
        check_fail(o->r->k, "GET returned other bytes than were stored");
    }
    rig_release(o);
}

/* ---- starting and stopping */

void rig_allowed(kit *k)
{
    const mst_provider_ops *ops = &k->ops.provider;
    if (!(ops->caps & (MST_CAP_INPROC | MST_CAP_BLOCKING)) && k->plugin->option_count &&
        !k->setup->option_count) {
        check_skip(k, "it works outside of the process: say with --option where it may write");
    }
}

static void name_spaces(rig *r)
{
    for (int i = 0; i < RIG_SPACES; i++) {
        int len =
            snprintf(r->prefixes[i], sizeof r->prefixes[i], "check:%lx:%d:", (long) getpid(), i);
        r->spaces[i] =
            (mst_space){sizeof r->spaces[i], (uint32_t) i, {r->prefixes[i], (size_t) len}};
        r->askers[i] = (mst_asker){.struct_size = sizeof(mst_asker), .space = &r->spaces[i]};
    }
}

mst_status rig_start(kit *k, rig *r, check_instance *i, check_loop *loop,
                     const mst_evictor *evictor)
{
    const mst_provider_env env = {sizeof env, evictor};
    *r = (rig){.k = k, .loop = loop, .instance = i, .self = i->self, .ops = &k->ops.provider};
    r->inproc = r->ops->caps & MST_CAP_INPROC;
    r->blocking = r->ops->caps & MST_CAP_BLOCKING;
    name_spaces(r);
    check_host_set_ops(&i->host, done, done_mt);
    check_doing(k, "start()");
    i->host.may_set_error = true;
    mst_status status = r->ops->start ? r->ops->start(r->self, &env) : MST_OK;
    i->host.may_set_error = false;
    return status < 0 ? status : MST_OK;
}

/* Does the back end answer? A far one need not. */
static void try_back_end(rig *r)
{
    if (r->inproc || !rig_has(r, MST_OP_SET)) {
        return;
    }
    rig_op *o = rig_new(r, MST_OP_SET, 0, "hello");
    rig_value(o, "hello", 5);
    if (rig_run(r, o) < 0) {
        check_skip(r->k, "its back end does not answer (%s); say with --option where one does",
                   check_status(o->result));
    }
    if (rig_has(r, MST_OP_DEL)) {
        rig_run(r, rig_new(r, MST_OP_DEL, 0, "hello"));
    }
}

void rig_open_with(kit *k, rig *r, const mst_evictor *evictor, bool wrong_threads)
{
    check_subject(k);
    rig_allowed(k);
    check_loop *loop = check_loop_new(k);
    check_instance *i = check_memory(k, sizeof *i);
    check_instance_begin(k, i, loop);
    atomic_store(&i->host.wrong_threads, wrong_threads);
    mst_status status = rig_start(k, r, i, loop, evictor);
    const char *why = i->host.error[0] ? i->host.error : check_status(status);
    if (status != MST_OK && r->inproc) {
        check_fail(k, "start() failed: %s", why);
    }
    if (status != MST_OK) {
        check_skip(k, "start() failed: %s; say with --option where its back end is", why);
    }
    try_back_end(r);
}

void rig_open(kit *k, rig *r)
{
    rig_open_with(k, r, NULL, false);
}

static void check_all_done(const rig *r)
{
    for (const rig_op *o = r->made; o; o = o->next) {
        if (o->submitted && !atomic_load(&o->done)) {
            check_fail(r->k, "a %s was not completed when the provider had stopped", rig_verb(o));
        }
    }
}

void rig_stop(rig *r)
{
    check_host *h = &r->instance->host;
    uint64_t end = check_clock_ms() + (uint64_t) patience(r);
    if (r->ops->stop && !r->blocking) {
        check_doing(r->k, "stop()");
        r->ops->stop(r->self);
        while (!atomic_load(&h->stopped)) {
            if (check_clock_ms() >= end) {
                check_fail(r->k, "did not call stopped() within %lld ms after stop()",
                           (long long) patience(r));
            }
            check_loop_turn(r->loop, 100);
        }
    }
    check_all_done(r);
    const char *open = check_loop_open(r->loop);
    if (open) {
        check_fail(r->k, "says that it has stopped, but %s", open);
    }
    check_loop_turn(r->loop, 0);
    check_loop_turn(r->loop, 0);
}

static void drop_ops(rig *r)
{
    while (r->made) {
        rig_op *o = r->made;
        r->made = o->next;
        free(o->key);
        free(o->value);
        free(o);
    }
}

void rig_close(rig *r)
{
    for (int i = 0; i < RIG_SPACES && rig_has(r, MST_OP_CLEAR); i++) {
        rig_run(r, rig_new(r, MST_OP_CLEAR, i, ""));
    }
    rig_stop(r);
    if (atomic_load(&r->instance->host.retained)) {
        check_fail(r->k, "called retain() more often than release(): it would never be finished");
    }
    check_instance_end(r->instance);
    drop_ops(r);
}
