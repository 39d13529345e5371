/* memory.c - fuzz target: the provider "memory" against a model of what may be there.
 *
 * The input says how large the cache is, which policy it has and how good the hash is, and then
 * which operations come. A policy may take away what it likes at any time, so the model knows of
 * each key what a hit must answer, if it is one, and whether it can be one. After each operation
 * the bounds must hold, what is pinned must be as it was, and AddressSanitizer watches the pages.
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "provider/rig.h"
#include "provider/spy.h"

extern const mst_module memstache_module_eviction_adaptive;
extern const mst_module memstache_module_eviction_s3fifo;
extern const mst_module memstache_module_eviction_wtinylfu;

enum {
    SPACES = 3,
    KEYS = 64,
    SLOTS = SPACES * KEYS,
    LONG_KEY = 300,
    KEY_ROOM = LONG_KEY + 8,
    HELD = 12,
    MANY = 20,
    VALUE_MOST = 300000,
    KEPT_MOST = 16 << 10 /* for loans and rests of pages */
};

typedef struct value {
    uint32_t version, len;
    uint64_t tag;
} value;

typedef struct slot {
    char key[KEY_ROOM];
    mst_space space;
    bool maybe;        /* it may be there */
    bool has_window;   /* the entry has room for a sliding end */
    uint32_t identity; /* of the entry, for IF_SAME */
    value value;
    uint64_t limit, window, end;
} slot;

typedef struct held {
    mst_value out;
    int slot;
    uint32_t identity;
    value value;
} held;

static slot slots[SLOTS];
static held pins[HELD];
static rig r;
static mst_asker askers[SPACES]; /* this thread, in each space */
static spy spied;
static fake_host policy_host; /* of any other policy */
static const mst_plugin *policy;
static void *policy_self;
static uint64_t max_bytes, max_entries, hash_mask;
static bool short_of_memory; /* an allocation may have failed */

/* ---- the model */

static uint64_t now(void)
{
    return atomic_load(&r.host.now_ms);
}

static bool over(const slot *m)
{
    return m->end && m->end <= now();
}

static uint64_t end_of(uint64_t limit, uint64_t window)
{
    uint64_t end = window ? now() + window : 0;
    return end && (!limit || end < limit) ? end : limit;
}

static void renew(slot *m)
{
    uint64_t end = m->window ? end_of(m->limit, m->window) : m->end;
    if (end > m->end && (end - m->end >= m->window / 8 || end == m->limit)) {
        m->end = end;
    }
}

static uint8_t pattern(int at, uint32_t version, size_t i)
{
    return (uint8_t) ((uint32_t) at * 31 + version * 7 + i);
}

static void check_value(const mst_value *out, int at, const value *v)
{
    const uint8_t *bytes = out->data;
    CHECK(out->len == v->len);
    for (size_t i = 0; i < v->len; i += i < 16 || i + 16 > v->len ? 1 : 61) {
        CHECK(bytes[i] == pattern(at, v->version, i));
    }
}

static void prepare(void)
{
    memset(slots, 0, sizeof slots);
    for (int i = 0; i < SLOTS; i++) {
        slot *m = &slots[i];
        int number = i / SPACES;
        int length = number % 8 == 7 ? LONG_KEY : 1; /* every eighth key is long */
        snprintf(m->key, sizeof m->key, "%0*d", length, number);
        m->space.struct_size = sizeof m->space;
        m->space.id = i % SPACES == 2 ? 100000 : (uint32_t) (i % SPACES);
    }
}

static mst_op op_for(int at, uint16_t code)
{
    mst_op op = rig_op(&r, code, &slots[at].space, rig_text(slots[at].key));
    op.hash &= hash_mask;
    return op;
}

static int draw_slot(fuzz_input *in)
{
    return (int) (fuzz_byte(in) % SLOTS);
}

/* ---- pins */

static void drop_pin(held *h)
{
    if (h->out.release) {
        check_value(&h->out, h->slot, &h->value);
        h->out.release(h->out.owner);
        h->out.release = NULL;
    }
}

