/* strings.c - texts that live as long as what was bound: one list, freed at once. Wiped before,
 * because some of them are secrets and nothing here knows which. */
#include <string.h>

#include "config/config.h"

struct msi_string {
    struct msi_string *next;
    size_t size;
    char text[];
};

const char *msi_strings_keep(msi_strings *s, const char *text)
{
    size_t size = strlen(text) + 1;
    struct msi_string *kept = msi_alloc(s->allocator, sizeof *kept + size);
    if (!kept) {
        return NULL;
    }
    kept->next = s->first;
    kept->size = size;
    memcpy(kept->text, text, size);
    s->first = kept;
    return kept->text;
}

void msi_strings_free(msi_strings *s)
{
    while (s->first) {
        struct msi_string *next = s->first->next;
        explicit_bzero(s->first->text, s->first->size);
        msi_free(s->allocator, s->first);
        s->first = next;
    }
}
