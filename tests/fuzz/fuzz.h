/* fuzz.h - what a fuzz target is: a function that takes bytes and ends the program when something
 * is wrong. libFuzzer calls it (run.sh), or random.c does (the tests). */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(holds)                                                                               \
    do {                                                                                           \
        if (!(holds)) {                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #holds);                            \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* The bytes of an input, taken one after the other; 0 when there are no more. */
typedef struct fuzz_input {
    const uint8_t *data;
    size_t left;
} fuzz_input;

static inline uint32_t fuzz_byte(fuzz_input *in)
{
    if (!in->left) {
        return 0;
    }
    in->left--;
    return *in->data++;
}

static inline uint32_t fuzz_word(fuzz_input *in)
{
    uint32_t high = fuzz_byte(in);
    return high << 8 | fuzz_byte(in);
}

#endif
