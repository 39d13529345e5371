/* fake_rules.c - which rule acts on a command, and what becomes of the reply. */
#include <stdlib.h>

#include "fake_net.h"
#include "pipeline/t.h"

/* ---- matching */

static bool has_argument(const fake_request *request, const char *text)
{
    for (size_t i = 1; i < request->n; i++) {
        if (request->arg[i].len == strlen(text) &&
            !memcmp(request->arg[i].data, text, request->arg[i].len)) {
            return true;
        }
    }
    return false;
}

static bool matches(const fake_rule *rule, const fake_request *request)
{
    bool accept = rule->command && !strcmp(rule->command, "ACCEPT");
    if (!request || accept) {
        return !request && accept;
    }
    return (rule->command ? fake_is(request, 0, rule->command) : fake_has_key(request)) &&
           (!rule->key || has_argument(request, rule->key));
}

static fake_script *acting(fake *f, const fake_request *request)
{
    for (size_t i = 0; i < f->scripts; i++) {
        fake_script *s = &f->script[i];
        const fake_rule *r = &s->rule;
        if (!matches(r, request) || ++s->seen <= r->skip) {
            continue;
        }
        uint64_t every = r->every ? r->every : 1;
        if ((s->seen - r->skip) % every == 0 && (!r->times || s->acted < r->times)) {
            s->acted++;
            return s;
        }
    }
    return NULL;
}

/* ---- acting */

static fake_chunk *say(fake_peer *p, const char *data, size_t len, uint64_t due_ms)
{
    fake_chunk *c = calloc(1, sizeof *c + len);
    REQUIRE(c);
    c->due_ms = due_ms;
    c->len = len;
    if (len) {
        memcpy(c->data, data, len);
    }
    if (p->last) {
        p->last->next = c;
    } else {
        p->first = c;
    }
    p->last = c;
    return c;
}

static void say_and_close(fake_peer *p, const fake_text *reply, const fake_rule *rule,
                          uint64_t now_ms)
{
    size_t len = rule->bytes < reply->len ? rule->bytes : reply->len;
    fake_chunk *c = say(p, reply->data, len, now_ms + rule->ms);
    c->close = true;
    c->reset = rule->action == FAKE_RESET;
    p->mute = true;
}

static void trickle(fake_peer *p, const fake_text *reply, const fake_rule *rule, uint64_t now_ms)
{
    size_t step = rule->bytes ? rule->bytes : 1;
    for (size_t at = 0; at < reply->len; at += step) {
        size_t len = reply->len - at < step ? reply->len - at : step;
        say(p, reply->data + at, len, now_ms);
        now_ms += rule->ms;
    }
}

static uint64_t draw(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* One to three changes: a bit, a byte of the protocol's own, a byte fewer, a byte twice, the rest
 * away, a stretch twice. */
static void mutate(fake_peer *p, const fake_text *reply, uint64_t *seed, uint64_t now_ms)
{
    static const char own[] = "*$+-:\r\n0189_#,(%~>|!=.?";
    fake_text t = {0};
    fake_text_add(&t, reply->data, reply->len);
    for (uint64_t changes = 1 + draw(seed) % 3; changes && t.len; changes--) {
        size_t at = draw(seed) % t.len, kind = draw(seed) % 6;
        if (kind == 0) {
            t.data[at] = (char) (t.data[at] ^ (1 << draw(seed) % 8));
        } else if (kind == 1) {
            t.data[at] = own[draw(seed) % (sizeof own - 1)];
        } else if (kind == 2) {
            memmove(t.data + at, t.data + at + 1, t.len - at - 1);
            t.len--;
        } else if (kind == 3) {
            fake_text_add(&t, "", 1);
            memmove(t.data + at + 1, t.data + at, t.len - 1 - at);
        } else if (kind == 4) {
            t.len = at;
        } else {
            fake_text copy = {0};
            fake_text_add(&copy, t.data + at, t.len - at);
            fake_text_add(&t, copy.data, copy.len);
            fake_text_free(&copy);
        }
    }
    say(p, t.data, t.len, now_ms);
    fake_text_free(&t);
}

static void act(fake *f, fake_peer *p, fake_script *s, const fake_text *reply, uint64_t now_ms)
{
    const fake_rule *rule = &s->rule;
    switch (rule->action) {
    case FAKE_STALL:
        f->stalled_until_ms = now_ms + rule->ms;
        say(p, reply->data, reply->len, now_ms);
        break;
    case FAKE_DELAY:
        say(p, reply->data, reply->len, now_ms + rule->ms);
        break;
    case FAKE_MUTE:
    case FAKE_DEAF:
        say(p, s->data.data, s->data.len, now_ms + rule->ms);
        p->mute = true;
        p->deaf = rule->action == FAKE_DEAF;
        break;
    case FAKE_CLOSE:
    case FAKE_RESET:
        say_and_close(p, reply, rule, now_ms);
        break;
    case FAKE_ADD:
        say(p, reply->data, reply->len, now_ms + rule->ms);
        say(p, s->data.data, s->data.len, now_ms + rule->ms);
        break;
    case FAKE_SAY:
        say(p, s->data.data, s->data.len, now_ms + rule->ms);
        break;
    case FAKE_TRICKLE:
        trickle(p, reply, rule, now_ms);
        break;
    case FAKE_MUTATE:
        mutate(p, reply, &s->rule.seed, now_ms);
        break;
    }
}

static void count(fake *f, const fake_request *r)
{
    size_t i = 0;
    f->commands++;
    while (i < FAKE_COMMANDS_MAX && f->command[i].name[0] && !fake_is(r, 0, f->command[i].name)) {
        i++;
    }
    if (i < FAKE_COMMANDS_MAX) {
        snprintf(f->command[i].name, sizeof f->command[i].name, "%.*s", (int) r->arg[0].len,
                 r->arg[0].data);
        f->command[i].n++;
    }
    if (fake_is(r, 0, "GET") || fake_is(r, 0, "MGET")) {
        f->keys += r->n - 1;
        f->widest = r->n - 1 > f->widest ? r->n - 1 : f->widest;
    }
}

void fake_reply(fake *f, fake_peer *p, const fake_request *request, const fake_text *reply,
                uint64_t now_ms)
{
    if (request) {
        count(f, request);
    }
    fake_script *s = p->mute ? NULL : acting(f, request);
    if (s) {
        act(f, p, s, reply, now_ms);
    } else if (!p->mute && reply->len) {
        say(p, reply->data, reply->len, now_ms);
    }
}
