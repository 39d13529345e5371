/* memstache.h - the embedding API: open a runtime, ask its caches.
 *
 *   runtime  loops, plugins and caches that were opened together from one config
 *   cache    a namespace, a chain of tiers, and how values are stored ([cache] of the INI file)
 *   request  one question that a loop answers, once, before its deadline
 *
 * How an answer arrives. Every asynchronous call ends with (now, done, arg):
 *   - When the answer is there at once (a near hit, say) and `now` is not NULL, *now is filled, the
 *     call returns its status, and done() never runs.
 *   - Otherwise the call returns MST_PENDING and done(arg, result) runs exactly once, later, on the
 *     loop thread of the key. For calls made on that thread this is never before the call has
 *     returned; for others it may be at the same time.
 *   - A negative status is an error in the call itself (MST_EINVAL, MST_ENOMEM, MST_EBUSY,
 *     MST_ECLOSED): nothing was started, done() never runs, *now is set to it as well.
 * With now == NULL every answer comes through done(). With done == NULL nobody is told.
 *
 * Results. A result lends bytes or an object until mst_result_release(). In done() the result is
 * released by the library when done() returns, unless it was taken with mst_result_take().
 *
 * Threads. All calls on a cache are [any-thread] unless their comment says otherwise. The blocking
 * forms (_wait) refuse with MST_EDEADLOCK on a loop thread of the runtime.
 *
 * A tier that fails is never the caller's error: a get is then a miss (result.why says so), a set
 * succeeds when any tier took it. Only a removal says so, because the value may still be there.
 */
#ifndef MEMSTACHE_H
#define MEMSTACHE_H

#include "abi.h"
#include "config.h"
#include "metrics.h"
#include "result.h"

#define MST_VERSION_MAJOR 0
#define MST_VERSION_MINOR 1
#define MST_VERSION_PATCH 0
#define MST_VERSION "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

struct uv_loop_s;

typedef struct mst_runtime mst_runtime;
typedef struct mst_cache mst_cache;
typedef struct mst_request mst_request;

/* ---- runtime */

typedef struct mst_open_options {
    /* A loop that the program runs, on the thread that calls mst_open(). NULL: the runtime starts
     * private loop threads ([runtime] loops). The handles on a lent loop do not keep it alive while
     * nothing is pending, and libuv does not turn a loop that nothing keeps alive: a program whose
     * other threads ask as well needs a handle of its own there. The loop's memory must outlive
     * the close callback. */
    struct uv_loop_s *loop;
    /* [any-thread] A line of text, without a line end: "[category] text". The category is the
     * section of who speaks ("provider.redis", "cache.sessions"), the level MST_LOG_* of plugin.h,
     * not above [runtime] log_level. The same line comes once a second at most, of a category at
     * most 50 lines a second; the next line then says how many were left out. Never keys or values.
     * NULL: silent. */
    void (*log)(void *arg, int level, const char *text);
    void *log_arg;
    /* [any-thread], also several at once; may read a file, must not wait for a server. The secret
     * of an option ("password" of "provider.redis") as it is now, ended by a NUL, into
     * buffer[size], which is the plugin's and is wiped after use. It is asked before the
     * configuration, whenever a plugin needs the secret: at each connect, say. MST_OK; MST_MISS to
     * leave it to the configuration; MST_ETOOBIG; other statuses fail what the plugin is doing.
     * NULL: nobody is asked. Not called any more when the runtime is closed. */
    mst_status (*secret)(void *arg, const char *section, const char *option, char *buffer,
                         size_t size);
    void *secret_arg;
} mst_open_options;

/* [main] Open everything that the config describes. Waits for no server. `config` NULL: defaults;
 * `options` NULL: private loops, silent; `error` may be NULL. */
MST_EXPORT mst_status mst_open(mst_config *config, const mst_open_options *options,
                               mst_runtime **runtime, mst_error *error);

