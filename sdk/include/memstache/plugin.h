/* plugin.h - what a plugin exports, and what the host hands to it.
 *
 * A plugin is a shared object named <kind>_<name>.so that exports exactly one symbol,
 * the constant `memstache_module`, written with MST_PLUGIN_MODULE() at the end of its source.
 * It links to nothing of memstache: services arrive in a table (mst_host).
 * The page sdk/docs/writing-a-plugin.md walks through a whole one.
 *
 * Memory: everything reachable from the module is `static const` and lives as long as the
 * process, because an accepted module is never unloaded. The host allocates each instance,
 * zeroed, of the size that the plugin declares, and stores the options into it before init().
 */
#ifndef MEMSTACHE_PLUGIN_H
#define MEMSTACHE_PLUGIN_H

#include "abi.h"

/* ---- kinds. The number is for ever; the name is the first half of the file name. A new kind is
 * one row here plus one header. Its version grows when a member is appended to the kind's ops. */
#define MST_SERIALIZER_VERSION 1u
#define MST_COMPRESSOR_VERSION 1u
#define MST_PROVIDER_VERSION 1u
#define MST_EVICTION_VERSION 1u
#define MST_EXPORTER_VERSION 1u
#define MST_KIND_MAP(XX)                                                                           \
    XX(MST_KIND_SERIALIZER, 1, serializer, MST_SERIALIZER_VERSION)                                 \
    XX(MST_KIND_COMPRESSOR, 2, compressor, MST_COMPRESSOR_VERSION)                                 \
    XX(MST_KIND_PROVIDER, 3, provider, MST_PROVIDER_VERSION)                                       \
    XX(MST_KIND_EVICTION, 4, eviction, MST_EVICTION_VERSION)                                       \
    XX(MST_KIND_EXPORTER, 5, exporter, MST_EXPORTER_VERSION)

enum {
#define MST_KIND_ENUM(id, number, name, version) id = (number),
    MST_KIND_MAP(MST_KIND_ENUM)
#undef MST_KIND_ENUM
        MST_KIND_END_ = 0x7fff
};

/* ---- services. One table per plugin instance, so that the host can attribute memory, timers
 * and log lines to it. The first argument is always the table itself. */
typedef struct mst_host mst_host;
typedef struct mst_poll mst_poll;   /* a watched file descriptor, host-owned */
typedef struct mst_timer mst_timer; /* host-owned */
typedef struct mst_op mst_op;       /* provider.h */
typedef struct mst_space mst_space; /* provider.h */

enum { MST_LOG_ERROR = 1, MST_LOG_WARN = 2, MST_LOG_INFO = 3, MST_LOG_DEBUG = 4 };
enum { MST_POLL_READ = 1, MST_POLL_WRITE = 2 };

/* One resolved address: the bytes of a struct sockaddr, ready for connect(). */
typedef struct mst_address {
    const void *sockaddr;
    uint32_t len;
} mst_address;

struct mst_host {
    uint32_t struct_size;
    uint16_t abi_major, abi_minor; /* what the host was compiled with */
    const char *instance;          /* the INI section, "provider.memory", for messages */

    /* [any-thread] Memory, 16-byte aligned, counted per instance: all of it must be given back by
     * the end of fini(), else the host reports the instance by name. NULL when there is none. */
    void *(*alloc)(const mst_host *, size_t size);
    void *(*realloc)(const mst_host *, void *p, size_t size);
    void (*free)(const mst_host *, void *p);

    /* [any-thread] A line of text for the host program's log; copied. Never values, never keys. */
    void (*log)(const mst_host *, int level, const char *text);
    /* [main] or [loop], only inside init() and start(): why it is about to fail; copied. The host
     * prefixes the file, the plugin and the section. */
    void (*set_error)(const mst_host *, const char *text);

    /* [any-thread] The clock of every *_ms time in an op: monotonic, milliseconds, from an
     * arbitrary start, cheap (a few ns, a few ms coarse). Never 0. */
    uint64_t (*now_ms)(const mst_host *);
    /* [any-thread] Monotonic, nanoseconds, exact. */
    uint64_t (*now_ns)(const mst_host *);
    /* [any-thread] Milliseconds since 1970, for what leaves the process. */
    uint64_t (*wall_ms)(const mst_host *);

