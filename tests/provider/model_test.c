/* A million operations on the provider "memory" under a tight bound, against a simple model.
 *
 * The policy is a spy that tells the model which entry goes and why, so the model knows exactly
 * what must be there: every answer, every byte and every time is compared, every entry must go
 * exactly once, and the bound must hold after each operation.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provider/rig.h"
#include "provider/spy.h"

enum { SPACES = 3, KEYS = 1400, SLOTS = SPACES * KEYS, TABLE = 16384, HELD = 50, BIG = 1 << 20 };

typedef struct thing {
    mst_object object; /* first */
    int refs, slot;
    uint32_t version;
} thing;

typedef struct value {
    uint32_t version;
    size_t len;
    bool object;
    uint64_t tag, created;
} value;

typedef struct slot {
    char key[24];
    mst_space space;
    uint64_t hash;
    bool linked;
    uint32_t identity; /* of the entry, for IF_SAME */
    value value;
    uint64_t limit, window, end;
} slot;

typedef struct held {
    mst_op op; /* a GET that hit */
    int slot;
    uint32_t identity;
    value value;
} held;

static slot slots[SLOTS];
static int by_hash[TABLE]; /* slot + 1 */
static held pins[HELD];
static spy s;
static rig r;
static mst_asker asker; /* this thread */
static uint64_t random_state = 99;
static int things;
static uint64_t mortal = 3; /* one in so many entries gets an end, and one a sliding one */
static uint64_t wrong_goodbyes;
static int expected_slot; /* that the current operation may take away */

static uint64_t draw(uint64_t below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (random_state >> 33) % below;
}

static uint64_t now(void)
{
    return atomic_load(&r.host.now_ms);
}

static int *bucket(uint64_t hash)
{
    uint32_t at = hash % TABLE;
    while (by_hash[at] && slots[by_hash[at] - 1].hash != hash) {
        at = (at + 1) % TABLE;
    }
    return &by_hash[at];
}

static bool over(const slot *m)
{
    return m->end && m->end <= now();
}

static void gone(void *arg, uint64_t hash, int why)
{
    (void) arg;
    int at = *bucket(hash) - 1;
    bool right = at >= 0 && slots[at].linked;
    if (right && why == MST_GONE_EXPIRED) {
        right = over(&slots[at]);
    } else if (right && (why == MST_GONE_DELETED || why == MST_GONE_REPLACED)) {
        right = at == expected_slot && !over(&slots[at]);
    }
    wrong_goodbyes += !right;
    if (at >= 0) {
        slots[at].linked = false;
    }
}

static void prepare(void)
{
    for (int i = 0; i < SLOTS; i++) {
        slot *m = &slots[i];
        snprintf(m->key, sizeof m->key, "key:%d", i / SPACES);
        m->space.struct_size = sizeof m->space;
        m->space.id = i % SPACES == 2 ? 100000 : (uint32_t) (i % SPACES);
        m->hash = rig_hash(&m->space, rig_text(m->key));
        cr_assert_eq(*bucket(m->hash), 0);
        *bucket(m->hash) = i + 1;
    }
}

static mst_op op_for(int at, uint16_t code)
{
    return rig_op(&r, code, &slots[at].space, rig_text(slots[at].key));
}

/* ---- values: slot, version, and a pattern that follows from them */

static uint8_t pattern(int at, uint32_t version, size_t i)
{
    return (uint8_t) ((uint32_t) at * 31 + version * 7 + i);
}

static void check_value(const mst_op *op, int at, const value *v)
{
    if (op->out_object) {
        thing *t = (thing *) op->out_object;
        cr_assert(t->refs > 0 && t->slot == at && t->version == v->version);
        return;
    }
    cr_assert_eq(op->out.len, v->len);
    const uint8_t *bytes = op->out.data;
    for (size_t i = 0; i < v->len; i += i < 16 || i + 16 > v->len ? 1 : 97) {
        cr_assert_eq(bytes[i], pattern(at, v->version, i));
    }
}

static void retain(mst_object *object)
{
    ((thing *) object)->refs++;
}

static void release(mst_object *object)
{
    thing *t = (thing *) object;
    if (--t->refs == 0) {
        things--;
        free(t);
    }
}

static mst_object *new_thing(int at, uint32_t version, size_t bytes)
{
    thing *t = malloc(sizeof *t);
    *t = (thing){{retain, release, bytes}, 1, at, version};
    things++;
    return &t->object;
}

/* ---- operations */

static size_t draw_length(void)
{
    uint64_t kind = draw(1000);
    return kind == 0 ? BIG : draw(kind < 20 ? 20000 : kind < 300 ? 2000 : 150);
}

static void draw_life(mst_op *op)
{
    op->expires_ms = draw(mortal) ? 0 : now() + draw(4000);
    op->sliding_ms = draw(mortal) ? 0 : 1 + draw(2000);
}

static uint64_t end_of(uint64_t limit, uint64_t window)
{
    uint64_t end = window ? now() + window : 0;
    return end && (!limit || end < limit) ? end : limit;
}