/* Read one INI file and open it: mst_config_new, _read, mst_open in one. */
MST_EXPORT mst_status mst_open_file(const char *path, const mst_open_options *options,
                                    mst_runtime **runtime, mst_error *error);

/* [main] Refuse new requests, answer the pending ones, stop the plugins, free everything, then call
 * closed(arg) (may be NULL): on the lent loop, or on the last private loop thread. Results that
 * are still held stay valid until released. The runtime must not be used after this call. */
MST_EXPORT void mst_close(mst_runtime *, void (*closed)(void *arg), void *arg);

/* [main] The same, and return when all is done. On a lent loop it runs that loop meanwhile; on a
 * private loop thread, which cannot wait for itself, it is mst_close(). */
MST_EXPORT void mst_close_wait(mst_runtime *);

/* A cache by its name in the config: "sessions" for [cache.sessions], NULL or "" for [cache].
 * NULL when there is none. It lives as long as the runtime. */
MST_EXPORT mst_cache *mst_cache_named(mst_runtime *, const char *name);

/* ---- values */

/* A type makes a value more than bytes. The descriptor means something to the cache's serializer
 * (protobuf, json, msgpack: a ProtobufCMessageDescriptor). Must outlive the runtime and all
 * results. */
typedef struct mst_type {
    const char *name;       /* for messages */
    const void *descriptor; /* not NULL */
    uint32_t schema_id; /* stored with the value; another id on reading is a miss. 0: no check */
} mst_type;

/* What to store. Bytes: data and len. Typed (options->type set): object. Without release the value
 * is copied or encoded before the call returns. With it, the library takes the value over and calls
 * release(owner) when it is done with it, on any thread, also when the call fails. */
typedef struct mst_input {
    const void *data;
    size_t len;
    const void *object;
    void (*release)(void *owner);
    void *owner;
} mst_input;

enum { MST_DEFAULT = 0, MST_NEVER = -1, MST_YES = 1, MST_NO = -1 };

/* Options of one entry. All zero: the cache's configuration. */
typedef struct mst_entry {
    int64_t expire_ms;  /* absolute life; MST_NEVER */
    int64_t sliding_ms; /* gone after so long without a read; MST_NEVER: no such limit */
    double jitter;      /* expire is shortened by up to this share (0.1 = 10 %); < 0: none */
    int compress;       /* MST_DEFAULT, MST_YES, MST_NO */
    uint32_t cost;      /* how dear it is to load again, for eviction policies that ask */
    uint32_t no_store;  /* non-zero, from a loader: answer the waiters, keep nothing */
    /* Reserved for tags, must be NULL and 0: MST_ENOTSUP otherwise. */
    const char *const *tags;
    size_t tag_count;
} mst_entry;

/* Options of one call. All zero, or NULL: the cache's configuration. */
typedef struct mst_options {
    const mst_type *type; /* NULL: plain bytes */
    int64_t timeout_ms;   /* deadline from now; MST_NEVER: none */
    mst_entry entry;      /* for what the call stores */
    uint32_t flags;       /* MST_F_* */
    /* Where to put a handle for mst_cancel(), when the answer is pending; else it is set to NULL. A
     * batch has one for all its keys. To be given back with mst_request_release(), at any time,
     * also after the runtime was closed. NULL: not wanted. */
    mst_request **request;
    /* The trace that the call belongs to, as in W3C Trace Context: "00-<trace>-<parent>-01". Read
     * before the call returns; what is malformed is ignored, and counted. NULL: none. */
    const char *traceparent;
} mst_options;
enum {
    MST_F_PEEK = 1,       /* get: no policy touch, no sliding renewal, no promotion */
    MST_F_IF_ABSENT = 2,  /* set: only when the key is not there (as the last tier sees it) */
    MST_F_IF_PRESENT = 4, /* set: only when it is */
    MST_F_FAR = 8         /* get: skip the near tiers, ask the far ones (and refresh the near) */
};

/* Give back what the result lends and zero it. Safe on a zeroed result, on any thread, also after
 * the runtime was closed. (Inline, since to a near hit a call is much; the library has it, too.) */
