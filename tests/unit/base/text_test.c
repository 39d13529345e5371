/* Composing bounded texts, and the nearest of some names. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

Test(text, starts_empty_and_grows)
{
    char memory[16];
    msi_text t;
    msi_text_init(&t, memory, sizeof memory);
    cr_assert_str_eq(memory, "");
    msi_text_add(&t, "%d", 12);
    msi_text_add(&t, "-%s", "ab");
    cr_assert_str_eq(memory, "12-ab");
    cr_assert_eq(t.len, 5);
}

Test(text, fits_to_the_last_byte)
{
    char memory[9];
    msi_text t;
    msi_text_init(&t, memory, sizeof memory);
    msi_text_add(&t, "12345678");
    cr_assert_str_eq(memory, "12345678");
    msi_text_add(&t, "%s", "");
    cr_assert_str_eq(memory, "12345678", "adding nothing cuts nothing");
}

Test(text, what_does_not_fit_ends_in_dots)
{
    char memory[9] = "########";
    msi_text t;
    msi_text_init(&t, memory, 8);
    msi_text_add(&t, "123");
    msi_text_add(&t, "456789");
    cr_assert_str_eq(memory, "1234...");
    cr_assert_eq(t.len, 7);
    msi_text_add(&t, "more");
    cr_assert_str_eq(memory, "1234...");
    cr_assert_eq(memory[8], '\0', "nothing is written behind the memory");
}

Test(text, the_smallest_memory)
{
    char memory[4];
    msi_text t;
    msi_text_init(&t, memory, sizeof memory);
    msi_text_add(&t, "abcdef");
    cr_assert_str_eq(memory, "...");
}

Test(text, error_is_filled_and_status_returned)
{
    mst_error error = {0};
    cr_assert_eq(msi_error(&error, MST_EIO, "%s: %d", "x", 7), MST_EIO);
    cr_assert_eq(error.status, MST_EIO);
    cr_assert_str_eq(error.text, "x: 7");
    cr_assert_eq(msi_error(NULL, MST_EBUSY, "nobody asks"), MST_EBUSY);
}

static const char *const names[] = {"expire", "max_bytes", "tiers",   "url", "serializer",
                                    "lru",    "jitter",    "timeout", NULL};

Test(nearest, what_a_reader_meant)
{
    static const struct {
        const char *word, *name;
    } cases[] = {
        {"expires", "expire"},     /* a letter too many */
        {"expre", "expire"},       /* one too few */
        {"tires", "tiers"},        /* two swapped */
        {"max_byte", "max_bytes"}, /* cut short */
        {"seri", "serializer"},    /* only begun */
        {"serialiser", "serializer"},
        {"jiter", "jitter"},
        {"timout", "timeout"},
        {"lur", "lru"},
        {"ulr", "url"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *found = msi_nearest(cases[i].word, names);
        cr_expect(found && strcmp(found, cases[i].name) == 0, "%s: expected %s, got %s",
                  cases[i].word, cases[i].name, found ? found : "none");
    }
}

Test(nearest, nothing_is_near)
{
    static const char *const words[] = {"", "x", "ttl", "colour", "loops", "zzzzzzzz"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *found = msi_nearest(words[i], names);
        cr_expect_null(found, "\"%s\" is not like %s", words[i], found);
    }
}

Test(nearest, long_words_and_no_names)
{
    static const char *const none[] = {NULL};
    static const char *const one[] = {"a_name_that_is_longer_than_the_forty_letters_compared",
                                      NULL};
    char word[200];
    memset(word, 'e', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    cr_assert_null(msi_nearest(word, names));
    cr_assert_null(msi_nearest("expire", none));
    cr_assert_null(msi_nearest("expire", one));
}

Test(nearest, the_first_of_equals)
{
    static const char *const twins[] = {"abcd1", "abcd2", NULL};
    cr_assert_str_eq(msi_nearest("abcd", twins), "abcd1");
}