static bool draw_condition(mst_op *op, int at)
{
    bool present = slots[at].linked && !over(&slots[at]);
    const held *h = &pins[draw(HELD)];
    switch (draw(8)) {
    case 0:
        op->flags = MST_OPF_IF_ABSENT;
        return !present;
    case 1:
        op->flags = MST_OPF_IF_PRESENT;
        return present;
    case 2:
        if (!h->op.out.release) {
            return true;
        }
        op->flags = MST_OPF_IF_SAME;
        op->same = h->op.out.owner;
        return present && h->slot == at && h->identity == slots[at].identity;
    default:
        return true;
    }
}

static void do_set(int at)
{
    static uint8_t bytes[BIG];
    slot *m = &slots[at];
    mst_op op = op_for(at, MST_OP_SET);
    bool holds = draw_condition(&op, at), object = draw(10) == 0;
    uint32_t version = m->value.version + 1;
    size_t len = draw_length(), half = len / 2;
    for (size_t i = 0; i < len; i++) {
        bytes[i] = pattern(at, version, i);
    }
    const mst_slice parts[2] = {{bytes, half}, {bytes + half, len - half}};
    op.value = parts;
    op.value_parts = 2;
    op.object = object ? new_thing(at, version, len) : NULL;
    op.tag = draw(2) ? random_state : 0;
    op.created_ms = draw(2) ? now() : 0;
    draw_life(&op);
    uint64_t refused = rig_stat(&r, "refused");
    expected_slot = at;
    mst_status status = rig_run(&r, &op);
    if (object) {
        op.object->release(op.object);
    }
    if (!holds) {
        cr_assert_eq(status, MST_UNCHANGED);
        cr_assert_eq(rig_stat(&r, "refused"), refused);
        return;
    }
    cr_assert_not(m->linked, "the old value is gone whatever happened");
    uint64_t end = end_of(op.expires_ms, op.sliding_ms);
    if (len == BIG) {
        cr_assert_eq(status, MST_ETOOBIG);
    } else if (status == MST_UNCHANGED) {
        cr_assert_eq(rig_stat(&r, "refused"), refused + 1);
    } else {
        cr_assert_eq(status, MST_OK);
        m->value = (value){.version = version,
                           .len = len,
                           .object = object,
                           .tag = op.tag,
                           .created = op.created_ms};
        m->limit = op.expires_ms;
        m->window = op.sliding_ms;
        m->end = end;
        m->linked = !over(m);
        m->identity++;
    }
}

static void renew(slot *m)
{
    uint64_t end = m->window ? end_of(m->limit, m->window) : m->end;
    if (end > m->end && (end - m->end >= m->window / 8 || end == m->limit)) {
        m->end = end;
    }
}

static void check_get(mst_op *op, int at)
{
    slot *m = &slots[at];
    if (!m->linked) {
        cr_assert_eq(op->status, MST_MISS);
        return;
    }
    cr_assert_eq(op->status, MST_OK);
    if (!(op->flags & MST_OPF_PEEK)) {
        renew(m);
    }
    cr_assert_eq(op->expires_ms, m->end);
    cr_assert_eq(op->sliding_ms, m->window);
    cr_assert_eq(m->window ? op->limit_ms : 0, m->window ? m->limit : 0);
    cr_assert_eq(op->tag, m->value.tag);
    cr_assert_eq(op->created_ms, m->value.created);
    cr_assert_eq(op->out_object != NULL, m->value.object);
    check_value(op, at, &m->value);
}

static void keep_or_release(mst_op *op, int at)
{
    held *h = &pins[draw(HELD)];
    if (op->status != MST_OK) {
        return;
    }
    if (draw(8)) {
        rig_release(op);
        return;
    }
    if (h->op.out.release) {
        check_value(&h->op, h->slot, &h->value);
        rig_release(&h->op);
    }
    *h = (held){*op, at, slots[at].identity, slots[at].value};
}

static void do_get(int at)
{
    mst_op op = op_for(at, MST_OP_GET);
    op.flags = draw(8) ? 0 : MST_OPF_PEEK;
    if (op.flags || draw(2)) {
        rig_run(&r, &op);
    } else if (rig_look(&r, &op, draw(2) ? &asker : NULL) == MST_OK &&
               !op.out_object) { /* it does not tell these */
        op.tag = slots[at].value.tag;
        op.sliding_ms = slots[at].window;
        op.limit_ms = slots[at].limit;
    }
    check_get(&op, at);
    keep_or_release(&op, at);
}

static void do_get_many(void)
{
    enum { MANY = 40 };
    mst_op op[MANY], *ops[MANY];
    int at[MANY];
    size_t n = 1 + draw(MANY);
    for (size_t i = 0; i < n; i++) {
        at[i] = (int) draw(SLOTS);
        op[i] = op_for(at[i], MST_OP_GET);
        ops[i] = &op[i];
    }
    r.ops->submit(r.self, ops, n);
    for (size_t i = 0; i < n; i++) {
        check_get(&op[i], at[i]);
        keep_or_release(&op[i], at[i]);
    }
}