MST_EXPORT inline void mst_result_release(mst_result *);
/* Move the result out of done(): the copy is the caller's, *result is empty. */
MST_EXPORT mst_result mst_result_take(mst_result *);

/* [loop] Receives an answer. See the top of this file. */
typedef void (*mst_done)(void *arg, mst_result *result);
/* [loop] Receives the answers of a batch, in the order of its keys. */
typedef void (*mst_done_many)(void *arg, mst_result *results, size_t n);

/* ---- single keys. Keys are bytes, 1 to 65,535 of them, copied when the call needs them longer. */

/* Ask the tiers, nearest first; what a far one has comes nearer. Never waits for a loader: while
 * one makes the value, the key is a miss. A near value that has to be inflated, and is larger than
 * offload_bytes, is answered later, by the worker pool. */
MST_EXPORT mst_status mst_get(mst_cache *, mst_slice key, const mst_options *, mst_result *now,
                              mst_done done, void *arg);
/* Ask the near tiers only; answer at once, touch no loop, never block. Inflates on this thread. */
MST_EXPORT mst_status mst_get_now(mst_cache *, mst_slice key, const mst_options *, mst_result *now);
MST_EXPORT mst_status mst_set(mst_cache *, mst_slice key, const mst_input *, const mst_options *,
                              mst_result *now, mst_done done, void *arg);
MST_EXPORT mst_status mst_remove(mst_cache *, mst_slice key, const mst_options *, mst_result *now,
                                 mst_done done, void *arg);
MST_EXPORT mst_status mst_exists(mst_cache *, mst_slice key, const mst_options *, mst_result *now,
                                 mst_done done, void *arg);
/* Give the entry a new life: options->entry.expire_ms and sliding_ms, or the configured ones.
 * Never changes the value. */
MST_EXPORT mst_status mst_touch(mst_cache *, mst_slice key, const mst_options *, mst_result *now,
                                mst_done done, void *arg);
/* Remove every key of this cache (of its namespace) from all tiers. */
MST_EXPORT mst_status mst_clear(mst_cache *, const mst_options *, mst_done done, void *arg);

/* ---- get it, or load it: one loader call per key, however many ask */

typedef struct mst_load mst_load;

/* [loop], or [worker] with MST_LOAD_BLOCKING. Makes the value of mst_load_key(load) and ends with
 * exactly one of mst_load_bytes(), _object(), _absent() or _fail(), now or later, on any thread.
 * May use the cache for other keys. */
typedef void (*mst_load_fn)(void *arg, mst_load *load);
enum { MST_LOAD_BLOCKING = 1 /* load() may block: run it on a worker thread */ };
typedef struct mst_loader {
    mst_load_fn load;
    void *arg;
    uint32_t flags;
} mst_loader;

/* The first request for a key that nobody has calls the loader; those that come meanwhile wait for
 * the same answer. The load goes on when its waiters time out or are cancelled. */
MST_EXPORT mst_status mst_get_or_load(mst_cache *, mst_slice key, const mst_loader *,
                                      const mst_options *, mst_result *now, mst_done done,
                                      void *arg);

MST_EXPORT mst_slice mst_load_key(const mst_load *);        /* valid until it ends */
MST_EXPORT const mst_type *mst_load_type(const mst_load *); /* what the first waiter asked for */
/* The traceparent for what the loader calls, valid until it ends: that of the span of the loader
 * when an exporter takes traces, else the one of the call. NULL: there is none. */
MST_EXPORT const char *mst_load_traceparent(const mst_load *);
/* How the value will be stored: the options of the first waiter, to be changed before the end. */
MST_EXPORT mst_entry *mst_load_entry(mst_load *);
/* [any-thread] The value, as in mst_set(). Bytes are copied unless `release` is given. */
MST_EXPORT void mst_load_bytes(mst_load *, const mst_input *);
/* [any-thread] The value as an object of mst_load_type(). With `release` the library takes it over
 * and hands this very object to the waiters; without, it is encoded before the call returns. */
