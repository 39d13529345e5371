/* random.c - the short form of a fuzz target, without libFuzzer: random inputs, the same each time,
 * or the files that are named, such as a crash that run.sh has left.
 *
 *   fuzz_TARGET [--runs N] [FILE...]
 */
#include <string.h>

#include "fuzz/fuzz.h"

enum { SIZE = 3000, FILE_MOST = 1 << 20 };

static uint64_t state;

static uint32_t draw(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t) (state >> 33);
}

static void run_random(uint64_t seed)
{
    static uint8_t data[SIZE];
    state = seed;
    size_t size = draw() % SIZE;
    for (size_t i = 0; i < size; i++) {
        data[i] = (uint8_t) draw();
    }
    LLVMFuzzerTestOneInput(data, size);
}

static int run_file(const char *name)
{
    static uint8_t data[FILE_MOST];
    FILE *f = fopen(name, "rb");
    if (!f) {
        perror(name);
        return 1;
    }
    size_t size = fread(data, 1, sizeof data, f);
    fclose(f);
    LLVMFuzzerTestOneInput(data, size);
    return 0;
}

int main(int argc, char **argv)
{
    uint64_t runs = argc > 1 ? 0 : 500;
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--runs") == 0 && i + 1 < argc) {
            runs = strtoull(argv[++i], NULL, 10);
        } else {
            failed |= run_file(argv[i]);
        }
    }
    for (uint64_t seed = 1; seed <= runs; seed++) {
        run_random(seed);
    }
    return failed;
}