    /* [loop] Watch a non-blocking descriptor. The callback gets the events that are ready, and a
     * status that is not MST_OK when the descriptor failed (events are then 0). poll_close()
     * answers later with closed(arg) (may be NULL); close the descriptor there, not before. */
    mst_status (*poll_open)(const mst_host *, int fd,
                            void (*ready)(void *arg, int events, mst_status), void *arg,
                            mst_poll **);
    mst_status (*poll_set)(mst_poll *, int events);
    void (*poll_close)(mst_poll *, void (*closed)(void *arg));

    /* [loop] One-shot timers. timer_set() starts again from now; 0 disarms. After timer_close()
     * the callback does not run any more. */
    mst_status (*timer_open)(const mst_host *, void (*due)(void *arg), void *arg, mst_timer **);
    void (*timer_set)(mst_timer *, uint64_t delay_ms);
    void (*timer_close)(mst_timer *);

    /* [any-thread] Run fn(arg) on the instance's loop thread, later, in the order posted. */
    mst_status (*post)(const mst_host *, void (*fn)(void *arg), void *arg);
    /* [loop] Run fn(arg) on a worker thread, then done(arg, status) on the loop. Once accepted,
     * done() always runs; its status is not MST_OK when fn() did not run. */
    mst_status (*work)(const mst_host *, void (*fn)(void *arg), void (*done)(void *arg, mst_status),
                       void *arg);
    /* [loop] Resolve a name without blocking the loop. `port` may be NULL. The addresses are valid
     * during the callback, which always runs, later, once. */
    mst_status (*resolve)(const mst_host *, const char *name, const char *port,
                          void (*found)(void *arg, mst_status, const mst_address *, size_t n),
                          void *arg);

    /* Complete an op that submit() left MST_PENDING, exactly once. Fill op->out and the other
     * results first. The host never calls back into the provider from here. */
    void (*op_done)(mst_op *, mst_status);    /* [loop]       */
    void (*op_done_mt)(mst_op *, mst_status); /* [any-thread] */

    /* [any-thread] Somebody else changed these keys of the back end (full keys: prefix of the
     * space and key in one): the host drops them from the tiers that are nearer. */
    void (*invalidated)(const mst_host *, const mst_slice *keys, size_t n);
    /* [any-thread] Changes may have been lost (a lost connection, say): the host drops everything
     * that it holds nearer than this provider. */
    void (*flushed)(const mst_host *);

    /* [loop] Answers ops->stop(): nothing is pending, no handle is open. */
    void (*stopped)(const mst_host *);

    /* [any-thread] Keep the instance (self, host, memory) beyond its stop, for what it has lent and
     * not got back: fini() waits for as many releases as retains, and runs on the thread of the
     * last one. Never inside fini(). */
    void (*retain)(const mst_host *);
    void (*release)(const mst_host *);

    /* [any-thread] A table that is not part of this one, by name and revision
     * ("vendor.name/1"); NULL when the host does not know it. There is MST_METRICS_ID (metrics.h).
     */
    const void *(*extension)(const mst_host *, const char *id);

    /* [main], [loop] or [worker]; not after stop(). The text of an MST_OPTF_SECRET option of this
     * instance as it is now, NUL-terminated, into buffer[size]: what the host program says, else
     * the content of the file that was configured, read again, else the configured text. Secrets
     * rotate: ask at each connect, and wipe the buffer after use. MST_MISS: nobody has set it (its
     * default is in the instance); MST_ENOTFOUND: not a secret option; MST_ETOOBIG: it does not
     * fit; MST_EIO: there is none to be had now, the log says why; MST_ENOMEM. On any of these
     * the buffer is zeroed. */
    mst_status (*secret)(const mst_host *, const char *option, char *buffer, size_t size);
};

/* ---- options. The host reads the text of the INI section (or the environment, or the API),
 * checks it, and stores the value at instance + offset before init(). `def`, `min` and `max`
 * are written the way a user writes them. */
