/* lookup.c - GETs at their shortest: plain hits take no lock, if the policy allows it.
 *
 * The entry is found in the index, lent to the thread (loan.h), and looked for a second time. What
 * is usual stands here in one piece and by itself, since how many lookups of a loop the processor
 * overlaps depends on how few instructions each of them is. What is less usual, and plain
 * nevertheless, is searched for once more by find_plain(). All else, misses among it, is done under
 * the lock (read.c).
 */
#include "find.h"
#include "shard.h"

enum { WINDOW = 16 };

/* ---- what is less usual: in a line that is not its own, behind a tag of another key, a long key,
 * a large value, a tag */

/* What makes a hit one for the lock. */
enum { NOT_PLAIN = MEM_HAS_SLIDING | MEM_HAS_OBJECT | MEM_HAS_WIDE_SPACE };

static inline uint64_t life_of_linked(const mst_space *space)
{
    return (uint64_t) space->id << MEM_LIFE_SPACE | MEM_LINKED;
}

/* Is it the entry of the key, linked, and plain? */
static bool is_plain(const mem_shape *shape, const mem_entry *e, const mst_lookup *l)
{
    const uint64_t mask = 0xffu << MEM_LIFE_SPACE | (unsigned) NOT_PLAIN << MEM_LIFE_FIELDS | 0xffu;
    return e->hash == (uint32_t) l->hash && e->key_len == l->key.len &&
           (mem_life_of(e) & mask) == life_of_linked(l->space) &&
           mem_bytes_are(mem_entry_key(shape, e), l->key.data, l->key.len);
}

/* The plain entry of the key, lent by `loan`; NULL, also when it was moved just now. */
static mem_entry *find_plain(const mem_cache *cache, const mem_index *ix, const mst_lookup *l,
                             mem_loan *loan)
{
    const mem_segment *s = mem_segment_of(ix, l->hash);
    uint32_t at = mem_line_of(ix, l->hash), tag = mem_tag_of(l->hash);
    for (uint32_t n = 0; n < ix->lines; n++) {
        const mem_line *line = &s->line[at];
        mem_tags tags = mem_tags_of(line);
        for (uint32_t found = mem_matches(tags, tag); found; found &= found - 1) {
            uint32_t slot = mem_first_slot(found), position = mem_position_at(line, slot);
            mem_entry *e = mem_region_at(&cache->region, position);
            mem_loan_take(&cache->lender, loan, e);
            if (!position || mem_position_at(line, slot) != position) {
                return NULL;
            }
            if (is_plain(&cache->shape, e, l)) {
                return e;
            }
        }
        if (!mem_passed(tags)) {
            return NULL;
        }
        at = mem_line_after(ix, at);
    }
    return NULL;
}

/* ---- a hit */

/* The rest of a hit: told to the policy, and to the caller. */
static inline void lend(const mem_cache *cache, mem_shard *sh, mem_loans *reader, mem_entry *e,
                        uint64_t life, const uint8_t *value, mem_loan *loan, mst_lookup *l)
{
    const mem_shape *shape = &cache->shape;
    mem_reader_count(reader);
    if (cache->on_hit) {
        cache->on_hit(sh->policy_shard, mem_entry_node(shape, e));
    }
    l->expires_ms = mem_time_out(shape, mem_life_end(life));
    l->created_ms = mem_entry_created(e);
    l->out.data = value;
    l->out.len = e->value_len;
    l->out.release = mem_loan_release;
    l->out.owner = loan;
}

static __attribute__((noinline)) bool lookup_plain(const mem_cache *cache, mem_shard *sh,
                                                   mem_loans *reader, mem_loan *loan, mst_lookup *l)
{
    mem_entry *e = find_plain(cache, &sh->index, l, loan);
    uint64_t life = e ? mem_life_of(e) : 0;
    if (!e || mem_life_is_over(life, mem_time_in(&cache->shape, l->now_ms))) {
        mem_loan_drop(loan);
        return false;
    }
    lend(cache, sh, reader, e, life, mem_entry_value(&cache->shape, e), loan, l);
    return true;
}

