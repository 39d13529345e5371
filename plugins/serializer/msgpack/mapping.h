/* mapping.h - protobuf messages as MessagePack; the mapping is described in sdk/docs/wire-ids.md.
 * What the files share:
 *
 *   tape.c    the bytes of a payload to a list of values; the only file with libmsgpack's parser
 *   read.c    such a list to a message
 *   write.c   a message to bytes
 */
#ifndef MSGPACK_MAPPING_H
#define MSGPACK_MAPPING_H

#include "../message/fields.h"

enum { MSGPACK_DEPTH_LIMIT = 400 };

typedef enum mst_item_kind {
    ITEM_NIL,
    ITEM_BOOL,     /* u: 0 or 1 */
    ITEM_UNSIGNED, /* u: all integers from 0 on, however they are spelt */
    ITEM_NEGATIVE, /* i */
    ITEM_REAL,
    ITEM_TEXT,  /* n bytes at `at`, which is in the payload */
    ITEM_BYTES, /* likewise */
    ITEM_EXT,   /* of an extension: nobody looks at it */
    ITEM_ARRAY, /* the n next values, each with all that is in it */
    ITEM_MAP    /* likewise 2 * n: key, value, key, value */
} mst_item_kind;

/* A value. What a container holds stands behind it. */
typedef struct mst_item {
    mst_item_kind kind;
    uint32_t n;
    union {
        uint64_t u;
        int64_t i;
        double real;
        const char *at;
    };
} mst_item;

typedef struct mst_tape {
    const mst_host *host;
    mst_item *items; /* items[0] is the value of the payload */
    size_t count, room, max;
    mst_status status; /* of the first failure */
} mst_tape;

/* MST_ECORRUPT unless the payload is one whole value, with no more than 2 * MSGPACK_DEPTH_LIMIT + 2
 * containers in each other. MST_ETOOBIG when the list would take more than `max_memory`. Lengths
 * that the payload claims are believed when what they count is there. Free it when MST_OK. */
mst_status mst_tape_read(const mst_host *, mst_slice payload, uint64_t max_memory, mst_tape *);
void mst_tape_free(mst_tape *);
/* The value behind this one. */
const mst_item *mst_item_next(const mst_item *);

/* All memory of the message comes from the arena. */
mst_status mst_msgpack_read(const ProtobufCMessageDescriptor *, const mst_item *,
                            unsigned max_depth, mst_arena *, ProtobufCMessage **out);

/* MST_EINVAL: nests deeper than `max_depth`, or there are no names and `names` asks for them. */
mst_status mst_msgpack_write(const ProtobufCMessage *, bool names, unsigned max_depth, mst_sink *);

#endif
