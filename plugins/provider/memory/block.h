/* block.h - memory from the host, and what it really costs.
 *
 * max_bytes is a promise about the machine's memory, so every block is charged with what surrounds
 * it: the size that the host notes before it, the allocator's own header, and the rounding.
 */
#ifndef MEM_BLOCK_H
#define MEM_BLOCK_H

#include <memstache/plugin.h>

/* What host->alloc(size) takes from the machine. */
uint64_t mem_block_charge(uint64_t size);

/* Zeroed and aligned to a cache line; give back with mem_lines_free() only. NULL when there is no
 * memory. */
void *mem_lines_alloc(const mst_host *, size_t size);
void mem_lines_free(const mst_host *, void *);
uint64_t mem_lines_charge(uint64_t size);

#endif