static void keep_or_release(fuzz_input *in, mst_value *out, int at)
{
    uint32_t where = fuzz_byte(in);
    if (where % 4) {
        out->release(out->owner);
        return;
    }
    held *h = &pins[where / 4 % HELD];
    drop_pin(h);
    *h = (held){*out, at, slots[at].identity, slots[at].value};
}

/* ---- operations */

static uint32_t draw_length(fuzz_input *in)
{
    static const uint32_t most[] = {1, 20, 150, 600, 2000, 9000, 40000, VALUE_MOST};
    uint32_t kind = fuzz_byte(in);
    return (uint32_t) ((uint64_t) fuzz_word(in) * most[kind % 8] >> 16);
}

static void draw_life(fuzz_input *in, mst_op *op)
{
    uint32_t kind = fuzz_byte(in);
    op->expires_ms = kind & 1 ? now() + fuzz_byte(in) * 16 : 0;
    op->sliding_ms = kind & 2 ? 1 + fuzz_byte(in) * 8 : 0;
}

static const held *draw_condition(fuzz_input *in, mst_op *op)
{
    uint32_t kind = fuzz_byte(in);
    const held *h = &pins[kind / 8 % HELD];
    op->flags = kind % 8 == 0 ? MST_OPF_IF_ABSENT : kind % 8 == 1 ? MST_OPF_IF_PRESENT : 0;
    if (kind % 8 != 2 || !h->out.release) {
        return NULL;
    }
    op->flags = MST_OPF_IF_SAME;
    op->same = h->out.owner;
    return h;
}

static void stored(slot *m, const mst_op *op, const value *v)
{
    m->value = *v;
    m->limit = op->expires_ms;
    m->window = op->sliding_ms;
    m->has_window = op->sliding_ms;
    m->end = end_of(m->limit, m->window);
    m->maybe = !over(m);
    m->identity++;
}

static void do_set(fuzz_input *in)
{
    static uint8_t bytes[VALUE_MOST];
    int at = draw_slot(in);
    slot *m = &slots[at];
    mst_op op = op_for(at, MST_OP_SET);
    value v = {m->value.version + 1, draw_length(in), fuzz_byte(in) % 2};
    for (uint32_t i = 0; i < v.len; i++) {
        bytes[i] = pattern(at, v.version, i);
    }
    const mst_slice parts[2] = {{bytes, v.len / 3}, {bytes + v.len / 3, v.len - v.len / 3}};
    op.value = parts;
    op.value_parts = 2;
    op.tag = v.tag;
    draw_life(in, &op);
    const held *same = draw_condition(in, &op);
    bool could_be = m->maybe && !over(m);
    m->value.version = v.version; /* never used again */
    switch (rig_run(&r, &op)) {
    case MST_OK:
        CHECK(could_be || !(op.flags & (MST_OPF_IF_PRESENT | MST_OPF_IF_SAME)));
        CHECK(!same || (same->slot == at && same->identity == m->identity));
        stored(m, &op, &v);
        break;
    case MST_UNCHANGED:
        m->value.version--;
        m->maybe = could_be && op.flags;
        break;
    default:
        CHECK(op.status == MST_ETOOBIG || (op.status == MST_ENOMEM && short_of_memory));
        m->maybe = false;
    }
}

/* What a GET, or a lookup, has to say. */
static void check_hit(mst_status status, int at, const mst_value *out, uint64_t expires_ms)
{
    slot *m = &slots[at];
    if (status == MST_OK) {
        CHECK(m->maybe && !over(m));
        renew(m);
        CHECK(expires_ms == m->end);
        check_value(out, at, &m->value);
    } else {
        CHECK(status == MST_MISS || (status == MST_ENOMEM && short_of_memory));
        m->maybe = m->maybe && status == MST_ENOMEM;
    }
}

