/* symbols.h - what a shared object exports and needs, read from the file. */
#ifndef MEMSTACHE_CHECK_SYMBOLS_H
#define MEMSTACHE_CHECK_SYMBOLS_H

#include "check.h"

typedef struct check_elf check_elf;

/* Fails when it is no shared object of this machine. */
check_elf *check_elf_open(kit *, const char *file);

/* Index 0, 1, ...; NULL behind the last one. */
const char *check_elf_export(const check_elf *, size_t index);
const char *check_elf_library(const check_elf *, size_t index); /* "libz.so.1" */
const char *check_elf_search_path(const check_elf *);           /* DT_RUNPATH or DT_RPATH; NULL */
typedef struct check_symbol {
    const char *name, *version; /* version: "GLIBC_2.34"; NULL: any */
} check_symbol;
/* Symbols that somebody else has to have; false behind the last one. */
bool check_elf_import(const check_elf *, size_t index, check_symbol *);

#endif
