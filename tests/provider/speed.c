/* speed - what a hit costs and what an entry takes: 16-byte keys, 100-byte values, one thread, all
 * hits, uniformly random. Asks the plugin itself; hashing is part of the time, which is processor
 * time, so that a busy machine disturbs less. Best of several rounds.
 *
 *   provider_speed [ENTRIES...]      default: 10000 100000 1000000 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "provider/rig.h"

enum { KEY = 16, VALUE = 100, LOOKUPS = 1 << 20, ROUNDS = 7, BATCH = 16 };

typedef char key_text[KEY + 9]; /* room for any number */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

static double best(const double *values)
{
    double least = values[0];
    for (int i = 1; i < ROUNDS; i++) {
        least = values[i] < least ? values[i] : least;
    }
    return least / LOOKUPS * 1e9;
}

static mst_op op_for(uint16_t code, const char *key)
{
    return (mst_op){
        .struct_size = sizeof(mst_op),
        .code = code,
        .hash = XXH3_64bits(key, KEY),
        .space = &rig_space,
        .key = {key, KEY},
        .now_ms = 1000,
    };
}

static void fill(rig *r, size_t n)
{
    char bytes[VALUE] = {0};
    key_text key;
    for (size_t i = 0; i < n; i++) {
        const mst_slice value = {bytes, VALUE};
        snprintf(key, sizeof key, "key:%012zu", i);
        mst_op op = op_for(MST_OP_SET, key);
        op.value = &value;
        op.value_parts = 1;
        op.created_ms = 1000;
        rig_run(r, &op);
    }
}

static double one_by_one(rig *r, key_text *keys, uint64_t *sum)
{
    double start = seconds();
    for (size_t i = 0; i < LOOKUPS; i++) {
        mst_op op = op_for(MST_OP_GET, keys[i]);
        if (rig_run(r, &op) == MST_OK) {
            *sum += op.out.len;
            op.out.release(op.out.owner);
        }
    }
    return seconds() - start;
}

static double in_batches(rig *r, key_text *keys, uint64_t *sum)
{
    double start = seconds();
    for (size_t i = 0; i < LOOKUPS; i += BATCH) {
        mst_op op[BATCH], *ops[BATCH];
        for (size_t j = 0; j < BATCH; j++) {
            op[j] = op_for(MST_OP_GET, keys[i + j]);
            ops[j] = &op[j];
        }
        r->ops->submit(r->self, ops, BATCH);
        for (size_t j = 0; j < BATCH; j++) {
            if (op[j].status == MST_OK) {
                *sum += op[j].out.len;
                op[j].out.release(op[j].out.owner);
            }
        }
    }
    return seconds() - start;
}

static int measure(size_t n, const char *policy_name, const mst_module *policy, key_text *keys)
{
    rig r;
    double single[ROUNDS], batch[ROUNDS];
    uint64_t sum = 0, random = 42;
    const rig_setup setup = {
        .max_bytes = (uint64_t) 4 << 30, .shards = 8, .policy = rig_policy(policy)};
    rig_open(&r, &setup);
    if (r.start != MST_OK) {
        return 1;
    }
    uint64_t empty = rig_stat(&r, "bytes");
    double start = seconds();
    fill(&r, n);
    double filled = (seconds() - start) / (double) n * 1e9;
    for (size_t i = 0; i < LOOKUPS; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        snprintf(keys[i], sizeof keys[i], "key:%012zu", (size_t) (random >> 33) % n);
    }
    for (int i = 0; i < ROUNDS; i++) {
        single[i] = one_by_one(&r, keys, &sum);
        batch[i] = in_batches(&r, keys, &sum);
    }
    double overhead = (double) (rig_stat(&r, "bytes") - empty) / (double) n - KEY - VALUE;
    double index = (double) rig_stat(&r, "index_bytes") / (double) n;
    printf("%8zu entries, %-6s: hit %5.1f ns, in batches of %d %5.1f ns, set %6.1f ns; "
           "%.1f bytes beside key and value, %.1f of them index\n",
           n, policy_name, best(single), BATCH, best(batch), filled, overhead, index);
    bool right = sum == (uint64_t) LOOKUPS * VALUE * ROUNDS * 2;
    return rig_close(&r) && right ? 0 : 1;
}

int main(int argc, char **argv)
{
    size_t usual[] = {10000, 100000, 1000000};
    size_t count = argc > 1 ? (size_t) argc - 1 : sizeof usual / sizeof usual[0];
    key_text *keys = malloc(LOOKUPS * sizeof *keys);
    int failed = keys == NULL;
    for (size_t i = 0; i < count && !failed; i++) {
        size_t n = argc > 1 ? strtoull(argv[i + 1], NULL, 10) : usual[i];
        failed = measure(n, "lru", &memstache_module_eviction_lru, keys) ||
                 measure(n, "random", &memstache_module_eviction_random, keys);
    }
    free(keys);
    return failed;
}
