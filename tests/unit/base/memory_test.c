/* The allocator's helpers, and the bounded buffer. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/bytes.h"
#include "unit/base/counting.h"

static counting memory;

static void setup(void)
{
    counting_init(&memory);
}

static void nothing_left(void)
{
    cr_expect_eq(memory.blocks, 0, "%ld blocks were not given back", memory.blocks);
}

TestSuite(alloc, .init = setup);
TestSuite(bytes, .init = setup);

Test(alloc, goes_through_the_allocator)
{
    char *text = msi_strdup(&memory.allocator, "abc");
    unsigned char *zeroed = msi_zalloc(&memory.allocator, 100);
    cr_assert_str_eq(text, "abc");
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(zeroed[i], 0);
    }
    zeroed = msi_realloc(&memory.allocator, zeroed, 200);
    cr_assert_eq(memory.blocks, 2);
    msi_free(&memory.allocator, text);
    msi_free(&memory.allocator, zeroed);
    msi_free(&memory.allocator, NULL);
    nothing_left();
}

Test(alloc, failure_is_null)
{
    memory.fail_at = 1;
    cr_assert_null(msi_strdup(&memory.allocator, "abc"));
    memory.fail_at = 2;
    cr_assert_null(msi_zalloc(&memory.allocator, 1));
    memory.fail_at = 3;
    cr_assert_null(msi_zalloc_aligned(&memory.allocator, 1));
    nothing_left();
}

Test(alloc, aligned_to_a_cache_line)
{
    void *blocks[64];
    for (size_t i = 0; i < 64; i++) {
        unsigned char *p = msi_zalloc_aligned(&memory.allocator, i);
        cr_assert_eq((uintptr_t) p % 64, 0);
        for (size_t j = 0; j < i; j++) {
            cr_assert_eq(p[j], 0);
        }
        memset(p, 0xff, i);
        blocks[i] = p;
    }
    for (size_t i = 0; i < 64; i++) {
        msi_free_aligned(&memory.allocator, blocks[i]);
    }
    msi_free_aligned(&memory.allocator, NULL);
    nothing_left();
}

Test(alloc, aligned_size_does_not_wrap)
{
    cr_assert_null(msi_zalloc_aligned(&memory.allocator, SIZE_MAX));
    cr_assert_null(msi_zalloc_aligned(&memory.allocator, SIZE_MAX - 63));
    cr_assert_eq(memory.calls, 0, "it is refused before anybody is asked for it");
}

Test(alloc, default_takes_zero_bytes)
{
    void *p = msi_alloc(&msi_malloc_allocator, 0);
    cr_assert_not_null(p);
    p = msi_realloc(&msi_malloc_allocator, p, 0);
    cr_assert_not_null(p);
    msi_free(&msi_malloc_allocator, p);
}

Test(bytes, appends_and_is_taken)
{
    msi_bytes b;
    size_t len;
    msi_bytes_init(&b, &memory.allocator, 100000);
    for (int i = 0; i < 1000; i++) {
        cr_assert_eq(msi_bytes_append(&b, "0123456789", 10), MST_OK);
    }
    cr_assert_eq(b.len, 10000);
    uint8_t *taken = msi_bytes_take(&b, &len);
    cr_assert_eq(len, 10000);
    cr_assert_eq(memcmp(taken + 9990, "0123456789", 10), 0);
    cr_assert_eq(b.len, 0);
    cr_assert_eq(msi_bytes_append(&b, "again", 5), MST_OK);
    msi_free(&memory.allocator, taken);
    msi_bytes_fini(&b);
    nothing_left();
}

Test(bytes, limit_is_exact_and_failure_stays)
{
    msi_bytes b;
    msi_bytes_init(&b, &memory.allocator, 10);
    cr_assert_eq(msi_bytes_append(&b, "0123456789", 10), MST_OK);
    cr_assert_leq(b.cap, 10, "no more memory than the limit");
    cr_assert_eq(msi_bytes_append(&b, "", 0), MST_OK);
    cr_assert_eq(msi_bytes_append(&b, "x", 1), MST_ETOOBIG);
    cr_assert_eq(msi_bytes_append(&b, "", 0), MST_ETOOBIG);
    cr_assert_null(msi_bytes_reserve(&b, 0));
    cr_assert_eq(b.len, 10, "what was in it before stays");
    msi_bytes_fini(&b);
    nothing_left();
}

Test(bytes, huge_lengths_do_not_wrap)
{
    msi_bytes b;
    msi_bytes_init(&b, &memory.allocator, 1000);
    cr_assert_eq(msi_bytes_append(&b, "0123456789", 10), MST_OK);
    cr_assert_null(msi_bytes_reserve(&b, SIZE_MAX));
    cr_assert_eq(b.status, MST_ETOOBIG);
    msi_bytes_fini(&b);

    msi_bytes_init(&b, &memory.allocator, SIZE_MAX);
    cr_assert_eq(msi_bytes_append(&b, "0123456789", 10), MST_OK);
    cr_assert_null(msi_bytes_reserve(&b, SIZE_MAX));
    msi_bytes_fini(&b);
    nothing_left();
}

Test(bytes, a_sink_for_serializers)
{
    msi_bytes b;
    msi_bytes_init(&b, &memory.allocator, 300);
    mst_sink *sink = &b.sink;
    cr_assert_eq(sink->write(sink, "ab", 2), MST_OK);
    char *place = sink->reserve(sink, 2);
    memcpy(place, "cd", 2);
    cr_assert_eq(b.len, 4);
    cr_assert_eq(memcmp(b.data, "abcd", 4), 0);
    cr_assert_null(sink->reserve(sink, 297));
    cr_assert_eq(sink->write(sink, "e", 1), MST_ETOOBIG);
    msi_bytes_fini(&b);
    nothing_left();
}

Test(bytes, out_of_memory)
{
    msi_bytes b;
    msi_bytes_init(&b, &memory.allocator, 10000);
    cr_assert_eq(msi_bytes_append(&b, "ab", 2), MST_OK);
    memory.fail_at = memory.calls + 1;
    cr_assert_null(msi_bytes_reserve(&b, 5000));
    cr_assert_eq(msi_bytes_append(&b, "c", 1), MST_ENOMEM);
    cr_assert_eq(memcmp(b.data, "ab", 2), 0);
    msi_bytes_fini(&b);
    nothing_left();
}
