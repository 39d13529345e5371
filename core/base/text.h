/* text.h - short texts: a bounded buffer to compose messages in, and the nearest of some names. */
#ifndef MSI_TEXT_H
#define MSI_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* Composes into memory of the caller; what does not fit is cut, and ends in "...". */
typedef struct msi_text {
    char *data;
    size_t len, cap;
} msi_text;

#define MSI_PRINTF(text_at, first) __attribute__((format(printf, text_at, first)))

void msi_text_init(msi_text *, char *memory, size_t cap); /* cap >= 4; starts as "" */
void msi_text_add(msi_text *, const char *format, ...) MSI_PRINTF(2, 3);
void msi_text_addv(msi_text *, const char *format, va_list) MSI_PRINTF(2, 0);

/* The name of `names` (NULL-terminated) that a reader most likely meant, by edit distance with
 * transpositions; NULL when none is near. */
const char *msi_nearest(const char *word, const char *const *names);

#endif
