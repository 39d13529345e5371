/* result.h - an answer: of a call to the program, and of the shortest calls to a provider. */
#ifndef MEMSTACHE_RESULT_H
#define MEMSTACHE_RESULT_H

#include "abi.h"

/* Why the answer is what it is. */
#define MST_WHY_MAP(XX)                                                                            \
    XX(MST_WHY_NONE, "none", "not answered")                                                       \
    XX(MST_WHY_HIT, "hit", "a tier had it")                                                        \
    XX(MST_WHY_MISS, "miss", "no tier had it")                                                     \
    XX(MST_WHY_LOADED, "loaded", "the loader of this request made it")                             \
    XX(MST_WHY_COALESCED, "coalesced", "shared the answer of an earlier request for the key")      \
    XX(MST_WHY_ABSENT, "absent", "the loader says that there is no such thing")                    \
    XX(MST_WHY_LOAD_FAILED, "load-failed", "the loader failed")                                    \
    XX(MST_WHY_UNDECODABLE, "undecodable", "stored bytes that cannot be decoded: a miss")          \
    XX(MST_WHY_TIER_FAILED, "tier-failed", "a tier failed or was too slow: a miss")                \
    XX(MST_WHY_STORED, "stored", "a tier took the value")                                          \
    XX(MST_WHY_NOT_STORED, "not-stored", "no tier took the value")                                 \
    XX(MST_WHY_REMOVED, "removed", "a tier had the key")                                           \
    XX(MST_WHY_TIMED_OUT, "timed-out", "the deadline of the request passed")                       \
    XX(MST_WHY_CANCELED, "canceled", "mst_cancel()")                                               \
    XX(MST_WHY_CLOSED, "closed", "the runtime was closing")                                        \
    XX(MST_WHY_REJECTED, "rejected", "refused before it began")
enum {
#define MST_WHY_ENUM(id, name, text) id,
    MST_WHY_MAP(MST_WHY_ENUM)
#undef MST_WHY_ENUM
        MST_WHY_COUNT
};

enum { MST_TIER_NONE = -1, MST_TIER_LOADER = -2 };

typedef struct mst_result {
    mst_status status; /* MST_OK, MST_MISS, MST_UNCHANGED, or an error */
    int16_t why;       /* MST_WHY_* */
    int16_t tier;      /* index in `tiers`, nearest 0; MST_TIER_NONE, MST_TIER_LOADER */
    const void *data;  /* plain bytes; NULL for typed values */
    size_t len;
    const void *object; /* typed: the decoded value, immutable, shared */
    int64_t age_ms;     /* since it was stored; -1 unknown */
    int64_t ttl_ms;     /* remaining life; -1: no end is known */
    void (*release)(void *owner);
    void *owner;
} mst_result;

#endif