enum {
    MST_OPT_BOOL = 1,    /* bool         yes no on off true false            */
    MST_OPT_INT = 2,     /* int64_t      42                                  */
    MST_OPT_SIZE = 3,    /* uint64_t     bytes: 0, 512B, 64KiB, 1.5GiB, 10MB */
    MST_OPT_MS = 4,      /* int64_t      0, 250ms, 5s, 30m, 12h, 7d, never (-1) */
    MST_OPT_PERCENT = 5, /* double       10% is stored as 0.10               */
    MST_OPT_STR = 6,     /* const char * host-owned, lives until fini()      */
    MST_OPT_ENUM = 7     /* int32_t      index into `choices`                */
};
enum {
    MST_OPTF_REQUIRED = 1,  /* no default; absent is an error               */
    MST_OPTF_SECRET = 2,    /* never printed; `<name>_file` reads it from a file */
    MST_OPTF_DEPRECATED = 4 /* still works; `config check` says so          */
};

typedef struct mst_option {
    const char *name;    /* [a-z][a-z0-9_]*, the key in the plugin's section */
    uint16_t type;       /* MST_OPT_*  */
    uint16_t flags;      /* MST_OPTF_* */
    uint32_t offset;     /* into the instance */
    const char *def;     /* NULL: all zero */
    const char *min;     /* NULL: no bound; for INT, SIZE, MS, PERCENT */
    const char *max;     /* likewise */
    const char *choices; /* "a|b|c", ENUM only */
    const char *help;    /* one sentence, shown by `memstache plugin info` */
} mst_option;

/* ---- descriptor of one plugin */
enum {
    /* Ops may run on several threads at once. Codecs and blocking providers without it are
     * serialised by the host. */
    MST_PLUGIN_REENTRANT = 1u
};

typedef struct mst_plugin {
    uint32_t struct_size;
    uint16_t kind;          /* MST_KIND_*                */
    uint16_t kind_version;  /* MST_<KIND>_VERSION        */
    uint32_t flags;         /* MST_PLUGIN_*              */
    uint32_t instance_size; /* host allocates: zeroed, 64-byte aligned; 0 is fine */
    const char *name;       /* [a-z][a-z0-9_]{0,30}; what config selects */
    const char *version, *author, *license, *summary;
    const mst_option *options; /* option_count elements, option_size bytes apart */
    uint32_t option_count, option_size;
    /* [main] Options are set; no I/O, no threads. Optional. `host` lives until fini() returned. */
    mst_status (*init)(void *self, const mst_host *host);
    /* [main], or the thread of the last host->release(). Optional; also after a failed init(). */
    void (*fini)(void *self);
    const void *ops; /* mst_<kind>_ops */
} mst_plugin;

/* ---- the exported constant: nothing of the plugin runs before the host has checked it.
 * The first 16 bytes keep their meaning for ever, across major versions. */
typedef struct mst_module {
    uint32_t magic, struct_size;
    uint16_t abi_major, abi_minor;
    uint16_t host_minor_min; /* the oldest host minor it works with, from 1.0 on */
    uint16_t plugin_count;
    const mst_plugin *const *plugins;
} mst_module;

/* -DMST_STATIC_PLUGIN=provider_memory renames the symbol to memstache_module_provider_memory, so
 * that the same source can be linked into the core or into a host program. */
#ifdef MST_STATIC_PLUGIN
#define MST_CAT_(a, b) a##b
#define MST_CAT(a, b) MST_CAT_(a, b)
#define MST_MODULE_SYMBOL MST_CAT(memstache_module_, MST_STATIC_PLUGIN)
#define MST_MODULE_EXPORT
#else
#define MST_MODULE_SYMBOL memstache_module
#define MST_MODULE_EXPORT MST_EXPORT
#endif
#ifdef __cplusplus
#define MST_EXTERN_C extern "C"
#else
#define MST_EXTERN_C extern
#endif

/* MST_PLUGIN_MODULE(&first, &second); */
#define MST_PLUGIN_MODULE(...)                                                                     \
    static const mst_plugin *const mst_plugin_list_[] = {__VA_ARGS__};                             \
    MST_EXTERN_C MST_MODULE_EXPORT const mst_module MST_MODULE_SYMBOL;                             \
    const mst_module MST_MODULE_SYMBOL = {MST_MODULE_MAGIC,                                        \
                                          sizeof(mst_module),                                      \
                                          MST_ABI_MAJOR,                                           \
                                          MST_ABI_MINOR,                                           \
                                          0,                                                       \
                                          sizeof mst_plugin_list_ / sizeof mst_plugin_list_[0],    \
                                          mst_plugin_list_}

#endif
