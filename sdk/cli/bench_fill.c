/* bench_fill.c - stores every key before the load, and removes them after it: the tiers may be
 * shared with others, who want none of it. */
#include <stdlib.h>
#include <uv.h>

#include "bench.h"

enum { CHUNK = 256, CHUNK_BYTES = 16 << 20 };

typedef struct chunk {
    size_t room, n;
    char key_bytes[CHUNK * BENCH_KEY];
    mst_slice keys[CHUNK];
    mst_input inputs[CHUNK];
    mst_result results[CHUNK];
    unsigned char *values; /* NULL: for a removal */
    bool answered;
} chunk;

static chunk *chunk_new(const bench_plan *plan, bool values)
{
    chunk *k = calloc(1, sizeof *k);
    size_t room = CHUNK_BYTES / plan->value_size;
    if (!k) {
        return NULL;
    }
    k->room = room < 1 ? 1 : room > CHUNK ? CHUNK : room;
    k->values = values ? malloc(k->room * plan->value_size) : NULL;
    if (values && !k->values) {
        free(k);
        return NULL;
    }
    for (size_t i = 0; i < k->room; i++) {
        k->keys[i] = (mst_slice){k->key_bytes + i * BENCH_KEY, BENCH_KEY};
        if (values) {
            k->inputs[i] =
                (mst_input){.data = k->values + i * plan->value_size, .len = plan->value_size};
            bench_fill_value(k->values + i * plan->value_size, plan->value_size);
        }
    }
    return k;
}

static void chunk_free(chunk *k)
{
    if (k) {
        free(k->values);
        free(k);
    }
}

static void on_done(void *arg, mst_result *results, size_t n)
{
    chunk *k = arg;
    for (size_t i = 0; i < n; i++) {
        k->results[i] = mst_result_take(&results[i]);
    }
    k->answered = true;
}

static mst_status send_and_wait(chunk *k, cli *c, const mst_options *o)
{
    if (!c->loop) {
        return k->values ? mst_set_many_wait(c->cache, k->keys, k->inputs, k->n, o, k->results)
                         : mst_remove_many_wait(c->cache, k->keys, k->n, o, k->results);
    }
    k->answered = false;
    mst_status status =
        k->values ? mst_set_many(c->cache, k->keys, k->inputs, k->n, o, k->results, on_done, k)
                  : mst_remove_many(c->cache, k->keys, k->n, o, k->results, on_done, k);
    while (status == MST_PENDING && !k->answered) {
        uv_run(c->loop, UV_RUN_ONCE);
    }
    return status;
}

/* The keys from `first` on; returns the first failure in *failed and how many keys there were. */
static size_t chunk_send(chunk *k, cli *c, const bench_plan *plan, uint64_t first,
                         mst_result *failed)
{
    uint64_t left = plan->keys - first;
    mst_status status;
    k->n = left < k->room ? (size_t) left : k->room;
    for (size_t i = 0; i < k->n; i++) {
        bench_key(k->key_bytes + i * BENCH_KEY, first + i);
        k->results[i] = (mst_result){.status = MST_PENDING};
        if (k->values) {
            bench_stamp(k->values + i * plan->value_size, plan->value_size, first + i);
        }
    }
    status = send_and_wait(k, c, &plan->options);
    for (size_t i = 0; i < k->n; i++) {
        mst_result *r = &k->results[i];
        if (r->status == MST_PENDING) { /* the call failed before it got there */
            r->status = status;
        }
        if (r->status < 0 && failed->status == MST_OK) {
            *failed = (mst_result){.status = r->status, .why = r->why};
        }
        mst_result_release(r);
    }
    return k->n;
}

static int each_chunk(cli *c, const bench_plan *plan, bool fill, bool show_progress)
{
    mst_result failed = {0};
    chunk *k = chunk_new(plan, fill);
    uint64_t next = bench_clock() + (uint64_t) BENCH_SECOND;
    if (!k) {
        cli_say(c, "bench: %s", mst_strerror(MST_ENOMEM));
        return CLI_FAILED;
    }
    for (uint64_t i = 0; i < plan->keys && failed.status == MST_OK;) {
        i += chunk_send(k, c, plan, i, &failed);
        if (show_progress && bench_clock() >= next) {
            out_progress("%s %.0f %%",
                         fill ? "filling:" : "removing:", 100 * (double) i / (double) plan->keys);
            next = bench_clock() + (uint64_t) BENCH_SECOND / 4;
        }
    }
    if (show_progress) {
        out_progress(NULL);
    }
    chunk_free(k);
    if (failed.status != MST_OK) {
        cli_say(c, "bench: %s the keys: %s (%s)", fill ? "cannot store" : "cannot remove",
                mst_strerror(failed.status), mst_why_name(failed.why));
    }
    return failed.status == MST_OK ? CLI_OK : CLI_FAILED;
}

int bench_fill(cli *c, const bench_plan *plan, bool show_progress)
{
    return each_chunk(c, plan, true, show_progress);
}

int bench_remove(cli *c, const bench_plan *plan, bool show_progress)
{
    return each_chunk(c, plan, false, show_progress);
}
