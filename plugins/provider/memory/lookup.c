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
           (mem_life_of(e) & mask) == life_of_linked(l->asker->space) &&
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
        for (uint32_t found = mem_matches(line, tag); found; found &= found - 1) {
            uint32_t slot = mem_first_slot(found), position = mem_position_at(line, slot);
            mem_entry *e = mem_region_at(&cache->region, position);
            mem_loan_take(loan, e);
            if (!position || mem_position_at(line, slot) != position) {
                return NULL;
            }
            if (is_plain(&cache->shape, e, l)) {
                return e;
            }
        }
        if (!mem_passed(line)) {
            return NULL;
        }
        at = mem_line_after(ix, at);
    }
    return NULL;
}

/* ---- a hit */

/* What is the same for all of them, and written down before memory has arrived. */
static inline void promise(mem_loan *loan, mst_result *r)
{
    r->status = MST_OK;
    r->why = MST_WHY_HIT;
    r->tier = 0;
    r->object = NULL;
    r->release = mem_loan_release;
    r->owner = loan;
}

/* What the entry says; false: its time is over. (One thing after the other, for which the fences
 * are: all at once takes more registers than there are, and to save some takes longer.) */
static inline bool lend(const mem_entry *e, const uint8_t *value, uint64_t life,
                        const mem_cache *cache, const mst_lookup *l, mst_result *r)
{
    r->data = value;
    r->len = e->value_len;
    atomic_signal_fence(memory_order_acq_rel);
    r->age_ms = mem_age_of(e->created_ms, l->now_ms);
    atomic_signal_fence(memory_order_acq_rel);
    uint64_t end = mem_life_end(life), last = end - 1; /* what never ends, at the last of all */
    uint64_t left = last - (l->now_ms - cache->shape.origin_ms);
    r->ttl_ms = end ? (int64_t) left + 1 : -1;
    return left <= last;
}

/* What a policy is told that says how it counts: see mst_eviction_ops. */
static inline void count_read(const mem_cache *cache, mem_entry *e)
{
    _Atomic uint8_t *reads = (_Atomic uint8_t *) e + cache->reads_at;
    uint32_t n = atomic_load_explicit(reads, memory_order_relaxed);
    if (n < cache->reads_max) {
        atomic_store_explicit(reads, (uint8_t) (n + 1), memory_order_relaxed);
    }
}

/* A plain entry, wherever it is; NULL: there is none, or it was moved just now. */
static mem_entry *lend_plain(const mem_cache *cache, const mem_shard *sh, mem_loan *loan,
                             const mst_lookup *l, mst_result *r)
{
    mem_entry *e = find_plain(cache, &sh->index, l, loan);
    if (!e || !lend(e, mem_entry_value(&cache->shape, e), mem_life_of(e), cache, l, r)) {
        mem_loan_drop(loan);
        return NULL;
    }
    return e;
}

/* What makes an entry bare: linked, in the space, with key and value in its slot and nothing else.
 */
static inline bool is_bare(uint64_t life, const mst_space *space)
{
    const uint64_t all =
        0xffu << MEM_LIFE_SPACE | (0xffu & ~(unsigned) MEM_HAS_CREATED) << MEM_LIFE_FIELDS | 0xffu;
    return ((life ^ life_of_linked(space)) & all) == 0;
}

/* The usual: the first of those that were found in a line, when it is bare. NULL: it is something
 * else. */
static inline mem_entry *lend_bare(const mem_cache *cache, const mem_line *line, uint32_t found,
                                   mem_loan *loan, const mst_lookup *l, mst_result *r)
{
    const mem_shape *shape = &cache->shape;
    uint32_t slot = mem_first_slot(found), position = mem_position_at(line, slot);
    mem_entry *e = mem_region_at(&cache->region, position);
    mem_loan_take(loan, e);
    const uint8_t *key = (const uint8_t *) e + shape->key_at;
    if (mem_position_at(line, slot) == position && position && e->key_len == l->key.len &&
        mem_short_is(key, l->key.data, e->key_len)) {
        uint64_t life = mem_life_of(e);
        if (is_bare(life, l->asker->space) && lend(e, key + e->key_len, life, cache, l, r)) {
            return e;
        }
    }
    mem_loan_drop(loan);
    return NULL;
}

/* ---- one */

/* This thread's loans; NULL: lookups need the lock, or there is no memory. */
static mem_loans *reader_of(mem_cache *cache)
{
    return cache->lender.unlocked ? mem_lender_reader(&cache->lender) : NULL;
}

/* A hit without the lock, whatever the policy. (The host counts it.) */
static inline void note_hit(const mem_cache *cache, const mem_shard *sh, mem_entry *e)
{
    if (cache->on_hit) {
        cache->on_hit(sh->policy_shard, mem_entry_node(&cache->shape, e));
    } else {
        count_read(cache, e);
    }
}

