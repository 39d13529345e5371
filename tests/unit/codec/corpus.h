/* corpus.h - the golden files of tests/corpus/envelope and their manifest. */
#ifndef TEST_CORPUS_H
#define TEST_CORPUS_H

#include <memstache/memstache.h>

enum { CORPUS_MAX = 256 };

typedef struct corpus_file {
    char name[64];
    mst_envelope expected; /* version, header_len and payload_len included */
    uint8_t *bytes;
    size_t len;
    uint8_t *payload; /* raw_len bytes: before compression */
} corpus_file;

typedef struct corpus {
    corpus_file files[CORPUS_MAX];
    size_t count;
} corpus;

/* From $MEMSTACHE_SOURCE_ROOT. Returns what is wrong, or NULL. */
const char *corpus_load(corpus *);
void corpus_free(corpus *);

#endif