static void do_get(fuzz_input *in)
{
    mst_op op[MANY], *ops[MANY];
    int at[MANY];
    size_t n = 1 + fuzz_byte(in) % MANY;
    for (size_t i = 0; i < n; i++) {
        at[i] = draw_slot(in);
        op[i] = op_for(at[i], MST_OP_GET);
        ops[i] = &op[i];
    }
    r.ops->submit(r.self, ops, n);
    for (size_t i = 0; i < n; i++) {
        check_hit(op[i].status, at[i], &op[i].out, op[i].expires_ms);
        if (op[i].status == MST_OK) {
            CHECK(op[i].tag == slots[at[i]].value.tag);
            CHECK(op[i].sliding_ms == slots[at[i]].window);
            keep_or_release(in, &op[i].out, at[i]);
        }
    }
}

static void do_lookup(fuzz_input *in)
{
    mst_lookup l[MANY];
    mst_result answer[MANY];
    mst_op op[MANY];
    mst_asker strangers[MANY] = {{0}};
    int at[MANY];
    uint32_t how = fuzz_byte(in);
    size_t n = how % 2 ? 1 : 1 + how / 2 % MANY;
    memset(answer, 0xa5, sizeof answer);
    for (size_t i = 0; i < n; i++) {
        at[i] = draw_slot(in);
        op[i] = op_for(at[i], MST_OP_GET);
        l[i] = rig_question(&op[i], how / 2 % 2 ? &askers[at[i] % SPACES] : &strangers[i]);
    }
    if (how % 2) {
        answer[0].status = r.ops->lookup(r.self, l, answer);
    } else {
        r.ops->lookup_many(r.self, l, answer, n);
    }
    for (size_t i = 0; i < n; i++) {
        rig_answer(&op[i], &answer[i]);
        check_hit(op[i].status, at[i], &op[i].out, op[i].expires_ms);
        if (op[i].status == MST_OK) {
            keep_or_release(in, &op[i].out, at[i]);
        }
    }
}

static void do_del(fuzz_input *in)
{
    int at = draw_slot(in);
    slot *m = &slots[at];
    mst_op op = op_for(at, MST_OP_DEL);
    rig_run(&r, &op);
    CHECK(op.status == MST_MISS || (op.status == MST_OK && m->maybe && !over(m)));
    m->maybe = false;
}

static void do_exists(fuzz_input *in)
{
    int at = draw_slot(in);
    slot *m = &slots[at];
    mst_op op = op_for(at, MST_OP_EXISTS);
    if (rig_run(&r, &op) == MST_OK) {
        CHECK(m->maybe && !over(m) && op.expires_ms == m->end && op.sliding_ms == m->window);
    } else {
        CHECK(op.status == MST_MISS);
        m->maybe = false;
    }
}

static void do_touch(fuzz_input *in)
{
    int at = draw_slot(in);
    slot *m = &slots[at];
    mst_op op = op_for(at, MST_OP_TOUCH);
    draw_life(in, &op);
    bool could_be = m->maybe && !over(m);
    rig_run(&r, &op);
    if (op.status == MST_OK && op.sliding_ms && !m->has_window) {
        CHECK(could_be);
        stored(m, &op, &m->value); /* again, with room for a window */
    } else if (op.status == MST_OK) {
        CHECK(could_be);
        m->limit = op.expires_ms;
        m->window = op.sliding_ms;
        m->end = end_of(m->limit, m->window);
    } else if (op.status == MST_MISS) {
        m->maybe = false;
    } else {
        CHECK(op.status == MST_ENOMEM && short_of_memory);
    }
}

static void clear(int space)
{
    mst_op op = op_for(space, MST_OP_CLEAR);
    CHECK(rig_run(&r, &op) == MST_OK);
    for (int i = space; i < SLOTS; i += SPACES) {
        slots[i].maybe = false;
    }
}

/* What entries have taken is given back with them. */
static void check_empty(uint64_t bytes_before)
{
    for (int i = 0; i < HELD; i++) {
        drop_pin(&pins[i]);
    }
    for (int i = 0; i < SPACES; i++) {
        clear(i);
    }
    CHECK(rig_stat(&r, "entries") == 0 && rig_stat(&r, "pinned_bytes") == 0);
    uint64_t kept = max_bytes / 128 + KEPT_MOST;
    CHECK(rig_stat(&r, "bytes") - rig_stat(&r, "index_bytes") <= bytes_before + kept);
}

