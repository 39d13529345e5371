/* near_resident.c - how much memory of this process is resident. /proc/self/smaps_rollup adds up
 * all pages at the moment of the question; /proc/self/statm is cheap, but its counters are kept for
 * each CPU and summed up now and then. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "near.h"

uint64_t near_resident_quick(void)
{
    uint64_t pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%*u %" SCNu64, &pages) != 1) {
        near_fail("/proc/self/statm cannot be read");
    }
    fclose(f);
    return pages * (uint64_t) sysconf(_SC_PAGESIZE);
}

uint64_t near_resident(void)
{
    char line[256];
    uint64_t kb = 0;
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    if (!f) {
        return near_resident_quick(); /* a kernel before 4.14 */
    }
    while (fgets(line, sizeof line, f) && sscanf(line, "Rss: %" SCNu64, &kb) != 1) {
    }
    fclose(f);
    return kb * 1024;
}
