/* A planted fault: a leak in a plain executable. */
#include <stdlib.h>

static void lose(size_t size)
{
    char *volatile p = malloc(size);
    if (p) {
        p[0] = 1;
    }
    p = NULL;
}

int main(void)
{
    for (size_t i = 0; i < 100; i++) {
        lose(1000 + i);
    }
    return 0;
}
