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

msi_life msi_cache_life(mst_cache *c, const mst_entry *e, uint64_t now)
{
    msi_ticker_tell(c->ticker, now); /* or a hit might find it in the future */
    msi_life life = {.created_ms = now};
    int64_t expire = choose(e->expire_ms, c->settings.expire_ms);
    int64_t sliding = choose(e->sliding_ms, c->settings.sliding_ms);
    double jitter = e->jitter != 0 ? e->jitter : c->settings.jitter;
    if (expire > 0) {
        life.expires_ms = now + with_jitter(c, (uint64_t) expire, jitter);
    }
    if (sliding > 0) {
        life.sliding_ms = (uint64_t) sliding;
    }
    return life;
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

static void cap(msi_life *life, uint64_t at)
{
    if (life->expires_ms == 0 || life->expires_ms > at) {
        life->expires_ms = at;
    }
}

msi_life msi_cache_life_in(const mst_cache *c, unsigned index, msi_life life, uint64_t now)
{
    int64_t longest = c->tiers[index]->settings.expire_ms;
    if (life.sliding_ms && index + 1 < c->tier_count) {
        cap(&life, now + (life.sliding_ms + 1) / 2);
        life.sliding_ms = 0;
    } else if (life.sliding_ms) {
        life.sliding_ms = window_in(c, index, life.sliding_ms);
    }
    if (longest > 0) {
        cap(&life, now + (uint64_t) longest);
    }
    return life;
}
