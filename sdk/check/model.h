/* model.h - what a provider should hold, and random operations that are compared with it. */
#ifndef MEMSTACHE_CHECK_MODEL_H
#define MEMSTACHE_CHECK_MODEL_H

#include "rig.h"

enum { MODEL_KEYS = 24, MODEL_VALUE_MAX = 70000 };

typedef struct model_entry {
    bool present;
    size_t len;
    uint8_t *data; /* MODEL_VALUE_MAX */
    uint64_t tag;
} model_entry;

typedef struct model {
    kit *k;
    model_entry entries[RIG_SPACES][MODEL_KEYS];
} model;

/* An op, and what it must answer when those before it are done. */
typedef struct model_op {
    rig_op *op;
    mst_status expected;
    uint8_t *data; /* GET: a copy of what was there */
    size_t len;
    uint64_t tag;
} model_op;

void model_open(kit *, model *);
void model_key(int index, char key[32]);
/* A random op that the provider has; `clears`: CLEAR may be among them. The model is as after it.
 */
model_op model_draw(model *, rig *, int space, bool conditions, bool clears);
/* Once it is done. */
void model_verify(model_op *);

#endif
