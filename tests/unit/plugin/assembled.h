/* assembled.h - configurations for the tests of the assembly: made from INI text, with the plugins
 * of support.h, and without anything from the environment. */
#ifndef TEST_PLUGIN_ASSEMBLED_H
#define TEST_PLUGIN_ASSEMBLED_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "plugin/assembly.h"
#include "support.h"

static inline mst_config *config_of(const char *ini)
{
    mst_config *c = mst_config_new(NULL);
    mst_error error = {.text = ""};
    unsetenv("MEMSTACHE_PLUGIN_PATH");
    cr_assert_eq(mst_config_add_module(c, &ts_module), MST_OK);
    cr_assert_eq(msi_ini_parse(c, "x.ini", ini, strlen(ini), &error), MST_OK, "%s", error.text);
    cr_assert_eq(msi_config_problem_count(c), 0, "%s", error.text);
    return c;
}

/* The assembly of a good configuration. */
static inline msi_assembly *assembled(const char *ini, mst_config **c)
{
    msi_assembly *a = NULL;
    mst_error error = {.text = ""};
    *c = config_of(ini);
    cr_assert_eq(msi_assemble(*c, &a, &error), MST_OK, "%s", error.text);
    cr_assert(a->complete);
    return a;
}

/* All problems of a bad one, a line each. */
static inline void problems(const char *ini, mst_status expected_status, const char *expected)
{
    char all[8192] = "";
    msi_text t;
    msi_assembly *a = NULL;
    mst_error error = {.text = ""};
    mst_config *c = config_of(ini);
    cr_assert_eq(msi_assemble(c, &a, &error), expected_status, "%s", error.text);
    cr_assert_null(a);
    cr_assert_eq(error.status, expected_status);
    msi_text_init(&t, all, sizeof all);
    for (size_t i = 0; mst_config_problem(c, i); i++) {
        msi_text_add(&t, "%s\n", mst_config_problem(c, i));
    }
    cr_assert_str_eq(all, expected);
    cr_assert_str_eq(error.text, mst_config_problem(c, 0));
    mst_config_free(c);
}

static inline msi_cache_plan *cache_at(const msi_assembly *a, unsigned index)
{
    msi_list *at = a->caches.next;
    while (index--) {
        at = at->next;
    }
    cr_assert_neq(at, &a->caches);
    return MSI_CONTAINER(at, msi_cache_plan, link);
}

#endif
