/* names.c - names of reasons and versions, and what a result lends. */
#include <memstache/memstache.h>

#include <stddef.h>
#include <string.h>

const char *mst_why_name(int why)
{
    switch (why) {
#define WHY(id, name, text)                                                                        \
    case id:                                                                                       \
        return name;
        MST_WHY_MAP(WHY)
#undef WHY
    default:
        return "unknown";
    }
}

const char *mst_version(void)
{
    return MST_VERSION;
}

/* For who does not inline it: as the header defines it. */
extern inline void mst_result_release(mst_result *);

mst_result mst_result_take(mst_result *r)
{
    mst_result taken = *r;
    *r = (mst_result){.status = taken.status, .why = taken.why, .tier = taken.tier};
    return taken;
}
