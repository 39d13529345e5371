/* symbols.c - what a shared object exports and needs.
 *
 * From the file and not from dlopen(), whose message names the first thing that is missing only,
 * and which runs the constructors of what it loads. The file is not believed: every offset is
 * compared with its length.
 */
#define _GNU_SOURCE /* MAP_POPULATE */
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "symbols.h"

enum {
    SYMBOLS_MAX = 65536,
    LIBRARIES_MAX = 64,
    NATIVE_CLASS = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32
};

struct check_elf {
    kit *k;
    const uint8_t *data;
    size_t len;
    const char *exports[SYMBOLS_MAX], *libraries[LIBRARIES_MAX], *search_path;
    check_symbol imports[SYMBOLS_MAX];
    size_t export_count, library_count, import_count;
    const char *versions[SYMBOLS_MAX]; /* by the index in .gnu.version */
};

_Noreturn static void broken(const check_elf *e)
{
    check_fail(e->k, "is not a whole ELF file: something lies beyond its end");
}

/* `count` elements of `size` bytes at `offset`. */
static const void *part(const check_elf *e, uint64_t offset, uint64_t count, uint64_t size)
{
    if (offset > e->len || (size && count > (e->len - offset) / size)) {
        broken(e);
    }
    return e->data + offset;
}

static const ElfW(Shdr) * sections(const check_elf *e, size_t *count)
{
    const ElfW(Ehdr) *head = (const void *) e->data;
    *count = head->e_shnum;
    return part(e, head->e_shoff, head->e_shnum, sizeof(ElfW(Shdr)));
}

static const ElfW(Shdr) * section(const check_elf *e, uint32_t type)
{
    size_t count;
    const ElfW(Shdr) *s = sections(e, &count);
    for (size_t i = 0; i < count; i++) {
        if (s[i].sh_type == type) {
            return &s[i];
        }
    }
    return NULL;
}

/* A text of the section that `of` links to. */
static const char *text(const check_elf *e, const ElfW(Shdr) * of, uint64_t offset)
{
    size_t count;
    const ElfW(Shdr) *s = sections(e, &count);
    if (of->sh_link >= count) {
        broken(e);
    }
    const ElfW(Shdr) *strings = &s[of->sh_link];
    const char *all = part(e, strings->sh_offset, strings->sh_size, 1);
    if (offset >= strings->sh_size || !memchr(all + offset, '\0', strings->sh_size - offset)) {
        broken(e);
    }
    return all + offset;
}

/* ---- .dynamic: libraries */

static void read_dynamic(check_elf *e)
{
    const ElfW(Shdr) *s = section(e, SHT_DYNAMIC);
    size_t count = s ? s->sh_size / sizeof(ElfW(Dyn)) : 0;
    const ElfW(Dyn) *d = s ? part(e, s->sh_offset, count, sizeof *d) : NULL;
    for (size_t i = 0; i < count && d[i].d_tag != DT_NULL; i++) {
        if (d[i].d_tag == DT_NEEDED && e->library_count < LIBRARIES_MAX) {
            e->libraries[e->library_count++] = text(e, s, d[i].d_un.d_val);
        } else if (d[i].d_tag == DT_RUNPATH || d[i].d_tag == DT_RPATH) {
            e->search_path = text(e, s, d[i].d_un.d_val);
        }
    }
}

/* ---- .gnu.version_r: the versions of what is imported */

static void read_versions(check_elf *e)
{
    const ElfW(Shdr) *s = section(e, SHT_GNU_verneed);
    uint64_t at = s ? s->sh_offset : 0;
    for (size_t i = 0; s && i < s->sh_info; i++) {
        const ElfW(Verneed) *need = part(e, at, 1, sizeof *need);
        uint64_t one = at + need->vn_aux;
        for (unsigned j = 0; j < need->vn_cnt; j++) {
            const ElfW(Vernaux) *aux = part(e, one, 1, sizeof *aux);
            e->versions[aux->vna_other & 0x7fff] = text(e, s, aux->vna_name);
            one += aux->vna_next;
        }
        at += need->vn_next;
    }
}