MST_EXPORT void mst_load_object(mst_load *, const mst_input *);
MST_EXPORT void mst_load_absent(mst_load *); /* [any-thread] there is no such thing */
/* [any-thread] It could not be loaded: the waiters get `why`, or MST_ELOAD when that is no error.
 */
MST_EXPORT void mst_load_fail(mst_load *, mst_status why);

/* ---- batches. One call for many keys; results in the order of the keys, each with its own status.
 * *now is an array of n; it is filled, and the call returns MST_OK, when all are answered at once.
 */

MST_EXPORT mst_status mst_get_many(mst_cache *, const mst_slice *keys, size_t n,
                                   const mst_options *, mst_result *now, mst_done_many done,
                                   void *arg);

/* [loop] of one of the keys, or [worker] with MST_LOAD_BLOCKING. The loader of a batch: makes the
 * values of n keys, in no order. Each load ends by itself, as that of an mst_loader does, now or
 * later; the array is valid during the call. */
typedef void (*mst_load_many_fn)(void *arg, mst_load *const *loads, size_t n);
typedef struct mst_loader_many {
    mst_load_many_fn load;
    void *arg;
    uint32_t flags; /* MST_LOAD_BLOCKING */
} mst_loader_many;

/* Get them, or load them: one call of the loader for all keys that no tier has and nobody loads
 * already, when the tiers have answered for all of them; none when there are no such keys. */
MST_EXPORT mst_status mst_get_many_or_load(mst_cache *, const mst_slice *keys, size_t n,
                                           const mst_loader_many *, const mst_options *,
                                           mst_result *now, mst_done_many done, void *arg);

MST_EXPORT mst_status mst_set_many(mst_cache *, const mst_slice *keys, const mst_input *inputs,
                                   size_t n, const mst_options *, mst_result *now,
                                   mst_done_many done, void *arg);
MST_EXPORT mst_status mst_remove_many(mst_cache *, const mst_slice *keys, size_t n,
                                      const mst_options *, mst_result *now, mst_done_many done,
                                      void *arg);

/* ---- blocking forms: the same, waiting for the answer, at most until the deadline. Return the
 * status of *result. [any-thread] but a loop thread of the runtime (MST_EDEADLOCK). */

MST_EXPORT mst_status mst_get_wait(mst_cache *, mst_slice key, const mst_options *, mst_result *);
MST_EXPORT mst_status mst_set_wait(mst_cache *, mst_slice key, const mst_input *,
                                   const mst_options *, mst_result *);
MST_EXPORT mst_status mst_remove_wait(mst_cache *, mst_slice key, const mst_options *,
                                      mst_result *);
MST_EXPORT mst_status mst_exists_wait(mst_cache *, mst_slice key, const mst_options *,
                                      mst_result *);
MST_EXPORT mst_status mst_touch_wait(mst_cache *, mst_slice key, const mst_options *, mst_result *);
MST_EXPORT mst_status mst_clear_wait(mst_cache *, const mst_options *, mst_result *);
MST_EXPORT mst_status mst_get_or_load_wait(mst_cache *, mst_slice key, const mst_loader *,
                                           const mst_options *, mst_result *);
MST_EXPORT mst_status mst_get_many_wait(mst_cache *, const mst_slice *keys, size_t n,
                                        const mst_options *, mst_result *results);
MST_EXPORT mst_status mst_get_many_or_load_wait(mst_cache *, const mst_slice *keys, size_t n,
                                                const mst_loader_many *, const mst_options *,
                                                mst_result *results);
MST_EXPORT mst_status mst_set_many_wait(mst_cache *, const mst_slice *keys, const mst_input *inputs,
                                        size_t n, const mst_options *, mst_result *results);
MST_EXPORT mst_status mst_remove_many_wait(mst_cache *, const mst_slice *keys, size_t n,
                                           const mst_options *, mst_result *results);

