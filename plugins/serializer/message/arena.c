/* arena.c - see arena.h.
 *
 * A small block is cut from the newest chunk; each chunk is half as large as all before it, so that
 * there are few of them and at most a third is slack. Freeing a small block does nothing. A large
 * block has a header with its neighbours. Every block that could be the root object is preceded by
 * the address of the arena: protobuf-c does not say which of its allocations is the root.
 */
#include "arena.h"

#include <stdint.h>
#include <string.h>

enum { ALIGN = 8, LARGE = 512, FIRST_ROOM_MAX = 4096, CHUNK_MIN = 256 };

typedef struct chunk {
    _Alignas(ALIGN) struct chunk *next;
    size_t size;
} chunk;

/* What precedes a small block that may be the root. */
typedef union mark {
    _Alignas(ALIGN) mst_arena *arena;
} mark;

typedef struct large {
    _Alignas(ALIGN) struct large *prev;
    struct large *next;
    size_t size;
    mark mark; /* last */
} large;

struct mst_arena {
    const mst_host *host;
    ProtobufCAllocator face;
    size_t root_size;
    uint64_t left;  /* of what may be asked for */
    size_t taken;   /* from the host, this struct included */
    size_t chunked; /* of it in chunks */
    mst_status status;
    chunk *chunks;
    large *larges;
    char *at, *end; /* free part of the newest chunk */
    chunk first;    /* goes on behind this struct */
};

static void *fail(mst_arena *a, mst_status status)
{
    if (a->status == MST_OK) {
        a->status = status;
    }
    return NULL;
}

static void *take(mst_arena *a, size_t size)
{
    void *p = a->host->alloc(a->host, size);
    if (!p) {
        return fail(a, MST_ENOMEM);
    }
    a->taken += size;
    return p;
}

static void *alloc_large(mst_arena *a, size_t size)
{
    size_t total = sizeof(large) + size;
    large *l = take(a, total);
    if (!l) {
        return NULL;
    }
    *l = (large){NULL, a->larges, total, {a}};
    if (l->next) {
        l->next->prev = l;
    }
    a->larges = l;
    return l + 1;
}

static void use_chunk(mst_arena *a, chunk *c, size_t size)
{
    c->next = a->chunks;
    c->size = size;
    a->chunks = c;
    a->chunked += size;
    a->at = (char *) (c + 1);
    a->end = (char *) c + size;
}

static int add_chunk(mst_arena *a, size_t room)
{
    size_t size = a->chunked / 2;
    if (size < CHUNK_MIN) {
        size = CHUNK_MIN;
    }
    if (size < sizeof(chunk) + room) {
        size = sizeof(chunk) + room;
    }
    chunk *c = take(a, size);
    if (!c) {
        return 0;
    }
    use_chunk(a, c, size);
    return 1;
}

static void *alloc_small(mst_arena *a, size_t size, int marked)
{
    size_t need = (size + ALIGN - 1) / ALIGN * ALIGN + (marked ? sizeof(mark) : 0);
    if ((size_t) (a->end - a->at) < need && !add_chunk(a, need)) {
        return NULL;
    }
    char *p = a->at;
    a->at += need;
    if (marked) {
        ((mark *) p)->arena = a;
        p += sizeof(mark);
    }
    return p;
}

void *mst_arena_alloc(mst_arena *a, size_t size)
{
    if (size > a->left || size > SIZE_MAX / 2) {
        return fail(a, MST_ETOOBIG);
    }
    a->left -= size;
    size += size == 0; /* a block of its own, so that its address is inside of a chunk */
    return size >= LARGE ? alloc_large(a, size) : alloc_small(a, size, size == a->root_size);
}

static int is_small(const mst_arena *a, const void *p)
{
    for (const chunk *c = a->chunks; c; c = c->next) {
        if ((uintptr_t) p - (uintptr_t) c < c->size) {
            return 1;
        }
    }
    return 0;
}

static void free_block(mst_arena *a, void *p)
{
    if (!p || is_small(a, p)) {
        return;
    }
    large *l = (large *) p - 1;
    if (l->prev) {
        l->prev->next = l->next;
    } else {
        a->larges = l->next;
    }
    if (l->next) {
        l->next->prev = l->prev;
    }
    a->taken -= l->size;
    a->host->free(a->host, l);
}

static void *face_alloc(void *arena, size_t size)
{
    return mst_arena_alloc(arena, size);
}

static void face_free(void *arena, void *p)
{
    free_block(arena, p);
}

mst_arena *mst_arena_new(const mst_host *host, const ProtobufCMessageDescriptor *type, size_t hint,
                         uint64_t max)
{
    /* Small payloads fit in the first chunk: the root, and about what the payload spells. */
    size_t room = hint < FIRST_ROOM_MAX / 2 ? 2 * hint : FIRST_ROOM_MAX;
    room += type->sizeof_message < LARGE ? type->sizeof_message + sizeof(mark) : 0;
    room = (room + ALIGN - 1) / ALIGN * ALIGN;
    mst_arena *a = host->alloc(host, sizeof *a + room);
    if (!a) {
        return NULL;
    }
    memset(a, 0, sizeof *a);
    a->host = host;
    a->face = (ProtobufCAllocator){face_alloc, face_free, a};
    a->root_size = type->sizeof_message;
    a->left = max;
    a->taken = sizeof *a + room;
    use_chunk(a, &a->first, sizeof a->first + room);
    return a;
}

void mst_arena_free(mst_arena *a)
{
    const mst_host *host = a->host;
    while (a->larges) {
        free_block(a, a->larges + 1);
    }
    for (chunk *c = a->chunks; c != &a->first;) {
        chunk *next = c->next;
        host->free(host, c);
        c = next;
    }
    host->free(host, a);
}

mst_status mst_arena_status(const mst_arena *a)
{
    return a->status;
}

size_t mst_arena_bytes(const mst_arena *a)
{
    return a->taken;
}

ProtobufCAllocator *mst_arena_allocator(mst_arena *a)
{
    return &a->face;
}

mst_arena *mst_arena_of(void *object)
{
    return *(mst_arena **) ((char *) object - sizeof(mark));
}