static void do_shrink(fuzz_input *in)
{
    uint64_t before = rig_stat(&r, "bytes"), wanted = (uint64_t) fuzz_word(in) * 8;
    uint64_t freed = r.ops->shrink(r.self, wanted);
    CHECK(rig_stat(&r, "bytes") <= before && freed <= before);
}

static void operate(fuzz_input *in)
{
    uint32_t what = fuzz_byte(in);
    switch (what % 16) {
    case 0:
        do_del(in);
        return;
    case 1:
        do_touch(in);
        return;
    case 2:
        do_exists(in);
        return;
    case 3:
        rig_pass_ms(&r, fuzz_byte(in) * 4);
        return;
    case 4:
        drop_pin(&pins[fuzz_byte(in) % HELD]);
        return;
    case 5:
        if (what == 5) {
            clear(draw_slot(in) % SPACES);
        } else if (what == 21) {
            do_shrink(in);
        } else if (what < 64) {
            short_of_memory = true;
            atomic_store(&r.host.fail_in, fuzz_byte(in) % 4); /* the next allocations but these */
        }
        return;
    case 6:
    case 7:
        do_get(in);
        return;
    case 8:
    case 9:
    case 10:
        do_lookup(in);
        return;
    default:
        do_set(in);
    }
}

/* ---- the cache */

static void open_policy(uint32_t number)
{
    static const mst_module *const modules[] = {
        &memstache_module_eviction_lru,      &memstache_module_eviction_clock,
        &memstache_module_eviction_random,   &memstache_module_eviction_s3fifo,
        &memstache_module_eviction_wtinylfu, &memstache_module_eviction_adaptive,
    };
    policy = modules[number]->plugins[0];
    fake_host_init(&policy_host, "eviction");
    policy_self = fake_instance_new(policy);
    if (policy->init) {
        CHECK(policy->init(policy_self, &policy_host.host) == MST_OK);
    }
}

static void close_policy(void)
{
    if (policy && policy->fini) {
        policy->fini(policy_self);
    }
    fake_instance_free(policy_self);
    policy = NULL;
    policy_self = NULL;
    CHECK(atomic_load(&policy_host.blocks) == 0);
}

static bool open_cache(fuzz_input *in)
{
    static const uint64_t masks[] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, 0xfffff, 0xf00ff, 3};
    uint32_t number = fuzz_byte(in) % 9;
    max_bytes = (uint64_t) (64 + fuzz_byte(in) * 8) << 10;
    max_entries = fuzz_byte(in) % 4 == 0 ? 4 + fuzz_byte(in) % 100 : 0;
    hash_mask = masks[fuzz_byte(in) % 6];
    spied = (spy){0};
    rig_setup setup = {.max_bytes = max_bytes,
                       .max_entries = max_entries,
                       .shards = (uint64_t) 1 << fuzz_byte(in) % 3,
                       .policy = &spy_ops,
                       .policy_self = &spied,
                       .no_policy = number == 8};
    if (number < 6) {
        open_policy(number);
        setup.policy = policy->ops;
        setup.policy_self = policy_self;
    }
    short_of_memory = false;
    memset(askers, 0, sizeof askers);
    rig_open(&r, &setup);
    return r.start == MST_OK;
}

static void close_cache(void)
{
    if (r.init == MST_OK) {
        rig_stop(&r);
    }
    for (int i = 0; i < HELD; i++) {
        drop_pin(&pins[i]);
    }
    rig_free(&r);
    close_policy();
    CHECK(atomic_load(&r.host.blocks) == 0);
    CHECK(spied.faults == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    if (open_cache(&in)) {
        prepare();
        uint64_t before = rig_stat(&r, "bytes") - rig_stat(&r, "index_bytes");
        while (in.left) {
            operate(&in);
            CHECK(rig_stat(&r, "bytes") <= max_bytes);
            CHECK(!max_entries || rig_stat(&r, "entries") <= max_entries);
        }
        atomic_store(&r.host.fail_in, -1);
        check_empty(before);
    }
    close_cache();
    return 0;
}
