/* names.c - lists of names in the configuration, and the one that is the runtime's: its exporters.
 */
#include <string.h>

#include "plugin/assemble.h"

static const char blank[] = " \t";

bool msi_build_no_names(const char *names)
{
    return names[strspn(names, blank)] == '\0';
}

mst_status msi_build_each_name(msi_build *b, msi_line line, const char *key, const char *names,
                               mst_status (*add)(msi_build *, void *arg, msi_line,
                                                 const char *name),
                               void *arg)
{
    mst_status status = MST_OK;
    for (const char *at = names; !status && at;) {
        char name[80]; /* longer than a name may be; what is cut is refused as too long */
        msi_text t;
        at += strspn(at, blank);
        size_t len = strcspn(at, ","), end = len;
        while (end > 0 && strchr(blank, at[end - 1])) {
            end--;
        }
        msi_text_init(&t, name, sizeof name);
        msi_text_add(&t, "%.*s", (int) end, at);
        if (name[0]) {
            status = add(b, arg, line, name);
        } else {
            msi_build_problem(b, MST_ECONFIG, line, "%s: there is a comma too many", key);
        }
        at = at[len] ? at + len + 1 : NULL;
    }
    return status;
}

/* Components are found again by their name, so that one which is named twice did not grow the
 * number of components. */
static mst_status add_exporter(msi_build *b, void *arg, msi_line line, const char *name)
{
    (void) arg;
    unsigned before = b->assembly->component_count;
    msi_component *exporter;
    mst_status status = msi_build_component(b, MST_KIND_EXPORTER, name, line, &exporter);
    if (!status && exporter && exporter->index < before) {
        msi_build_problem(b, MST_ECONFIG, line, "exporters: \"%s\" is named twice", name);
    }
    return status;
}

mst_status msi_build_exporters(msi_build *b)
{
    const char *names = b->assembly->runtime.exporters;
    msi_option_set options = msi_runtime_options(NULL);
    if (!names || msi_build_no_names(names)) {
        return MST_OK;
    }
    msi_line line = msi_build_line(b, "runtime", &options, "exporters");
    return msi_build_each_name(b, line, "exporters", names, add_exporter, NULL);
}