/* All that is not usual. */
static __attribute__((noinline)) mst_status lookup_further(mem_cache *cache, const mst_lookup *l,
                                                           mst_result *r)
{
    const mem_shard *sh = mem_cache_shard(cache, l->hash);
    mem_loans *reader = reader_of(cache);
    mem_loan *loan = reader ? mem_reader_loan(reader) : NULL;
    if (loan && !cache->on_hit) {
        __atomic_store_n(&l->asker->word, loan, __ATOMIC_RELAXED);
    }
    mem_entry *e = loan ? lend_plain(cache, sh, loan, l, r) : NULL;
    if (!e) {
        return mem_lookup_locked(cache, l, r);
    }
    promise(loan, r);
    note_hit(cache, sh, e);
    return MST_OK;
}

/* The line of a key: the first of the two places in memory that a hit waits for. */
static inline const mem_line *line_of(const mem_cache *cache, uint64_t hash)
{
    const _Atomic(mem_directory *) *of =
        MEM_ELEMENT(cache->directory, mem_cache_shard_index(cache, hash));
    return mem_line_in(atomic_load_explicit(of, memory_order_acquire), hash);
}

void mem_expect(const mem_cache *cache, uint64_t hash)
{
    __builtin_prefetch(line_of(cache, hash));
}

/* In a line after its own, which was full once. */
static __attribute__((noinline)) mst_status lookup_after(mem_cache *cache, const mst_lookup *l,
                                                         mst_result *r, mem_loan *loan)
{
    const mem_index *ix = &mem_cache_shard(cache, l->hash)->index;
    const mem_line *line = line_of(cache, l->hash);
    uint32_t at = mem_line_of(ix, l->hash), found = 0;
    for (uint32_t n = 1; !found && mem_passed(line) && n < ix->lines; n++) {
        uint32_t after = mem_line_after(ix, at);
        line = line - at + after;
        at = after;
        found = mem_matches(line, mem_raw_tag_of(l->hash));
    }
    mem_entry *e = found ? lend_bare(cache, line, found, loan, l, r) : NULL;
    if (!e) {
        return lookup_further(cache, l, r);
    }
    count_read(cache, e);
    return MST_OK;
}

/* The usual by itself, so short that a processor can look ahead to the lookups that come after it.
 * The word of the thread is the loan that it took last, if hits of this cache can be so short. */
mst_status mem_lookup(mem_cache *cache, const mst_lookup *l, mst_result *r)
{
    mem_loan *loan = __atomic_load_n(&l->asker->word, __ATOMIC_RELAXED);
    if (!loan || !mem_loan_is_free(loan)) {
        return lookup_further(cache, l, r);
    }
    const mem_line *line = line_of(cache, l->hash);
    __builtin_prefetch(line + 1); /* a tenth of the keys is there: see lookup_after() */
    promise(loan, r);
    uint32_t found = mem_matches(line, mem_raw_tag_of(l->hash));
    if (!found) {
        return lookup_after(cache, l, r, loan);
    }
    mem_entry *e = lend_bare(cache, line, found, loan, l, r);
    if (!e) {
        return lookup_further(cache, l, r);
    }
    count_read(cache, e);
    return MST_OK;
}

/* ---- many */

/* One of them; false: it needs the lock. */
static inline bool lookup_next(mem_cache *cache, mem_loans *reader, const mst_lookup *l,
                               mst_result *r)
{
    mem_loan *loan = mem_reader_loan(reader);
    if (!loan) {
        return false;
    }
    const mem_line *line = line_of(cache, l->hash);
    uint32_t found = mem_matches(line, mem_raw_tag_of(l->hash));
    promise(loan, r);
    mem_entry *e = found ? lend_bare(cache, line, found, loan, l, r) : NULL;
    const mem_shard *sh = mem_cache_shard(cache, l->hash);
    e = e ? e : lend_plain(cache, sh, loan, l, r);
    if (e) {
        note_hit(cache, sh, e);
        mem_reader_pass(reader, loan);
    }
    return e;
}

static void lookup_window(mem_cache *cache, const mst_lookup *l, mst_result *r, size_t n)
{
    mem_loans *reader = reader_of(cache);
    for (size_t i = 0; i < n; i++) {
        __builtin_prefetch(line_of(cache, l[i].hash));
    }
    for (size_t i = 0; i < n; i++) {
        mem_index_prefetch_entry(&mem_cache_shard(cache, l[i].hash)->index, l[i].hash);
    }
    for (size_t i = 0; i < n; i++) {
        bool is_hit = reader && lookup_next(cache, reader, &l[i], &r[i]);
        r[i].status = is_hit ? MST_OK : mem_lookup_locked(cache, &l[i], &r[i]);
    }
}

void mem_lookup_many(mem_cache *cache, const mst_lookup *l, mst_result *r, size_t n)
{
    while (n) {
        size_t now = n < WINDOW ? n : WINDOW;
        lookup_window(cache, l, r, now);
        l += now;
        r += now;
        n -= now;
    }
}