static void do_del(int at)
{
    mst_op op = op_for(at, MST_OP_DEL);
    bool present = slots[at].linked && !over(&slots[at]);
    expected_slot = at;
    cr_assert_eq(rig_run(&r, &op), present ? MST_OK : MST_MISS);
    cr_assert_not(slots[at].linked);
}

static void do_exists(int at)
{
    mst_op op = op_for(at, MST_OP_EXISTS);
    rig_run(&r, &op);
    cr_assert_eq(op.status, slots[at].linked ? MST_OK : MST_MISS);
    cr_assert(op.status == MST_MISS || op.expires_ms == slots[at].end);
}

static void do_touch(int at)
{
    slot *m = &slots[at];
    mst_op op = op_for(at, MST_OP_TOUCH);
    draw_life(&op);
    bool present = m->linked && !over(m);
    uint64_t inserted = s.inserted, refused = rig_stat(&r, "refused");
    expected_slot = at;
    rig_run(&r, &op);
    if (!present || rig_stat(&r, "refused") != refused) {
        cr_assert_eq(op.status, MST_MISS);
        cr_assert_not(m->linked);
        return;
    }
    cr_assert_eq(op.status, MST_OK);
    m->limit = op.expires_ms;
    m->window = op.sliding_ms;
    m->end = end_of(m->limit, m->window);
    if (s.inserted != inserted) { /* stored again, with room for a window */
        m->linked = true;
        m->identity++;
    }
    cr_assert(m->linked || over(m));
}

static void do_clear(void)
{
    int at = (int) draw(SLOTS);
    mst_op op = op_for(at, MST_OP_CLEAR);
    cr_assert_eq(rig_run(&r, &op), MST_OK);
    for (int i = at % SPACES; i < SLOTS; i += SPACES) {
        cr_assert_not(slots[i].linked);
    }
}

static void operate(void)
{
    int at = (int) (draw(2) ? draw(SLOTS) : draw(SLOTS / 10));
    s.refuse = draw(50) == 0;
    uint64_t what = draw(10000);
    expected_slot = -1;
    if (what < 4000) {
        do_get(at);
    } else if (what < 4200) {
        do_get_many();
    } else if (what < 8000) {
        do_set(at);
    } else if (what < 8700) {
        do_del(at);
    } else if (what < 9000) {
        do_exists(at);
    } else if (what < 9999) {
        do_touch(at);
    } else {
        do_clear();
    }
}

static void check_figures(void)
{
    uint64_t linked = 0;
    for (int i = 0; i < SLOTS; i++) {
        linked += slots[i].linked;
    }
    cr_assert_eq(rig_stat(&r, "entries"), linked);
    cr_assert_eq(s.inserted, s.removed + s.evicted + linked);
    cr_assert_eq(rig_stat(&r, "evictions"), s.evicted);
    cr_assert_eq(rig_stat(&r, "stores"), s.inserted);
    cr_assert_lt((double) atomic_load(&r.host.taken), 1.05 * (double) rig_stat(&r, "bytes"));
}

static void run(uint64_t max_bytes, uint64_t shards, int operations)
{
    const rig_setup setup = {
        .max_bytes = max_bytes, .shards = shards, .policy = &spy_ops, .policy_self = &s};
    s.gone = gone;
    rig_open(&r, &setup);
    cr_assert_eq(r.start, MST_OK);
    prepare();
    for (int i = 0; i < operations; i++) {
        rig_pass_ms(&r, draw(4));
        operate();
        cr_assert_leq(rig_stat(&r, "bytes"), max_bytes);
        cr_assert_eq(wrong_goodbyes, 0, "after %d operations", i);
        if (i % 5000 == 0) {
            check_figures();
        }
    }
}

static void finish(void)
{
    rig_stop(&r);
    for (int i = 0; i < HELD; i++) {
        if (pins[i].op.out.release) {
            check_value(&pins[i].op, pins[i].slot, &pins[i].value);
            rig_release(&pins[i].op);
        }
    }
    cr_assert(rig_free(&r));
    cr_assert_eq(things, 0);
    cr_assert_eq(s.faults, 0);
    cr_assert_eq(s.inserted, s.removed + s.evicted);
}

Test(model, a_tight_bound)
{
    run(192 << 10, 2, 700000);
    cr_assert_gt(s.evicted, 10000);
    cr_assert_gt(s.updated, 1000);
    cr_assert_gt(rig_stat(&r, "expirations"), 1000);
    cr_assert_gt(rig_stat(&r, "refused"), 1000);
    finish();
}

Test(model, room_for_most)
{
    mortal = 20;
    run(900 << 10, 1, 300000);
    cr_assert_gt(s.evicted, 100);
    cr_assert_geq(rig_stat(&r, "grows"), 1);
    finish();
}
