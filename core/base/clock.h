/* clock.h - the three clocks. */
#ifndef MSI_CLOCK_H
#define MSI_CLOCK_H

#include <stdint.h>
#include <time.h>

#ifdef CLOCK_MONOTONIC_COARSE
#define MSI_CLOCK_COARSE CLOCK_MONOTONIC_COARSE
#else
#define MSI_CLOCK_COARSE CLOCK_MONOTONIC
#endif

/* Monotonic milliseconds for expiry and deadlines: the kernel's coarse clock (about 5 ns a call, a
 * few ms of resolution), because a near hit has to look at it. Never 0. */
static inline uint64_t msi_now_ms(void)
{
    struct timespec t;
    clock_gettime(MSI_CLOCK_COARSE, &t);
    return (uint64_t) t.tv_sec * 1000 + (uint64_t) t.tv_nsec / 1000000 + 1;
}
uint64_t msi_now_ns(void);  /* monotonic, exact */
uint64_t msi_wall_ms(void); /* since 1970 */
uint64_t msi_wall_ns(void);

#endif
