/* trail.h - what was done for a request, step by step, with times: for the line about a slow
 * request, and for the spans of a trace. [loop]
 *
 * A fetch that several requests wait for has one trail. The first of them that is recorded owns the
 * steps: they become the children of its span when the last step is over. */
#ifndef MSI_TRAIL_H
#define MSI_TRAIL_H

#include "pipeline/context.h"
#include "pipeline/lane.h"

typedef enum msi_step_kind {
    MSI_STEP_TIER = 1,
    MSI_STEP_UNPACK,
    MSI_STEP_LOAD,
    MSI_STEP_PACK
} msi_step_kind;

typedef struct msi_step {
    uint64_t start_ns, end_ns; /* msi_now_ns(); end 0: not over */
    mst_status status;
    uint8_t kind; /* msi_step_kind */
    uint8_t tier; /* index, of MSI_STEP_TIER */
    uint8_t code; /* MST_OP_*, likewise */
} msi_step;

enum { MSI_STEPS_FEW = 2, MSI_STEPS_MAX = 20, MSI_KEY_SHOWN_MAX = 64 };

/* A request that has ended, as its span tells of it. */
typedef struct msi_record {
    msi_context context;
    uint64_t start_ns, end_ns;
    const char *name; /* "get" */
    mst_status status;
    int16_t why, tier;
    char key[MSI_KEY_SHOWN_MAX + 1]; /* its hash, unless configured otherwise */
} msi_record;

/* What does not fit, or outlives the fetch: further steps, and what is to be told of them. */
typedef struct msi_trail_more {
    msi_lane *lane;
    unsigned refs, count;
    bool recorded;
    bool calls_loader; /* with load_id and traceparent */
    uint8_t load_id[8];
    char traceparent[MSI_TRACEPARENT_SIZE]; /* for the loader; "": none */
    msi_record record;                      /* of the owner, when recorded */
    msi_step steps[MSI_STEPS_MAX];
} msi_trail_more;

/* Embedded, so that a request which nobody wants to hear of touches no further memory. */
typedef struct msi_trail {
    msi_lane *lane;    /* NULL: nobody wants to know */
    uint64_t begun_ns; /* when the loop began with it */
    msi_trail_more *more;
    unsigned count; /* of the few; MSI_STEPS_FEW when there is more */
    msi_step few[MSI_STEPS_FEW];
} msi_trail;

/* Somebody wants to know: on zeroes. */
static inline void msi_trail_init(msi_trail *t, msi_lane *lane)
{
    t->lane = lane;
    t->begun_ns = msi_loop_now_ns(lane->loop);
}
void msi_trail_drop_more(msi_trail *);
static inline void msi_trail_fini(msi_trail *t)
{
    if (t->more) {
        msi_trail_drop_more(t);
    }
}

/* One for a request that is on its own: r->trail, until it is answered. */
void msi_trail_open(mst_request *);
void msi_trail_close(mst_request *); /* if r->owns_trail */

/* A step begins: NULL when it is not noted, because nobody wants to know or because there are
 * MSI_STEPS_MAX. Its time is that of the round, which the histograms need anyway. Here and below,
 * what a request with one step after the other does is inline. */
msi_step *msi_trail_further(msi_trail *); /* behind the few */
static inline msi_step *msi_trail_begin(msi_trail *t, msi_step_kind kind, unsigned tier,
                                        unsigned code)
{
    if (!t || !t->lane) {
        return NULL;
    }
    msi_step *s = t->count < MSI_STEPS_FEW ? &t->few[t->count++] : msi_trail_further(t);
    if (s) {
        *s = (msi_step){.start_ns = msi_loop_now_ns(t->lane->loop),
                        .status = MST_PENDING,
                        .kind = (uint8_t) kind,
                        .tier = (uint8_t) tier,
                        .code = (uint8_t) code};
    }
    return s;
}

/* And ends: the one of this kind and tier that has not. */
static inline bool msi_step_is_open(const msi_step *s, msi_step_kind kind, unsigned tier)
{
    return s->kind == kind && s->tier == tier && s->end_ns == 0;
}
msi_step *msi_trail_find(msi_trail *, msi_step_kind, unsigned tier);
static inline void msi_trail_end(msi_trail *t, msi_step_kind kind, unsigned tier, mst_status status)
{
    if (!t || !t->lane) {
        return;
    }
    bool first = t->count == 1 && msi_step_is_open(&t->few[0], kind, tier);
    msi_step *s = first ? &t->few[0] : msi_trail_find(t, kind, tier);
    if (s) {
        s->end_ns = msi_loop_now_ns(t->lane->loop);
        s->status = status;
    }
}

/* Work that was done within the round. */
void msi_trail_work(msi_trail *, msi_step_kind, uint64_t start_ns, mst_status);

/* NULL when nobody wants to know, and when memory is short. */
msi_trail_more *msi_trail_grow(msi_trail *);
/* For a far operation that the fetch does not wait for: begins its step. */
msi_trail_more *msi_trail_lend(msi_trail *, unsigned tier, unsigned code);
void msi_trail_return(msi_trail_more *, const msi_op *, mst_status); /* and ends it */
/* The steps so far. */
static inline const msi_step *msi_trail_steps(const msi_trail *t, unsigned *count)
{
    *count = t->more ? t->more->count : t->count;
    return t->more ? t->more->steps : t->few;
}

/* Which tier the operation is of. */
unsigned msi_trail_tier(const msi_lane *, const msi_op *);

#endif
