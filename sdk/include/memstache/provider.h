/* provider.h - a back end that executes batches of operations.
 *
 * Three ways to write one, from simple to fast:
 *   MST_CAP_BLOCKING  plain functions over a blocking library; the host calls submit() on worker
 *                     threads, one batch at a time (with MST_PLUGIN_REENTRANT, one per loop). One
 *                     instance. About sixty lines.
 *   (nothing)         asynchronous: set MST_PENDING, answer with op_done(). One instance per loop.
 *   MST_CAP_INPROC    answers inside submit(), on any caller's thread; needs MST_PLUGIN_REENTRANT.
 *                     Such a provider is a near tier: its hits never touch a loop.
 *
 * Order: operations on one key take effect in the order in which they were submitted, even while
 * earlier ones are pending.
 */
#ifndef MEMSTACHE_PROVIDER_H
#define MEMSTACHE_PROVIDER_H

#include "eviction.h"
#include "plugin.h"
#include "result.h"

enum {
    MST_OP_GET = 1,    /* MST_OK + out, or MST_MISS                                 */
    MST_OP_SET = 2,    /* MST_OK; MST_UNCHANGED when a condition failed or it was not admitted */
    MST_OP_DEL = 3,    /* MST_OK when it was there, MST_MISS when not               */
    MST_OP_EXISTS = 4, /* MST_OK or MST_MISS; fills expires_ms                      */
    MST_OP_TOUCH = 5,  /* new expires_ms and sliding_ms; MST_OK or MST_MISS         */
    MST_OP_CLEAR = 6   /* every key of op->space; key is empty                      */
};
enum {
    MST_OPF_IF_ABSENT = 1,  /* SET: only when the key is not there                   */
    MST_OPF_IF_PRESENT = 2, /* SET: only when it is                                  */
    MST_OPF_IF_SAME = 4,    /* SET: only when the entry is still the one that a GET
                               lent; op->same is that GET's out.owner, still pinned. INPROC only */
    MST_OPF_PEEK = 8        /* GET: no policy touch, no sliding renewal              */
};

/* A key space: one per cache. Spaces on one provider never see each other's keys. */
struct mst_space {
    uint32_t struct_size;
    uint32_t id;      /* unique among the caches of a runtime; compare it in process */
    mst_slice prefix; /* text to put before each key outside the process; may be empty */
};

/* A decoded value. The core owns it; a provider with MST_CAP_OBJECT may hold references. */
typedef struct mst_object mst_object;
struct mst_object {
    void (*retain)(mst_object *);  /* [any-thread] */
    void (*release)(mst_object *); /* [any-thread] */
    size_t bytes;                  /* what to charge for it */
};

/* One operation. The host owns it; it is valid until completed. */
struct mst_op {
    uint32_t struct_size;
    uint16_t code, flags; /* MST_OP_*, MST_OPF_* */
    mst_status status;    /* provider writes; MST_PENDING keeps the op */
    uint32_t priv_offset; /* see mst_op_priv() */
    uint64_t hash;        /* 64-bit seeded hash of space and key, computed once */
    const mst_space *space;
    mst_slice key;
    uint64_t now_ms;      /* host->now_ms() when it was submitted */
    uint64_t deadline_ms; /* 0: none. The host enforces it; a provider may use it to give up */

    /* SET: the value is the concatenation of the parts, or the object (MST_CAP_OBJECT only; the
     * provider retains it for as long as it keeps it). */
    const mst_slice *value;
    uint32_t value_parts;
    uint32_t cost; /* for the eviction policy */
    mst_object *object;
    const void *same; /* see MST_OPF_IF_SAME */

    /* SET in, GET out: 64 bits that mean nothing to the provider and come back with the value.
     * 0 for plain bytes. Needed with MST_CAP_INPROC; others may lose it. */
    uint64_t tag;

    /* Times on host->now_ms(). SET and TOUCH in: when it must be gone at the latest (0: never), and
     * after how long without a read (0: no such limit). GET and EXISTS out, where known: when it
     * will be gone unless read again; MST_TIME_UNKNOWN otherwise (the host's initial value). */
    uint64_t expires_ms;
    /* GET in, outside the process: when not 0, a window to give the entry in the same round trip,
     * if the provider can: it ends at now_ms + sliding_ms then, whatever it had before, and
     * expires_ms says so. A provider that cannot ignores it, and leaves expires_ms as it would
     * without. Never with MST_OPF_PEEK. GET out: the window, where known; not looked at otherwise.
     */
    uint64_t sliding_ms;
    uint64_t created_ms; /* SET in; GET out, 0 when unknown */
    uint64_t
        limit_ms; /* GET out, of an entry that slides: when it must be gone in any case; 0 never */

