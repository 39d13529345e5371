/* expire.c - when an entry ends, and how the dead are found.
 *
 * There is no timer. An expired entry is a miss and goes when it is asked for; those that nobody
 * asks for are found by a hand that goes round the index, a few steps with each write. Each segment
 * knows a moment before which none of its entries ends, so the hand skips what has nothing to give;
 * so does the index as a whole, so that the hand rests while nothing ends.
 */
#include "find.h"
#include "shard.h"

enum {
    RENEWALS = 8, /* a sliding end is moved at most so many times per window */
    LOOKS = 4     /* places of the directory per write */
};

uint64_t mem_end_of(uint64_t limit_ms, uint64_t window_ms, uint64_t now_ms)
{
    if (!window_ms || window_ms > UINT64_MAX - now_ms) {
        return limit_ms;
    }
    uint64_t end = now_ms + window_ms;
    return limit_ms && limit_ms < end ? limit_ms : end;
}

void mem_entry_renew(const mem_shape *shape, mem_entry *e, uint64_t now_ms)
{
    if (!(mem_entry_fields(e) & MEM_HAS_SLIDING)) {
        return;
    }
    const mem_sliding sliding = mem_entry_sliding(shape, e);
    uint64_t end = mem_end_of(sliding.limit_ms, sliding.window_ms, now_ms);
    uint64_t before = mem_entry_end_ms(shape, e);
    uint64_t step = sliding.window_ms / RENEWALS;
    if (end > before && (end - before >= step || end == sliding.limit_ms)) {
        mem_entry_set_end(e, mem_time_in(shape, end));
    }
}

void mem_shard_expire(mem_shard *sh, mem_entry *e, mem_doomed *doomed)
{
    mem_shard_drop(sh, e, MST_GONE_EXPIRED, doomed);
    sh->counters.expirations++;
}

mem_entry *mem_shard_find(mem_shard *sh, const mst_op *op, mem_doomed *doomed)
{
    mem_entry *e = mem_index_find(&sh->index, op->hash, op->key, op->space);
    if (e && mem_entry_is_over(mem_shape_of(sh), e, op->now_ms)) {
        mem_shard_expire(sh, e, doomed);
        return NULL;
    }
    return e;
}

/* `soonest`: of the segment that the hand leaves. A round that is complete has seen them all; what
 * came meanwhile was noted. */
static void next_segment(mem_index *ix, uint64_t soonest)
{
    mem_hand *hand = &ix->hand;
    hand->round = soonest < hand->round ? soonest : hand->round;
    hand->line = 0;
    hand->soonest = UINT64_MAX;
    if (++hand->at >= mem_index_places(ix)) {
        hand->at = 0;
        ix->soonest = hand->round;
        hand->round = UINT64_MAX;
    }
}

static void prefetch_line(const mem_index *ix, const mem_line *line)
{
    for (uint32_t slot = 0; slot < MEM_LINE_SLOTS; slot++) {
        __builtin_prefetch(mem_index_at(ix, mem_position_at(line, slot)));
    }
}

static void sweep_line(mem_shard *sh, mem_segment *s, uint64_t now, mem_doomed *doomed)
{
    mem_hand *hand = &sh->index.hand;
    mem_line *line = &s->line[hand->line];
    for (uint32_t slot = 0; slot < MEM_LINE_SLOTS; slot++) {
        uint32_t position = mem_position_at(line, slot);
        mem_entry *e = position ? mem_index_at(&sh->index, position) : NULL;
        uint64_t end = e ? mem_life_end(mem_life_of(e)) : 0;
        if (end && end <= now) {
            mem_shard_expire(sh, e, doomed);
        } else if (end && end < hand->soonest) {
            hand->soonest = end;
        }
    }
    if (++hand->line == sh->index.lines) {
        s->soonest = hand->soonest;
        next_segment(&sh->index, s->soonest);
    } else {
        prefetch_line(&sh->index, line + 1); /* for the next write */
    }
}

void mem_shard_sweep(mem_shard *sh, uint64_t now_ms, mem_doomed *doomed)
{
    uint64_t now = mem_time_in(mem_shape_of(sh), now_ms);
    for (int i = 0; i < LOOKS && sh->index.soonest <= now; i++) {
        mem_segment *s = mem_index_segment(&sh->index, sh->index.hand.at);
        if (s && s->soonest <= now) {
            sweep_line(sh, s, now, doomed);
            return;
        }
        next_segment(&sh->index, s ? s->soonest : UINT64_MAX);
    }
}
