/* mix.c - see mix.h. The value of key 17 is "value of 17" and dots. */
#include "mix.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GET, GET_OR_LOAD, SET, REMOVE };
enum { VALUE_LEN = 200, TEXT_MAX = 32 };

static size_t make_value(char value[VALUE_LEN], uint32_t key)
{
    memset(value, '.', VALUE_LEN);
    char text[TEXT_MAX];
    int len = snprintf(text, sizeof text, "value of %" PRIu32, key);
    memcpy(value, text, (size_t) len);
    return VALUE_LEN;
}

static bool is_value(const mst_result *r, uint32_t key)
{
    char value[VALUE_LEN];
    return r->len == make_value(value, key) && memcmp(r->data, value, VALUE_LEN) == 0;
}

static uint32_t draw(mix *m)
{
    m->random ^= m->random << 13;
    m->random ^= m->random >> 17;
    m->random ^= m->random << 5;
    return m->random;
}

/* Seven of ten may load, two only look, the rest writes. */
static int draw_kind(mix *m)
{
    uint32_t x = draw(m) % 100;
    return x < 70 ? GET_OR_LOAD : x < 90 ? GET : x < 98 ? SET : REMOVE;
}

static void count(mix *m, const mix_slot *s, const mst_result *r)
{
    bool found = r->status == MST_OK && s->kind <= GET_OR_LOAD;
    m->answered++;
    m->hits += found && r->tier >= 0;
    m->loaded += found && r->tier == MST_TIER_LOADER;
    m->misses += r->status == MST_MISS && s->kind == GET;
    m->sets += s->kind == SET;
    m->removes += s->kind == REMOVE;
    if (r->status < 0 || (found && !is_value(r, s->key)) ||
        (r->status == MST_MISS && s->kind == GET_OR_LOAD)) {
        m->wrong++;
        fprintf(stderr, "key %" PRIu32 ": %s, %s\n", s->key, mst_strerror(r->status),
                mst_why_name(r->why));
    }
}

static void give_back(mix_slot *s)
{
    s->next = s->mix->free;
    s->mix->free = s;
}

static void on_answer(void *arg, mst_result *r)
{
    mix_slot *s = arg;
    count(s->mix, s, r);
    give_back(s);
}

static void load(void *arg, mst_load *what)
{
    mix *m = arg;
    m->loads[m->loading++] = what; /* no more than there are slots */
}

static void end_loads(mix *m)
{
    while (m->loading > 0) {
        mst_load *what = m->loads[--m->loading];
        mst_slice name = mst_load_key(what);
        char text[TEXT_MAX], value[VALUE_LEN];
        snprintf(text, sizeof text, "%.*s", (int) name.len, (const char *) name.data);
        uint32_t key = (uint32_t) strtoul(text + strlen("key "), NULL, 10);
        mst_input in = {.data = value, .len = make_value(value, key)};
        mst_load_bytes(what, &in);
    }
}

static mst_status start(mix_slot *s, mst_slice key, mst_result *now)
{
    mst_cache *c = s->mix->cache;
    const mst_loader loader = {.load = load, .arg = s->mix};
    char value[VALUE_LEN];
    mst_input in = {.data = value};
    switch (s->kind) {
    case GET:
        return mst_get(c, key, NULL, now, on_answer, s);
    case GET_OR_LOAD:
        return mst_get_or_load(c, key, &loader, NULL, now, on_answer, s);
    case SET:
        in.len = make_value(value, s->key);
        return mst_set(c, key, &in, NULL, now, on_answer, s);
    default:
        return mst_remove(c, key, NULL, now, on_answer, s);
    }
}

static void ask(mix *m)
{
    mix_slot *s = m->free;
    char name[TEXT_MAX];
    mst_result now;
    bool may_be_now = draw(m) & 0x100;
    m->free = s->next;
    s->kind = draw_kind(m);
    uint32_t x = draw(m) % MIX_KEYS, y = draw(m) % MIX_KEYS;
    s->key = x < y ? x : y; /* low numbers more often */
    m->asked++;
    mst_slice key = {name, (size_t) snprintf(name, sizeof name, "key %" PRIu32, s->key)};
    mst_status status = start(s, key, may_be_now ? &now : NULL);
    if (status == MST_PENDING) {
        return;
    }
    if (!may_be_now) { /* then only a refusal is told at once */
        now = (mst_result){.status = status};
    }
    m->at_once++;
    count(m, s, &now);
    mst_result_release(&now);
    give_back(s);
}

void mix_begin(mix *m, mst_cache *cache, uint64_t requests)
{
    *m = (mix){.cache = cache, .requests = requests, .random = 2463534242u};
    for (size_t i = 0; i < MIX_PENDING; i++) {
        m->slots[i].mix = m;
        give_back(&m->slots[i]);
    }
}

bool mix_step(mix *m)
{
    end_loads(m);
    for (int i = 0; i < MIX_PENDING && m->free && m->asked < m->requests; i++) {
        ask(m);
    }
    return m->answered < m->requests;
}

bool mix_report(const mix *m, const char *name)
{
    printf("%s: %" PRIu64 " requests, %" PRIu64 " at once: %" PRIu64 " hits, %" PRIu64
           " misses, %" PRIu64 " loaded, %" PRIu64 " sets, %" PRIu64 " removes, %" PRIu64
           " wrong\n",
           name, m->answered, m->at_once, m->hits, m->misses, m->loaded, m->sets, m->removes,
           m->wrong);
    return m->wrong == 0 && m->answered == m->requests &&
           m->hits + m->misses + m->loaded + m->sets + m->removes == m->requests;
}

uint64_t mix_requests(int argc, char **argv)
{
    char *end = NULL;
    if (argc == 1) {
        return 100000;
    }
    bool fits = argc == 3 && strcmp(argv[1], "--requests") == 0;
    uint64_t n = fits ? strtoull(argv[2], &end, 10) : 0;
    if (!fits || end == argv[2] || *end != '\0' || n == 0) {
        fprintf(stderr, "usage: %s [--requests N]\n", argv[0]);
        return 0;
    }
    return n;
}

mst_runtime *mix_open(struct uv_loop_s *loop)
{
    mst_open_options o = {.loop = loop};
    mst_runtime *runtime = NULL;
    mst_error error = {0};
    mst_config *config = mst_config_new(NULL);
    if (!config || mst_config_set(config, "provider.memory", "max_bytes", "2MiB") ||
        mst_open(config, &o, &runtime, &error)) {
        fprintf(stderr, "%s\n", error.text);
        runtime = NULL;
    }
    mst_config_free(config);
    return runtime;
}
