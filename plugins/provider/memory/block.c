/* block.c - the rule by which memory is charged, and blocks that begin at a cache line.
 *
 * The rule is that of the allocators in use, written down, because a pointer of host->alloc() is
 * not one that malloc_usable_size() may be asked about: the host notes the size in 16 bytes, malloc
 * puts 8 before that and rounds up to 16. Large blocks are whole pages of their own. The tests
 * compare the sum with what malloc says.
 */
#include "block.h"

#include <string.h>

enum {
    HOST_BYTES = 16,
    MALLOC_BYTES = 8,
    MALLOC_ROUND = 16,
    MALLOC_LEAST = 32,
    PAGED_FROM = 128 * 1024, /* glibc maps blocks of this size on their own */
    PAGE = 4096
};

static uint64_t round_up(uint64_t size, uint64_t to)
{
    return (size + to - 1) / to * to;
}

uint64_t mem_block_charge(uint64_t size)
{
    uint64_t whole = round_up(size + HOST_BYTES + MALLOC_BYTES, MALLOC_ROUND);
    if (whole >= PAGED_FROM) {
        return round_up(whole + MALLOC_BYTES, PAGE);
    }
    return whole < MALLOC_LEAST ? MALLOC_LEAST : whole;
}

/* The distance back to what the host returned stands in the word before the result. */
void *mem_aligned_alloc(const mst_host *host, size_t size, size_t align)
{
    if (size > SIZE_MAX - align) {
        return NULL;
    }
    uint8_t *base = host->alloc(host, size + align);
    if (!base) {
        return NULL;
    }
    size_t skip = align - (uintptr_t) base % align; /* at least 16, as blocks are aligned to it */
    memcpy(base + skip - sizeof skip, &skip, sizeof skip);
    return base + skip;
}

void mem_aligned_free(const mst_host *host, void *p)
{
    size_t skip;
    if (p) {
        memcpy(&skip, (uint8_t *) p - sizeof skip, sizeof skip);
        host->free(host, (uint8_t *) p - skip);
    }
}

void *mem_lines_alloc(const mst_host *host, size_t size)
{
    void *p = mem_aligned_alloc(host, size, MEM_LINE);
    return p ? memset(p, 0, size) : NULL;
}

uint64_t mem_lines_charge(uint64_t size)
{
    return mem_block_charge(size + MEM_LINE);
}