/* ---- cancellation. Safe at any moment until the handle is released: before, while and after the
 * request completes. When it is in time, done() gets MST_ECANCELED; a loader that runs goes on. */
MST_EXPORT void mst_cancel(mst_request *);
MST_EXPORT void mst_request_release(mst_request *);

/* ---- counters. Every answered request counts in exactly one of those that sdk/docs/counters.md
 * lists as answers. */
#define MST_COUNTER_MAP(XX)                                                                        \
    XX(started, "requests accepted, each key of a batch counted")                                  \
    XX(completed, "requests answered")                                                             \
    XX(pending, "requests accepted and not answered, counted on their own")                        \
    XX(near_hits, "reads answered by a tier in this process")                                      \
    XX(far_hits, "reads answered by another tier")                                                 \
    XX(misses, "reads that no tier could answer, and no loader was given")                         \
    XX(coalesced, "reads that shared the answer of an earlier request")                            \
    XX(loads, "loader calls")                                                                      \
    XX(load_failures, "loader calls that failed")                                                  \
    XX(sets, "writes answered without an error")                                                   \
    XX(removes, "removals answered without an error")                                              \
    XX(decodes, "values decoded by the serializer")                                                \
    XX(encodes, "values encoded by the serializer")                                                \
    XX(compressed, "values stored compressed")                                                     \
    XX(decode_misses, "stored values that could not be decoded")                                   \
    XX(tier_errors, "operations that a tier failed")                                               \
    XX(tier_timeouts, "operations that a tier did not answer in time")                             \
    XX(tier_skipped, "operations that a tier was not asked for, because it only failed before")    \
    XX(timeouts, "requests whose deadline passed")                                                 \
    XX(cancels, "requests cancelled")                                                              \
    XX(rejected, "requests refused because too many were pending")                                 \
    XX(superseded, "fetched or loaded values not kept because the key was written meanwhile")      \
    XX(invalidations, "near entries dropped because a far tier said so")                           \
    XX(loaded, "reads answered by the loader that they brought")                                   \
    XX(absent, "reads whose loader said that there is no such thing")                              \
    XX(looks, "questions whether a key exists, answered")                                          \
    XX(touches, "new lives given to entries, answered")                                            \
    XX(clears, "clearings answered")                                                               \
    XX(errors, "requests answered with an error that is neither of the deadline nor a cancel")     \
    XX(bad_traceparents, "calls whose traceparent was malformed, and ignored")

typedef struct mst_stats {
#define MST_COUNTER_FIELD(name, text) uint64_t name;
    MST_COUNTER_MAP(MST_COUNTER_FIELD)
#undef MST_COUNTER_FIELD
} mst_stats;

/* One consistent sample: started = completed + pending holds in every one. */
MST_EXPORT void mst_cache_stats(mst_cache *, mst_stats *);
/* The figures of each tier's provider, by tier ("memory") and name ("bytes", "entries", ...), and
 * of the breaker of each far tier: "breaker_open", "breaker_opened", "breaker_skipped". */
MST_EXPORT void mst_cache_tier_stats(mst_cache *,
                                     void (*emit)(void *arg, const char *tier, const char *name,
                                                  uint64_t value),
                                     void *arg);
/* [any-thread] For hosts under memory pressure: has the tiers in this process evict until they take
 * `bytes` less, the nearest tier first; returns how many less they take now. Values in use stay
 * valid, and count until they are released. Pages go back to the system; large values go to the
 * allocator, which may keep them: glibc gives them back when asked with malloc_trim(). */
MST_EXPORT uint64_t mst_cache_shrink(mst_cache *, uint64_t bytes);

