/* 20,000 mutated INI files through reading and binding: no crash, nothing left, and the promises
 * that hold for any input. The seed is fixed, or the first argument; a failure names the round, and
 * the second argument repeats that round alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "unit/base/counting.h"
#include "unit/config/floor.h"

enum { ROUNDS = 20000, CAP = 4096 };

static const char *const seeds[] = {
    "[cache]\nexpire = 30m ; comment\ntiers = memory, redis\njitter = 12.5%\n",
    "[provider.memory]\nmax_bytes = 1.5GiB\nshards = 16\n\n[provider.redis]\nurl = redis://h:1/0\n",
    "\xef\xbb\xbf; top\r\n[runtime]\r\nloops = 4\r\n[plugins]\r\npath = /usr/lib:/opt/x\r\n",
    "[cache.sessions]\n  max_pending = 9223372036854775807\nenvelope=none\noffload_bytes:64KiB\n",
    "[compressor.brotli]\nmin_size = 1KiB\nmin_gain = 5%\n[eviction.lru]\nplugin = lru\n",
};
/* What a grammar is built of, and what breaks it. */
static const char *const pieces[] = {
    "[",
    "]",
    "=",
    ":",
    ";",
    "#",
    "\n",
    "\r\n",
    "\t",
    " ",
    "[cache]\n",
    "\n[cache",
    "expire=",
    "never",
    "%",
    "MiB",
    "-",
    ".",
    "99999999999999999999",
    "\xff\xfe",
    "\xef\xbb\xbf",
    "\xc3",
    "%s%n",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
};
enum { SEEDS = sizeof seeds / sizeof *seeds, PIECES = sizeof pieces / sizeof *pieces };

static uint64_t state;

static size_t below(size_t n)
{
    state += UINT64_C(0x9E3779B97F4A7C15);
    return (size_t) (msi_mix(state) % n);
}

static char input[CAP];
static size_t input_len;

static void insert(size_t at, const char *bytes, size_t len)
{
    if (input_len + len <= CAP) {
        memmove(input + at + len, input + at, input_len - at);
        memcpy(input + at, bytes, len);
        input_len += len;
    }
}

static void mutate(void)
{
    size_t at = below(input_len + 1), len = below(40);
    char byte = (char) below(256);
    const char *piece = pieces[below(PIECES)];
    switch (below(5)) {
    case 0:
        insert(at, &byte, 1);
        break;
    case 1:
        insert(at, piece, strlen(piece));
        break;
    case 2:
        if (at < input_len) {
            input[at] = byte;
        }
        break;
    case 3: /* cut a part out */
        len = len < input_len - at ? len : input_len - at;
        memmove(input + at, input + at + len, input_len - at - len);
        input_len -= len;
        break;
    default: /* double a part */
        len = len < input_len - at ? len : input_len - at;
        insert(at, memcpy((char[40]){0}, input + at, len), len);
    }
}

static void compose(uint64_t seed, uint64_t round)
{
    state = msi_mix(seed + round * UINT64_C(0x2545F4914F6CDD1D));
    const char *base = seeds[below(SEEDS)];
    input_len = 0;
    insert(0, base, strlen(base));
    for (size_t n = 1 + below(12); n > 0; n--) {
        mutate();
    }
}

/* Every problem is a line of text that names the file, and every key kept has a proper name. */
static const char *check(const mst_config *c, const mst_error *error)
{
    const char *text;
    for (size_t i = 0; (text = mst_config_problem(c, i)); i++) {
        if (strncmp(text, "fuzz.ini:", 9) != 0 && strncmp(text, "[provider.redis] required", 25)) {
            return "a problem without its file";
        }
        for (const char *at = text; *at; at++) {
            if ((unsigned char) *at < ' ') {
                return "a control character in a problem";
            }
        }
        if (i == 0 && strcmp(text, error->text) != 0) {
            return "the error is not the first problem";
        }
    }
    for (const msi_list *s = c->sections.next; s != &c->sections; s = s->next) {
        const msi_section *section = MSI_CONTAINER(s, msi_section, link);
        if (!msi_section_name_ok(section->name)) {
            return "a section with an improper name";
        }
        for (const msi_list *k = section->keys.next; k != &section->keys; k = k->next) {
            if (!msi_key_name_ok(MSI_CONTAINER(k, msi_key, link)->name)) {
                return "a key with an improper name";
            }
        }
    }
    return NULL;
}

static const char *run(size_t *good)
{
    counting memory;
    mst_error error = {0};
    test_settings settings = {0};
    counting_init(&memory);
    mst_config *c = mst_config_new(&memory.allocator);
    msi_strings strings = {&memory.allocator, NULL};
    char *copy = malloc(input_len ? input_len : 1); /* to the byte, for address checkers */
    memcpy(copy, input, input_len);
    const char *fault = NULL;
    if (msi_ini_parse(c, "fuzz.ini", copy, input_len, &error) != MST_OK ||
        test_bind_all(c, &settings, &strings, &error) != MST_OK) {
        fault = "a failure without a reason";
    } else {
        fault = check(c, &error);
    }
    *good += msi_config_problem_count(c) == 0;
    free(copy);
    msi_strings_free(&strings);
    mst_config_free(c);
    return fault ? fault : memory.blocks ? "memory was not given back" : NULL;
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 20231127;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 0) : 0;
    size_t good = 0;
    for (uint64_t round = first; round < (argc > 2 ? first + 1 : ROUNDS); round++) {
        compose(seed, round);
        const char *fault = run(&good);
        if (fault) {
            fprintf(stderr, "seed %llu round %llu: %s\n", (unsigned long long) seed,
                    (unsigned long long) round, fault);
            return 1;
        }
    }
    if (argc < 3 && (good < ROUNDS / 100 || good > ROUNDS / 2)) {
        fprintf(stderr, "%lu of %d files had no fault: the mutations are too tame or too wild\n",
                (unsigned long) good, ROUNDS);
        return 1;
    }
    return 0;
}
