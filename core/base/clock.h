/* clock.h - the three clocks. */
#ifndef MSI_CLOCK_H
#define MSI_CLOCK_H

#include <stdint.h>

/* Monotonic milliseconds for expiry and deadlines: the kernel's coarse clock (about 5 ns a call, a
 * few ms of resolution), because a near hit has to look at it. Never 0. */
uint64_t msi_now_ms(void);
uint64_t msi_now_ns(void);  /* monotonic, exact */
uint64_t msi_wall_ms(void); /* since 1970 */
uint64_t msi_wall_ns(void);

#endif