    /* GET hit: lent bytes, or an object (not retained for the borrower: the pin keeps it). The
     * borrower releases `out` in both cases. */
    mst_value out;
    mst_object *out_object;
};
#define MST_TIME_UNKNOWN UINT64_MAX

/* Who asks by `lookup`: a thread, in a space. It stays where it is and as it is from one lookup to
 * the next. */
typedef struct mst_asker {
    uint32_t struct_size;
    const mst_space *space;
    /* What the provider keeps by thread: NULL before the first lookup of the thread, and never
     * changed by the host while the thread lives. It is read and written as a relaxed atomic, since
     * a new thread may get what belonged to one that has ended. (Thread-specific data of the system
     * would have to be searched for in every hit.) */
    void *word;
} mst_asker;

/* A GET at its shortest: what the `lookup` of mst_provider_ops is asked. It comes in arrays, so it
 * does not grow; an asker may. */
typedef struct mst_lookup {
    uint64_t hash; /* these as in mst_op */
    mst_slice key;
    uint64_t now_ms;
    mst_asker *asker;
} mst_lookup;

/* The provider's ops->op_priv_size bytes beside the op: zeroed, 16-byte aligned. */
static inline void *mst_op_priv(mst_op *op)
{
    return (char *) op + op->priv_offset;
}

enum {
    MST_CAP_INPROC = 1,   /* submit() never leaves MST_PENDING and never blocks */
    MST_CAP_EVICTION = 2, /* wants an mst_evictor */
    MST_CAP_TTL = 4,      /* honours expires_ms; without it the host checks the envelope */
    MST_CAP_OBJECT = 8,   /* takes objects instead of bytes; INPROC only */
    MST_CAP_BLOCKING = 16 /* submit() may block: call it on workers; never leaves MST_PENDING */
};

typedef struct mst_provider_env {
    uint32_t struct_size;
    const mst_evictor *evictor; /* NULL unless MST_CAP_EVICTION and an eviction is configured */
} mst_provider_env;

typedef struct mst_provider_ops {
    uint32_t struct_size, caps /* MST_CAP_* */;
    uint32_t op_codes;     /* bit 1 << MST_OP_*; others are answered MST_ENOTSUP by the host */
    uint32_t op_priv_size; /* 0 with MST_CAP_INPROC */
    /* [loop]; of loop 0 with INPROC or BLOCKING. May fail with set_error() for what can never work;
     * must not wait for a server. */
    mst_status (*start)(void *self, const mst_provider_env *); /* optional */
    /* [loop]; [any-thread] with INPROC; [worker] with BLOCKING. Sets ops[i]->status of every op
     * before it returns; an asynchronous provider may also call op_done() from here. */
    void (*submit)(void *self, mst_op *const *ops, size_t n);
    /* [loop] A hint that nobody waits for the op any more; op_done() is still due. Optional. */
    void (*cancel)(void *self, mst_op *op);
    /* [loop] Fail what is pending with MST_ECLOSED, close all handles, then call host->stopped(),
     * now or later. Optional: without it the provider stops at once. No submit() follows. Not
     * called with BLOCKING, where fini() is enough. */
    void (*stop)(void *self);
    /* [any-thread] Figures by name, for `memstache` and metrics. Optional. */
    void (*stats)(void *self, void (*emit)(void *arg, const char *name, uint64_t value), void *arg);
    /* [any-thread] With INPROC, optional. The same as submit() with one GET without flags, for
     * bytes: MST_OK, MST_MISS, or MST_ENOTSUP when an object is there (nothing was counted or
     * touched then, a GET follows). What stands in the result counts with MST_OK only. It is there
     * because to a hit of some forty nanoseconds an op costs half as much again. */
    mst_status (*lookup)(void *self, const mst_lookup *, mst_result *);
    /* [any-thread] With INPROC and EVICTION, optional: evict until about `bytes` less are taken;
     * how many less it was. */
    uint64_t (*shrink)(void *self, uint64_t bytes);
    /* [any-thread] With INPROC, optional, beside lookup: the same for n keys; the answer stands in
     * each `status`. */
    void (*lookup_many)(void *self, const mst_lookup *, mst_result *, size_t n);
    /* [any-thread] With INPROC, optional: an op that changes a key with this hash comes in a
     * moment. A hint, to bring its memory near while the host reads the clock. */
    void (*expect)(void *self, uint64_t hash);
} mst_provider_ops;

#endif
