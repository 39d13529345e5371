/* One JSON value, composed in memory. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static void is(const msi_json *j, const char *text)
{
    cr_assert(msi_json_ok(j));
    cr_assert_eq(j->len, strlen(text), "%.*s", (int) j->len, j->data);
    cr_assert_eq(memcmp(j->data, text, j->len), 0, "%.*s", (int) j->len, j->data);
}

Test(json, members_items_and_nesting)
{
    msi_json j;
    msi_json_init(&j, &msi_malloc_allocator);
    msi_json_open(&j, NULL, '{');
    msi_json_number(&j, "a", UINT64_MAX);
    msi_json_open(&j, "list", '[');
    msi_json_number(&j, NULL, 0);
    msi_json_text(&j, NULL, "x");
    msi_json_open(&j, NULL, '{');
    msi_json_close(&j, '}');
    msi_json_close(&j, ']');
    msi_json_text(&j, "b", "");
    msi_json_close(&j, '}');
    msi_json_end_line(&j);
    is(&j, "{\"a\":18446744073709551615,\"list\":[0,\"x\",{}],\"b\":\"\"}\n");
    msi_json_fini(&j);
}

Test(json, escapes_whatever_is_not_plain)
{
    msi_json j;
    msi_json_init(&j, &msi_malloc_allocator);
    msi_json_text(&j, NULL, "\"\\\n\x01\x7f\xff~");
    is(&j, "\"\\u0022\\u005c\\u000a\\u0001\\u007f\\u00ff~\"");
    msi_json_fini(&j);
}

static void *refuse(void *ctx, void *p, size_t size)
{
    (void) p, (void) size;
    return *(int *) ctx > 0 && (*(int *) ctx)-- ? realloc(p, size) : NULL;
}

static void give_back(void *ctx, void *p)
{
    (void) ctx;
    free(p);
}

Test(json, remembers_that_memory_was_short)
{
    for (int allowed = 0; allowed < 2; allowed++) {
        int left = allowed;
        const mst_allocator few = {.realloc = refuse, .free = give_back, .ctx = &left};
        msi_json j;
        msi_json_init(&j, &few);
        for (int i = 0; i < 1000; i++) {
            msi_json_number(&j, NULL, 1000);
        }
        cr_assert(!msi_json_ok(&j));
        msi_json_fini(&j);
        msi_json_fini(&j);
    }
}
