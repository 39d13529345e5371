/* arena.h - the memory of one decoded protobuf-c message, given back all at once. Compiled into the
 * serializers that make such messages (protobuf, json, msgpack).
 *
 * A message is many small blocks with one life. They stand one behind the other in a few chunks, so
 * that decoding costs few allocations, destroying walks nothing, and what the cache charges is
 * exactly what was taken from the host. Blocks of 512 bytes and more are taken and freed one by
 * one: they are arrays, long strings, and the scratch tables of the protobuf-c parser.
 */
#ifndef MESSAGE_ARENA_H
#define MESSAGE_ARENA_H

#include <memstache/codec.h>
#include <protobuf-c/protobuf-c.h>

typedef struct mst_arena mst_arena;

/* For objects of `type`, whose payload has `hint` bytes. All that is asked for may sum up to `max`
 * bytes, freed or not: that bounds the time of hostile input as well. NULL: out of memory. */
mst_arena *mst_arena_new(const mst_host *, const ProtobufCMessageDescriptor *type, size_t hint,
                         uint64_t max);
void mst_arena_free(mst_arena *);

/* Aligned for everything that a message holds; NULL when it fails, see mst_arena_status(). */
void *mst_arena_alloc(mst_arena *, size_t size);
/* MST_OK, or why an allocation failed: MST_ENOMEM or MST_ETOOBIG. */
mst_status mst_arena_status(const mst_arena *);
/* What it has taken from the host. */
size_t mst_arena_bytes(const mst_arena *);

/* Its face for protobuf-c; valid as long as the arena. */
ProtobufCAllocator *mst_arena_allocator(mst_arena *);

/* The arena of an object: any block of exactly type->sizeof_message bytes that it allocated. */
mst_arena *mst_arena_of(void *object);

#endif
