/* out.h - what waits to be written: commands in the form of the protocol, in a list of pieces.
 *
 * Small things are copied into blocks; large values are referenced where they lie, and must stay
 * there until their command is answered or the list is cleared. */
#ifndef REDIS_OUT_H
#define REDIS_OUT_H

#include <memstache/plugin.h>

#include <stdbool.h>
#include <sys/uio.h>

/* Values from this size are not copied to be sent. */
enum { RED_REFERENCE_FROM = 16 * 1024 };

typedef struct red_piece red_piece;

typedef struct red_out {
    const mst_host *host;
    red_piece *first, *last;
    red_piece *spare;      /* one empty block, so that a steady flow allocates nothing */
    size_t sent;           /* bytes of the first piece that have left */
    uint64_t queued, left; /* bytes ever added, and those that have left */
    bool failed;           /* out of memory: what is here is not whole and must not be sent */
} red_out;

void red_out_init(red_out *, const mst_host *);
void red_out_clear(red_out *); /* drops everything, and a failure */
void red_out_fini(red_out *);

/* A command is its number of arguments, then each of them. */
void red_out_count(red_out *, size_t arguments);
void red_out_arg(red_out *, const void *data, size_t len);
void red_out_text(red_out *, const char *text);
void red_out_number(red_out *, uint64_t value);
/* A whole command of one to three words; NULL: no more. */
void red_out_words(red_out *, const char *first, const char *second, const char *third);
/* One argument that is the concatenation of two, or of many parts. */
void red_out_key(red_out *, mst_slice prefix, mst_slice key);
void red_out_value(red_out *, const mst_slice *parts, size_t n);

bool red_out_empty(const red_out *);
/* Fill at most `max` vectors with what is next; then say how much of it has left. */
size_t red_out_vectors(const red_out *, struct iovec *, size_t max);
void red_out_wrote(red_out *, size_t bytes);

#endif
