/* life.c - how long an entry lives: options of the call over the cache's configuration. */
#include "base/clock.h"
#include "pipeline/cache.h"

static int64_t choose(int64_t asked, int64_t configured)
{
    return asked == MST_DEFAULT ? configured : asked;
}

/* Shorter by a random share, so that what was stored together does not expire together. */
static uint64_t with_jitter(mst_cache *c, uint64_t ms, double share)
{
    if (share <= 0) {
        return ms;
    }
    uint64_t n = atomic_fetch_add_explicit(&c->jitter_state, 1, memory_order_relaxed);
    double lot = (double) (msi_mix(n ^ c->seed) >> 11) / (double) (UINT64_C(1) << 53);
    uint64_t less = (uint64_t) ((double) ms * (share < 1 ? share : 1) * lot);
    return less < ms ? ms - less : 1;
}

void msi_cache_life(mst_cache *c, const mst_entry *e, uint64_t now, msi_life *life)
{
    msi_ticker_tell(c->ticker, now); /* or a hit might find it in the future */
    int64_t expire = choose(e->expire_ms, c->settings.expire_ms);
    int64_t sliding = choose(e->sliding_ms, c->settings.sliding_ms);
    double jitter = e->jitter != 0 ? e->jitter : c->settings.jitter;
    life->created_ms = now;
    life->expires_ms = expire > 0 ? now + with_jitter(c, (uint64_t) expire, jitter) : 0;
    life->sliding_ms = sliding > 0 ? (uint64_t) sliding : 0;
}

/* Sliding entries in a chain. Reads that a nearer tier answers are not seen by the farther ones, so
 * the nearer tiers hold such an entry for half a window only, and let a read through then; and the
 * last tier keeps it for longer than the window by what it may have missed: half a window, and a
 * quarter in a far tier, which is renewed only when that quarter has gone. So an entry lives for at
 * least its window after its last read. */
static uint64_t unseen(unsigned index, uint64_t window)
{
    return index > 0 ? window / 2 : 0;
}

static uint64_t window_in(const mst_cache *c, unsigned index, uint64_t window)
{
    return window + unseen(index, window) + (c->tiers[index]->near ? 0 : window / 4);
}

uint64_t msi_window_of(unsigned index, uint64_t held)
{
    return index > 0 ? held / 3 * 2 : held;
}

bool msi_window_is_fresh(unsigned index, uint64_t window, uint64_t end, uint64_t now)
{
    return end > now + window + unseen(index, window);
}

/* 0 is never. */
static uint64_t sooner(uint64_t end, uint64_t at)
{
    return end == 0 || end > at ? at : end;
}

void msi_cache_life_in(const mst_cache *c, unsigned index, const msi_life *life, uint64_t now,
                       msi_life *held)
{
    int64_t longest = c->tiers[index]->settings.expire_ms;
    uint64_t end = life->expires_ms, sliding = life->sliding_ms;
    if (sliding && index + 1 < c->tier_count) {
        end = sooner(end, now + (sliding + 1) / 2);
        sliding = 0;
    } else if (sliding) {
        sliding = window_in(c, index, sliding);
    }
    held->created_ms = life->created_ms;
    held->expires_ms = longest > 0 ? sooner(end, now + (uint64_t) longest) : end;
    held->sliding_ms = sliding;
}
