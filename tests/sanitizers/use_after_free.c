/* A planted fault: the sanitizer build must not let this pass. */
#include <stdlib.h>

int main(void)
{
    char *volatile p = malloc(16);
    if (!p) {
        return 77;
    }
    p[0] = 1;
    free(p);
    return p[0] == 2;
}
