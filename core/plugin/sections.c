/* sections.c - sections that cannot exist. A section of a plugin that no cache uses is none of
 * them: it may be there for another day, and its keys cannot be judged without loading the plugin.
 */
#include <string.h>

#include "plugin/assemble.h"

/* The first words of sections; the ones before the first kind are not of a plugin. */
static const char *const words[] = {
    "runtime",
    "plugins",
    "cache",
#define KIND_WORD(id, number, name, version) #name,
    MST_KIND_MAP(KIND_WORD)
#undef KIND_WORD
        NULL,
};
enum { FIRST_WITH_NAME = 2, FIRST_KIND = 3 };

static int find_word(const char *text, size_t len)
{
    for (int i = 0; words[i]; i++) {
        if (strlen(words[i]) == len && memcmp(words[i], text, len) == 0) {
            return i;
        }
    }
    return -1;
}

static void unknown(msi_build *b, msi_line line, const char *dot)
{
    char word[64];
    msi_text t;
    const char *name = line.section;
    msi_text_init(&t, word, sizeof word);
    msi_text_add(&t, "%.*s", (int) (dot ? dot - name : (ptrdiff_t) strlen(name)), name);
    const char *nearest = msi_nearest(word, dot ? words + FIRST_WITH_NAME : words);
    if (nearest) {
        msi_build_problem(b, MST_ECONFIG, line, "unknown section; did you mean [%s%s]?", nearest,
                          dot ? dot : "");
    } else {
        msi_build_problem(b, MST_ECONFIG, line,
                          "unknown section; there are: [runtime] [plugins] [cache] [cache.NAME] "
                          "[provider.NAME] [serializer.NAME] [compressor.NAME] [eviction.NAME] "
                          "[exporter.NAME]");
    }
}

static void check_section(msi_build *b, const msi_section *s)
{
    const char *dot = strchr(s->name, '.');
    msi_line line = {s->origin, s->name};
    int word = find_word(s->name, dot ? (size_t) (dot - s->name) : strlen(s->name));
    if (word < 0) {
        unknown(b, line, dot);
    } else if (dot && word < FIRST_WITH_NAME) {
        msi_build_problem(b, MST_ECONFIG, line, "there is only one such section: [%s]",
                          words[word]);
    } else if (!dot && word >= FIRST_KIND) {
        msi_build_problem(b, MST_ECONFIG, line, "the name of the %s is missing: [%s.NAME]",
                          words[word], words[word]);
    }
}

void msi_build_check_sections(msi_build *b)
{
    const msi_list *sections = &b->config->sections;
    for (msi_list *at = sections->next; at != sections; at = at->next) {
        check_section(b, MSI_CONTAINER(at, msi_section, link));
    }
}