typedef struct mst_trace_options {
    /* [any-thread], also several at once, with no lock held: a read of a key began. `key` is a hash
     * that belongs to the key for as long as the runtime lives, and to no other key but by chance;
     * `size` the bytes of a value that a tier in this process had at hand, else 0. It must neither
     * wait nor call this cache, and what it takes every read takes. */
    void (*record)(void *arg, uint64_t key, size_t size);
    void *arg;
    uint32_t one_in; /* record all reads of one key in so many; 0 is 1: of every key */
} mst_trace_options;
/* [any-thread] Tells the program what is asked for from now on, for `memstache simulate`: reads by
 * mst_get(), mst_get_now(), mst_get_or_load(), mst_get_many() and their waiting forms, but not
 * those with MST_F_PEEK. Replaces what was told before; NULL ends it. Calls that have begun may
 * still call the old record() then: `arg` has to stay valid until the runtime is closed. MST_EINVAL
 * without record(); MST_ENOMEM. */
MST_EXPORT mst_status mst_cache_trace(mst_cache *, const mst_trace_options *);
/* The name of tier `index` (as in result.tier); NULL when there is none, "loader" for
 * MST_TIER_LOADER. */
MST_EXPORT const char *mst_cache_tier_name(const mst_cache *, int index);

/* ---- metrics: all figures of the runtime in one walk, and figures of the program's own. The types
 * are in metrics.h; sdk/docs/monitoring.md lists what there is. */

/* [any-thread] Shows every metric of the runtime, those of one name one after the other. `visit`
 * must neither wait nor make a meter. MST_ENOMEM. */
MST_EXPORT mst_status mst_metrics_walk(mst_runtime *, mst_metric_visit visit, void *arg);
/* [any-thread] A figure of the program's own, shown with the others and carried out by the
 * exporters. It begins at 0 and lives as long as the runtime. A second call with the same name and
 * labels gives the same meter. MST_EINVAL, with the reason in *error, for a name or label that is
 * none, or a name that has another kind, unit, help or scale already; MST_ENOMEM. */
MST_EXPORT mst_status mst_meter_new(mst_runtime *, const mst_meter_options *, mst_meter **,
                                    mst_error *error);
/* [any-thread] All three: a few nanoseconds, no lock. They do nothing with NULL, or with a meter of
 * another kind. */
MST_EXPORT void mst_meter_add(mst_meter *, uint64_t n);        /* to a counter */
MST_EXPORT void mst_meter_set(mst_meter *, double value);      /* a gauge */
MST_EXPORT void mst_meter_record(mst_meter *, uint64_t value); /* one value of a histogram */

/* ---- the stored form, offline: what is in this far tier's value? (`memstache inspect`) */
typedef struct mst_envelope {
    uint32_t version, serializer_id, compressor_id, schema_id; /* 0: none, or not stored */
    uint64_t created_ms;                                       /* wall clock */
    uint64_t expires_ms;                                       /* wall clock; 0 never */
    uint64_t sliding_ms;                                       /* 0 none */
    uint64_t raw_len; /* of the payload before compression */
    size_t header_len, payload_len;
} mst_envelope;
/* MST_OK, or MST_ECORRUPT with the reason in *error. The payload is bytes + header_len. */
MST_EXPORT mst_status mst_envelope_read(mst_slice bytes, mst_envelope *, mst_error *error);

/* ---- names */
MST_EXPORT const char *mst_strerror(mst_status);    /* a sentence: "out of memory"; never NULL */
MST_EXPORT const char *mst_status_name(mst_status); /* "MST_ENOMEM"; never NULL */
MST_EXPORT const char *mst_why_name(int why);       /* "coalesced"; never NULL */
MST_EXPORT const char *mst_version(void);           /* of the library that runs */

inline void mst_result_release(mst_result *result)
{
    if (result) {
        void (*release)(void *owner) = result->release;
        void *owner = result->owner;
        /* Before, since the result may lie in what it lends. */
#ifdef __cplusplus
        *result = mst_result();
#else
        *result = (mst_result){0};
#endif
        if (release) {
            release(owner);
        }
    }
}

/* A key from a string literal or a C string. */
static inline mst_slice mst_str(const char *text)
{
    mst_slice s;
    s.data = text;
    s.len = 0;
    while (text[s.len]) {
        s.len++;
    }
    return s;
}

#ifdef __cplusplus
}
#endif
#endif
