/* clock.c - see clock.h. */
#include "base/clock.h"

static uint64_t read_clock(clockid_t id, uint64_t per_second)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t) t.tv_sec * per_second + (uint64_t) t.tv_nsec / (1000000000u / per_second);
}

uint64_t msi_now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC, 1000000000u);
}

uint64_t msi_wall_ns(void)
{
    return read_clock(CLOCK_REALTIME, 1000000000u);
}

uint64_t msi_wall_ms(void)
{
    return read_clock(CLOCK_REALTIME, 1000);
}
