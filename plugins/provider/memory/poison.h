/* poison.h - tells AddressSanitizer which memory of a page is in use. */
#ifndef MEM_POISON_H
#define MEM_POISON_H

#if defined(__SANITIZE_ADDRESS__)
#define MEM_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MEM_POISONS 1
#endif
#endif

#ifdef MEM_POISONS
#include <sanitizer/asan_interface.h>
#define MEM_POISON(p, n) __asan_poison_memory_region(p, n)
#define MEM_UNPOISON(p, n) __asan_unpoison_memory_region(p, n)
#else
#define MEM_POISON(p, n) ((void) 0)
#define MEM_UNPOISON(p, n) ((void) 0)
#endif

#endif
