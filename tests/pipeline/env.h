/* env.h - a runtime under test with its replies: every request that a test begins has a reply that
 * is counted, so that a second answer, or one that never comes, is seen. */
#ifndef ENV_H
#define ENV_H

#include <pthread.h>
#include <uv.h>

#include <memstache/memstache.h>

#include "provider_block.h"
#include "provider_fail.h"
#include "provider_near.h"
#include "provider_slow.h"
#include "t.h"

typedef enum t_mode { T_ONE, T_THREE, T_LENT, T_MODES } t_mode; /* private loops; a lent loop */
extern const char *const t_mode_names[T_MODES];

enum { T_LOG_LINES = 256, T_LOG_LENGTH = 300 };

typedef struct t_env t_env;

typedef struct t_reply {
    t_env *env;
    struct t_reply *next;
    _Atomic int count; /* how often done() ran */
    bool at_once;      /* answered in the call */
    bool returned;     /* the call has returned; written by the caller's thread */
    pthread_t caller;
    mst_status status; /* what the call returned */
    mst_result result; /* the first answer */
    mst_result *many;  /* of a batch */
    size_t n;
} t_reply;

struct t_env {
    mst_runtime *runtime;
    mst_cache *cache; /* the one without a name; may be changed by the test */
    t_mode mode;
    uv_loop_t loop;
    pthread_t opener;
    uv_timer_t awake; /* keeps a lent loop alive: see t_keep_awake() */
    bool use_now;     /* give `now` to every call that takes it */
    const mst_allocator *allocator;
    pthread_mutex_t mutex; /* of what stands below */
    t_reply *replies;
    unsigned log_lines;
    int log_levels[T_LOG_LINES];
    char log[T_LOG_LINES][T_LOG_LENGTH];
};

/* Settings are lines "section key = value". Unless they say otherwise the namespace is "t", and
 * requests and fixture tiers have a minute, so that nothing times out by chance. Fixtures and
 * their back ends are reset by t_fresh(), not by opening. */
void t_fresh(void);
void t_open(t_env *, t_mode, const char *settings);
mst_status t_try_open(t_env *, t_mode, const char *settings, mst_error *);
/* Checks the counters, releases all replies, closes, and checks that every answer came once. */
void t_close(t_env *);
/* The same in two steps, for tests that close in their own way. */
void t_check_identity(mst_cache *);
void t_end(t_env *); /* after the runtime is closed */

/* What other threads ask cannot keep a lent loop alive that has nothing else to do, and libuv does
 * not turn a loop that is not alive: a program has something on its loop in that case. */
void t_keep_awake(t_env *);
/* Let a lent loop turn; sleep a little. */
void t_pump(t_env *);
#define T_PUMP_UNTIL(env, condition)                                                               \
    do {                                                                                           \
        uint64_t t_end_ = t_ms() + T_PATIENCE_MS;                                                  \
        bool t_holds_;                                                                             \
        while (!(t_holds_ = (condition)) && t_ms() < t_end_) {                                     \
            t_pump(env);                                                                           \
        }                                                                                          \
        t_true(__FILE__, __LINE__, #condition, t_holds_);                                          \
    } while (0)

/* Begin a request; NULL options are fine. */
t_reply *t_begin_get(t_env *, const char *key, const mst_options *);
t_reply *t_begin_set(t_env *, const char *key, const char *value, const mst_options *);
t_reply *t_begin_set_bytes(t_env *, mst_slice key, mst_slice value, const mst_options *);
t_reply *t_begin_remove(t_env *, const char *key, const mst_options *);
t_reply *t_begin_exists(t_env *, const char *key, const mst_options *);
t_reply *t_begin_touch(t_env *, const char *key, const mst_options *);
t_reply *t_begin_clear(t_env *);
t_reply *t_begin_load(t_env *, const char *key, const mst_loader *, const mst_options *);
t_reply *t_begin_get_many(t_env *, const mst_slice *keys, size_t n, const mst_options *);
t_reply *t_begin_get_many_or_load(t_env *, const mst_slice *keys, size_t n, const mst_loader_many *,
                                  const mst_options *);
t_reply *t_begin_set_many(t_env *, const mst_slice *keys, const mst_input *, size_t n);
t_reply *t_begin_remove_many(t_env *, const mst_slice *keys, size_t n);

bool t_done(const t_reply *);
/* Wait for the answer; gives up the program when none comes. Returns its argument. */
t_reply *t_wait(t_reply *);
/* Give back the result early. */
void t_release(t_reply *);

#define t_get(env, key) t_wait(t_begin_get(env, key, NULL))
#define t_set(env, key, value) t_wait(t_begin_set(env, key, value, NULL))
#define t_remove(env, key) t_wait(t_begin_remove(env, key, NULL))
#define t_exists(env, key) t_wait(t_begin_exists(env, key, NULL))
#define t_touch(env, key) t_wait(t_begin_touch(env, key, NULL))
#define t_clear(env) t_wait(t_begin_clear(env))
#define t_load(env, key, loader) t_wait(t_begin_load(env, key, loader, NULL))

/* Checks of an answer. */
#define IS_STATUS(reply, want)                                                                     \
    t_int(__FILE__, __LINE__, #reply " status", (reply)->result.status, (want))
#define IS_WHY(reply, want)                                                                        \
    t_str(__FILE__, __LINE__, #reply " why", mst_why_name((reply)->result.why), mst_why_name(want))
#define IS_VALUE(reply, text) t_is_value(__FILE__, __LINE__, #reply, (reply), (text))
#define IS_MISS(reply) IS_STATUS(reply, MST_MISS)
#define IS_TIER(reply, want) t_int(__FILE__, __LINE__, #reply " tier", (reply)->result.tier, (want))
bool t_is_value(const char *file, int line, const char *what, const t_reply *, const char *text);
/* Does it hold this text? For conditions. */
bool t_has_value(const mst_result *, const char *text);

/* What the near tiers alone say: MST_OK and equal to text, or MST_MISS for NULL. */
bool t_near_is(t_env *, const char *key, const char *text);
#define NEAR_IS(env, key, text)                                                                    \
    t_true(__FILE__, __LINE__, "near value of " key, t_near_is(env, key, text))

mst_stats t_stats(t_env *);
bool t_log_has(t_env *, const char *text);
unsigned t_log_count(t_env *);

/* The far back end holds exactly this text under "t:<key>" (only with envelope = none). */
bool t_far_is(fx_server *, const char *key, const char *text);
void t_far_put(fx_server *, const char *key, const char *text);

#endif