/* ---- .dynsym */

/* Templates and inline functions of the standard library of C++ are visible whatever the compiler
 * is told; several files may have them, by design. */
static bool is_shared_cpp(const ElfW(Sym) * symbol, const char *name)
{
    unsigned binding = symbol->st_info >> 4;
    return (binding == STB_WEAK || binding == STB_GNU_UNIQUE) && strncmp(name, "_Z", 2) == 0;
}

static bool is_visible(const ElfW(Sym) * symbol)
{
    unsigned binding = symbol->st_info >> 4, visibility = symbol->st_other & 3;
    return binding != STB_LOCAL && (visibility == STV_DEFAULT || visibility == STV_PROTECTED);
}

static void read_symbols(check_elf *e)
{
    const ElfW(Shdr) *s = section(e, SHT_DYNSYM), *v = section(e, SHT_GNU_versym);
    size_t count = s ? s->sh_size / sizeof(ElfW(Sym)) : 0;
    const ElfW(Sym) *symbols = s ? part(e, s->sh_offset, count, sizeof *symbols) : NULL;
    const ElfW(Half) *versions = v ? part(e, v->sh_offset, count, sizeof *versions) : NULL;
    if (count > SYMBOLS_MAX) {
        check_skip(e->k, "it has more than %d symbols", SYMBOLS_MAX);
    }
    for (size_t i = 1; i < count; i++) {
        const ElfW(Sym) *symbol = &symbols[i];
        const char *name = text(e, s, symbol->st_name);
        if (symbol->st_shndx != SHN_UNDEF) {
            if (is_visible(symbol) && !is_shared_cpp(symbol, name)) {
                e->exports[e->export_count++] = name;
            }
        } else if (symbol->st_info >> 4 == STB_GLOBAL) { /* weak ones may be missing */
            e->imports[e->import_count++] =
                (check_symbol){name, versions ? e->versions[versions[i] & 0x7fff] : NULL};
        }
    }
}

check_elf *check_elf_open(kit *k, const char *file)
{
    check_elf *e = check_memory(k, sizeof *e);
    struct stat st;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    void *data = MAP_FAILED;
    e->k = k;
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0) {
        e->len = (size_t) st.st_size;
        data = mmap(NULL, e->len, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    if (fd >= 0) {
        close(fd);
    }
    const ElfW(Ehdr) *head = data;
    if (data == MAP_FAILED || e->len < sizeof *head || memcmp(data, ELFMAG, SELFMAG) != 0 ||
        head->e_type != ET_DYN) {
        check_fail(k, "is not a shared object");
    }
    e->data = data;
    if (head->e_ident[EI_CLASS] != NATIVE_CLASS) {
        check_fail(k, "is built for %d bits, this machine runs %d",
                   head->e_ident[EI_CLASS] == ELFCLASS64 ? 64 : 32, (int) sizeof(void *) * 8);
    }
    if (!head->e_shnum || !section(e, SHT_DYNSYM)) {
        check_skip(k, "its section table was stripped; link without -Wl,-z,nosectionheader");
    }
    read_dynamic(e);
    read_versions(e);
    read_symbols(e);
    return e;
}

const char *check_elf_export(const check_elf *e, size_t index)
{
    return index < e->export_count ? e->exports[index] : NULL;
}

const char *check_elf_library(const check_elf *e, size_t index)
{
    return index < e->library_count ? e->libraries[index] : NULL;
}

const char *check_elf_search_path(const check_elf *e)
{
    return e->search_path;
}

bool check_elf_import(const check_elf *e, size_t index, check_symbol *symbol)
{
    if (index >= e->import_count) {
        return false;
    }
    *symbol = e->imports[index];
    return true;
}
