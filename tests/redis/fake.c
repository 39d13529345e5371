/* fake.c - the scripted server as tests handle it: see fake.h. */
#define _GNU_SOURCE /* pipe2 */
#include "fake.h"

#include <fcntl.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "fake_net.h"
#include "pipeline/t.h"

fake *fake_start(void)
{
    fake *f = calloc(1, sizeof *f);
    REQUIRE(f);
    pthread_mutex_init(&f->mutex, NULL);
    f->reserve = fake_open_listener(0, false, &f->port);
    f->listener = fake_open_listener(f->port, true, &f->port);
    snprintf(f->url, sizeof f->url, "redis://127.0.0.1:%d", f->port);
    REQUIRE(!pipe2(f->wake, O_CLOEXEC | O_NONBLOCK));
    REQUIRE(!pthread_create(&f->thread, NULL, fake_thread, f));
    return f;
}

static void forget_rules(fake *f)
{
    for (size_t i = 0; i < f->scripts; i++) {
        fake_text_free(&f->script[i].data);
    }
    f->scripts = 0;
}

void fake_end(fake *f)
{
    pthread_mutex_lock(&f->mutex);
    f->ending = true;
    pthread_mutex_unlock(&f->mutex);
    fake_wake(f);
    pthread_join(f->thread, NULL);
    forget_rules(f);
    fake_store_clear(&f->store);
    close(f->wake[0]);
    close(f->wake[1]);
    close(f->reserve);
    if (f->listener >= 0) {
        close(f->listener);
    }
    pthread_mutex_destroy(&f->mutex);
    free(f);
}

int fake_port(const fake *f)
{
    return f->port;
}

const char *fake_url(const fake *f)
{
    return f->url;
}

void fake_listen(fake *f, bool on)
{
    pthread_mutex_lock(&f->mutex);
    if (on && f->listener < 0) {
        f->listener = fake_open_listener(f->port, true, &f->port);
    } else if (!on && f->listener >= 0) {
        close(f->listener);
        f->listener = -1;
    }
    pthread_mutex_unlock(&f->mutex);
    fake_wake(f);
}

void fake_drop(fake *f)
{
    pthread_mutex_lock(&f->mutex);
    f->drop = true;
    pthread_mutex_unlock(&f->mutex);
    fake_wake(f);
}

void fake_rules(fake *f, const fake_rule *rules, size_t n)
{
    REQUIRE(n <= FAKE_RULES_MAX);
    pthread_mutex_lock(&f->mutex);
    forget_rules(f);
    for (size_t i = 0; i < n; i++) {
        fake_script *s = &f->script[i];
        *s = (fake_script){.rule = rules[i]};
        s->rule.seed = rules[i].seed ? rules[i].seed : 1;
        if (rules[i].data) {
            fake_text_add(&s->data, rules[i].data,
                          rules[i].len ? rules[i].len : strlen(rules[i].data));
        }
    }
    f->scripts = n;
    pthread_mutex_unlock(&f->mutex);
}

void fake_behave(fake *f)
{
    fake_rules(f, NULL, 0);
}

/* ---- what it saw */

uint64_t fake_count(fake *f, const char *command)
{
    pthread_mutex_lock(&f->mutex);
    uint64_t n = command ? 0 : f->commands;
    for (size_t i = 0; command && i < FAKE_COMMANDS_MAX; i++) {
        n += strcasecmp(f->command[i].name, command) ? 0 : f->command[i].n;
    }
    if (command && !strcmp(command, "ACCEPT")) {
        n = f->connections;
    }
    pthread_mutex_unlock(&f->mutex);
    return n;
}

uint64_t fake_acted(fake *f)
{
    uint64_t n = 0;
    pthread_mutex_lock(&f->mutex);
    for (size_t i = 0; i < f->scripts; i++) {
        n += f->script[i].acted;
    }
    pthread_mutex_unlock(&f->mutex);
    return n;
}

static uint64_t look(fake *f, const uint64_t *figure)
{
    pthread_mutex_lock(&f->mutex);
    uint64_t n = *figure;
    pthread_mutex_unlock(&f->mutex);
    return n;
}

uint64_t fake_keys(fake *f)
{
    return look(f, &f->keys);
}

uint64_t fake_widest(fake *f)
{
    return look(f, &f->widest);
}

uint64_t fake_bytes(fake *f)
{
    return look(f, &f->bytes);
}

unsigned fake_connected(fake *f)
{
    pthread_mutex_lock(&f->mutex);
    size_t n = f->peers;
    pthread_mutex_unlock(&f->mutex);
    return (unsigned) n;
}

/* ---- what it knows */

void fake_put(fake *f, const char *key, const void *data, size_t len)
{
    pthread_mutex_lock(&f->mutex);
    fake_store_put(&f->store, (fake_arg){key, strlen(key)}, (fake_arg){data, len}, 0);
    pthread_mutex_unlock(&f->mutex);
}

long fake_peek(fake *f, const char *key, void *data, size_t cap)
{
    pthread_mutex_lock(&f->mutex);
    const fake_text *value = fake_store_get(&f->store, (fake_arg){key, strlen(key)}, t_ms());
    long len = value ? (long) value->len : -1;
    if (value && value->len && cap) {
        memcpy(data, value->data, value->len < cap ? value->len : cap);
    }
    pthread_mutex_unlock(&f->mutex);
    return len;
}

void fake_forget(fake *f)
{
    pthread_mutex_lock(&f->mutex);
    fake_store_clear(&f->store);
    pthread_mutex_unlock(&f->mutex);
}
