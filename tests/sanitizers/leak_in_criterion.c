/* A planted fault: a leak in a Criterion test, which Criterion itself does not fail for. */
#include <criterion/criterion.h>
#include <stdlib.h>

static void lose(size_t size)
{
    char *volatile p = malloc(size);
    if (p) {
        p[0] = 1;
    }
    p = NULL;
}

Test(planted, leak)
{
    for (size_t i = 0; i < 100; i++) {
        lose(1000 + i);
    }
    cr_assert(true);
}