/* The usual: the first entry with the tag in the key's own line, which has key and value in its
 * slot and nothing else. False: everything is as it was, and the lock is needed. */
static inline bool lookup_unlocked(const mem_cache *cache, mem_loans *reader, mst_lookup *l)
{
    const uint64_t bare =
        0xffu << MEM_LIFE_SPACE | (0xffu & ~(unsigned) MEM_HAS_CREATED) << MEM_LIFE_FIELDS | 0xffu;
    const uint64_t hash = l->hash;
    mem_shard *sh = mem_cache_shard((mem_cache *) cache, hash);
    mem_loan *loan = mem_reader_loan(reader);
    if (!loan) {
        return false;
    }
    const mem_line *line = &mem_segment_of(&sh->index, hash)->line[mem_line_of(&sh->index, hash)];
    uint32_t found = mem_matches(mem_tags_of(line), mem_tag_of(hash));
    if (!found) {
        return mem_passed(mem_tags_of(line)) && lookup_plain(cache, sh, reader, loan, l);
    }
    uint32_t slot = mem_first_slot(found), position = mem_position_at(line, slot);
    mem_entry *e = mem_region_at(&cache->region, position);
    __builtin_prefetch((const uint8_t *) e + 64); /* the value begins there or so */
    mem_loan_take(&cache->lender, loan, e);
    if (!position || mem_position_at(line, slot) != position) {
        mem_loan_drop(loan);
        return false;
    }
    const uint8_t *there = (const uint8_t *) e + cache->shape.key_at;
    uint64_t life = mem_life_of(e);
    if (e->hash == (uint32_t) hash && e->key_len == l->key.len && l->key.len <= MEM_KEY_MOST &&
        (life & bare) == life_of_linked(l->space) &&
        !mem_life_is_over(life, l->now_ms - cache->shape.origin_ms) &&
        mem_bytes_are(there, l->key.data, l->key.len)) {
        lend(cache, sh, reader, e, life, there + l->key.len, loan, l);
        return true;
    }
    return lookup_plain(cache, sh, reader, loan, l);
}

/* ---- one and many */

/* This thread's loans. */
static inline mem_loans *reader_of(mem_cache *cache, const mst_lookup *l)
{
    void *reader = l->thread ? __atomic_load_n(l->thread, __ATOMIC_RELAXED) : NULL;
    return reader ? reader : mem_lender_reader(&cache->lender, l->thread);
}

mst_status mem_lookup(mem_cache *cache, mst_lookup *l)
{
    mem_loans *reader = reader_of(cache, l);
    bool is_hit = reader && cache->hits_unlocked && lookup_unlocked(cache, reader, l);
    return is_hit ? MST_OK : mem_lookup_locked(cache, l);
}

static void lookup_window(mem_cache *cache, mst_lookup *l, size_t n)
{
    mem_loans *reader = cache->hits_unlocked ? reader_of(cache, l) : NULL;
    for (size_t i = 0; i < n; i++) {
        mem_index_prefetch_line(&mem_cache_shard(cache, l[i].hash)->index, l[i].hash);
    }
    for (size_t i = 0; i < n; i++) {
        mem_index_prefetch_entry(&mem_cache_shard(cache, l[i].hash)->index, l[i].hash);
    }
    for (size_t i = 0; i < n; i++) {
        bool is_hit = reader && lookup_unlocked(cache, reader, &l[i]);
        if (is_hit) {
            mem_reader_pass(reader, l[i].out.owner);
        }
        l[i].status = is_hit ? MST_OK : mem_lookup_locked(cache, &l[i]);
    }
}

void mem_lookup_many(mem_cache *cache, mst_lookup *l, size_t n)
{
    while (n) {
        size_t now = n < WINDOW ? n : WINDOW;
        lookup_window(cache, l, now);
        l += now;
        n -= now;
    }
}
