/* A planted fault: undefined behaviour. */
#include <limits.h>

int main(void)
{
    volatile int big = INT_MAX;
    volatile int one = 1;
    volatile int sum = big + one;
    return sum == 0;
}
