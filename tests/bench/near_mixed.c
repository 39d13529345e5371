/* near_mixed - whether the memory tier is honest when sizes are mixed: `lookups` operations, six
 * sets, three gets and a remove of ten, on values of 1 B to 64 KiB, each power of two as often as
 * the others, and now and then one of up to 10 MB. What it reports in the end is compared with what
 * the process has come to occupy since before the cache was opened; every 256 operations it is
 * looked whether that is more than max_bytes. */
#include <stdlib.h>
#include <string.h>

#include "near.h"

enum { SMALL_BITS = 16, LARGE = 10000000, LARGE_EVERY = 20000, LOOK_EVERY = 256 };

typedef struct bench {
    near_options o;
    near_cache near;
    uint64_t state, largest, before, peak, stored, refused;
    char *value;
} bench;

static uint64_t draw(bench *b, uint64_t n)
{
    b->state = b->state * 6364136223846793005u + 1442695040888963407u;
    return (b->state >> 33) % n;
}

static uint64_t draw_size(bench *b)
{
    if (draw(b, LARGE_EVERY) == 0) {
        return 1 + draw(b, b->largest);
    }
    uint64_t low = (uint64_t) 1 << draw(b, SMALL_BITS);
    return low + draw(b, low) + 1; /* 2 to 65,536 */
}

static void set(bench *b, mst_slice key)
{
    mst_result r;
    mst_input input = {.data = b->value, .len = draw_size(b) - 1};
    input.len += input.len == 0;
    mst_set(b->near.cache, key, &input, NULL, &r, NULL, NULL);
    b->stored += r.status == MST_OK;
    b->refused += r.status == MST_UNCHANGED;
    if (r.status != MST_OK && r.status != MST_UNCHANGED) {
        near_fail("near_mixed: set: %s (%s)", mst_strerror(r.status), mst_why_name(r.why));
    }
    mst_result_release(&r);
}

static void operate(bench *b)
{
    near_key key;
    mst_result r = {.status = MST_OK};
    near_make_key(key, draw(b, b->o.entries));
    mst_slice k = {key, NEAR_KEY};
    uint64_t what = draw(b, 10);
    if (what < 6) {
        set(b, k);
    } else if (what < 9) {
        mst_get_now(b->near.cache, k, NULL, &r);
    } else {
        mst_remove(b->near.cache, k, NULL, &r, NULL, NULL);
    }
    if (r.status != MST_OK && r.status != MST_MISS) {
        near_fail("near_mixed: %s", mst_strerror(r.status));
    }
    mst_result_release(&r);
}

static void look(bench *b)
{
    uint64_t now = near_resident_quick();
    b->peak = now > b->peak ? now : b->peak;
}

int main(int argc, char **argv)
{
    bench b = {.o = {.program = "near_mixed",
                     .entries = 1000000,
                     .lookups = 10000000,
                     .rounds = 1,
                     .max_bytes = (uint64_t) 1 << 30},
               .state = 42};
    uint64_t bytes = 0;
    near_read_options(&b.o, argc, argv);
    b.largest = LARGE;
    b.value = near_must(malloc(LARGE));
    memset(b.value, 'x', LARGE);
    b.before = b.peak = near_resident();
    near_open(&b.near, &b.o, b.o.max_bytes, 0);
    for (uint64_t i = 0; i < b.o.lookups; i++) {
        operate(&b);
        if (i % LOOK_EVERY == 0) {
            look(&b);
        }
    }
    look(&b);
    double grown = (double) (near_resident() - b.before), most = (double) (b.peak - b.before);
    if (!near_figure(&b.near, "bytes", &bytes) || b.stored == 0) {
        near_fail("near_mixed: nothing was stored");
    }
    near_line_begin(&b.o, &b.near);
    near_line_number("operations", (double) b.o.lookups);
    near_line_number("refused", (double) b.refused);
    near_line_number("max_bytes", (double) b.o.max_bytes);
    near_line_number("reported_bytes", (double) bytes);
    near_line_number("resident_bytes", grown);
    near_line_number("reported_resident", (double) bytes / grown);
    near_line_number("peak_max_bytes", most / (double) b.o.max_bytes);
    near_line_end();
    near_close(&b.near);
    free(b.value);
    return 0;
}
