/* block.h - memory from the host, and what it really costs.
 *
 * max_bytes is a promise about the machine's memory, so every block is charged with what surrounds
 * it: the size that the host notes before it, the allocator's own header, and the rounding.
 */
#ifndef MEM_BLOCK_H
#define MEM_BLOCK_H

#include <memstache/plugin.h>

enum { MEM_LINE = 64 }; /* a cache line */

/* What host->alloc(size) takes from the machine. */
uint64_t mem_block_charge(uint64_t size);

/* Aligned to a power of two of at least 16; not zeroed. Give back with mem_aligned_free() only.
 * NULL when there is no memory. */
void *mem_aligned_alloc(const mst_host *, size_t size, size_t align);
void mem_aligned_free(const mst_host *, void *);

/* Zeroed and aligned to a cache line; mem_aligned_free() again. */
void *mem_lines_alloc(const mst_host *, size_t size);
uint64_t mem_lines_charge(uint64_t size);

#endif
