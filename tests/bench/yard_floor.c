/* yard_floor.c - the yardstick of a hit: what is left when a cache does nothing but find. Slots of
 * hash and pointer, half of them empty at most, linear probing; entries in one block, whose
 * reference count is raised and never lowered. One lookup misses the processor's caches twice, in
 * the slot and in the entry; with sixteen at once the misses of a batch overlap. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "near.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

/* A header of the size that a cache needs: count, lengths, two links of a policy. */
typedef struct entry {
    uint32_t refs, key_len, value_len, unused;
    void *links[2];
    char bytes[NEAR_KEY + NEAR_VALUE];
} entry;

typedef struct slot {
    uint64_t hash;
    entry *entry;
} slot;

struct yard_floor {
    uint64_t mask;
    size_t slot_bytes, entry_bytes;
    slot *slots;
    entry *entries;
};

yard_floor *yard_floor_new(uint64_t entries, bool huge)
{
    yard_floor *f = near_must(calloc(1, sizeof *f));
    uint64_t room = 1;
    while (room < 2 * entries) {
        room *= 2;
    }
    f->mask = room - 1;
    f->slot_bytes = room * sizeof *f->slots;
    f->entry_bytes = entries * sizeof *f->entries;
    f->slots = near_map(f->slot_bytes, huge);
    f->entries = near_map(f->entry_bytes, huge);
    for (uint64_t i = 0; i < entries; i++) {
        near_key key;
        near_make_key(key, i);
        memcpy(f->entries[i].bytes, key, NEAR_KEY);
        f->entries[i].bytes[NEAR_KEY] = 1;
        uint64_t hash = XXH3_64bits(key, NEAR_KEY), at = hash & f->mask;
        while (f->slots[at].entry) {
            at = (at + 1) & f->mask;
        }
        f->slots[at] = (slot){hash, &f->entries[i]};
    }
    return f;
}

static inline entry *find(const yard_floor *f, uint64_t hash)
{
    uint64_t at = hash & f->mask;
    while (f->slots[at].hash != hash) {
        at = (at + 1) & f->mask;
    }
    return f->slots[at].entry;
}

static inline uint64_t take(entry *e, const char *key, uint64_t *sum)
{
    if (memcmp(e->bytes, key, NEAR_KEY) != 0) {
        return 0;
    }
    __atomic_fetch_add(&e->refs, 1, __ATOMIC_RELAXED);
    *sum += (uint8_t) e->bytes[NEAR_KEY];
    return 1;
}

uint64_t yard_floor_one(yard_floor *f, near_key *keys, uint64_t n, uint64_t *sum)
{
    uint64_t hits = 0;
    for (uint64_t i = 0; i < n; i++) {
        hits += take(find(f, XXH3_64bits(keys[i], NEAR_KEY)), keys[i], sum);
    }
    return hits;
}

uint64_t yard_floor_many(yard_floor *f, near_key *keys, uint64_t n, uint64_t *sum)
{
    uint64_t hash[NEAR_BATCH], hits = 0;
    entry *entries[NEAR_BATCH];
    for (uint64_t i = 0; i + NEAR_BATCH <= n; i += NEAR_BATCH) {
        for (uint64_t j = 0; j < NEAR_BATCH; j++) {
            hash[j] = XXH3_64bits(keys[i + j], NEAR_KEY);
            __builtin_prefetch(&f->slots[hash[j] & f->mask]);
        }
        for (uint64_t j = 0; j < NEAR_BATCH; j++) {
            entries[j] = find(f, hash[j]);
            __builtin_prefetch(entries[j]);
        }
        for (uint64_t j = 0; j < NEAR_BATCH; j++) {
            hits += take(entries[j], keys[i + j], sum);
        }
    }
    return hits;
}

void yard_floor_free(yard_floor *f)
{
    munmap(f->slots, f->slot_bytes);
    munmap(f->entries, f->entry_bytes);
    free(f);
}
