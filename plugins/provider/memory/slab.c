/* slab.c - see slab.h. Sizes go in steps of eight up to 256, then each power of two is cut into
 * eight: at most an eighth of a slot is unused. */
#include "slab.h"

#include "entry.h"
#include "poison.h"

enum { REACH = 8 /* classes up to that slots are borrowed from: twice the size, or so */ };
enum { LEAST = 32, STEP = 8, STEPS_TO = 256, STEPS_TO_BITS = 8, CUT_BITS = 3 };
enum { STEPS = (STEPS_TO - LEAST) / STEP + 1 };

_Static_assert(sizeof(mem_page) <= MEM_PAGE_HEAD, "the head of a page grew");

uint32_t mem_slot_class(uint64_t size)
{
    if (size <= STEPS_TO) {
        return size <= LEAST ? 0 : (uint32_t) (size - LEAST + STEP - 1) / STEP;
    }
    uint32_t bits = 63 - (uint32_t) __builtin_clzll(size - 1);
    uint32_t cut = (uint32_t) ((size - 1) >> (bits - CUT_BITS)) & ((1u << CUT_BITS) - 1);
    return STEPS + ((bits - STEPS_TO_BITS) << CUT_BITS) + cut;
}

uint32_t mem_slot_size(uint32_t class)
{
    if (class < STEPS) {
        return LEAST + class * STEP;
    }
    uint32_t bits = STEPS_TO_BITS + ((class - STEPS) >> CUT_BITS);
    uint32_t cut = (class - STEPS) & ((1u << CUT_BITS) - 1);
    return (1u << bits) + ((cut + 1) << (bits - CUT_BITS));
}

/* ---- lists */

static void add_page(mem_page **list, mem_page *p)
{
    p->prev = NULL;
    p->next = *list;
    if (*list) {
        (*list)->prev = p;
    }
    *list = p;
}

static void remove_page(mem_page **list, mem_page *p)
{
    *(p->prev ? &p->prev->next : list) = p->next;
    if (p->next) {
        p->next->prev = p->prev;
    }
}

static void add_cut(mem_slabs *s, mem_page *p)
{
    add_page(&s->pages, p);
    s->oldest = s->oldest ? s->oldest : p;
}

static void remove_cut(mem_slabs *s, mem_page *p)
{
    s->oldest = s->oldest == p ? p->prev : s->oldest;
    remove_page(&s->pages, p);
}

static void add_free(mem_slabs *s, mem_page *p)
{
    mem_page **list = &s->free[p->class];
    p->prev_free = NULL;
    p->next_free = *list;
    if (*list) {
        (*list)->prev_free = p;
    }
    *list = p;
}

static void remove_free(mem_slabs *s, mem_page *p)
{
    *(p->prev_free ? &p->prev_free->next_free : &s->free[p->class]) = p->next_free;
    if (p->next_free) {
        p->next_free->prev_free = p->prev_free;
    }
}

/* ---- slots */

/* The next set will fill it; but for the word that links it, it may be far. */
static inline void prefetch_slot(const mem_slabs *s, uint32_t position, uint32_t size)
{
    enum { LINE = 64, LINES = 4 };
    const uint8_t *next = mem_region_at(s->region, position);
    for (uint32_t at = 0; at < size && at < LINES * LINE; at += LINE) {
        __builtin_prefetch(next + at, 1);
    }
}

/* The class itself, or one to borrow from. */
static uint32_t source_of(const mem_slabs *s, uint32_t class)
{
    bool borrows = !s->cut[class] && s->borrowed[class] < mem_slot_most(s);
    for (uint32_t c = class + 1; borrows && c <= class + REACH && c < MEM_CLASSES; c++) {
        if (s->free[c]) {
            return c;
        }
    }
    return class;
}

static bool has_spare(const mem_slabs *s, uint32_t class)
{
    return s->spare_count && s->spare_class == class;
}

static void *take_spare(mem_slabs *s)
{
    uint32_t size = mem_slot_size(s->spare_class);
    void *slot = mem_region_at(s->region, s->spare[--s->spare_count]);
    if (s->spare_count) {
        prefetch_slot(s, s->spare[s->spare_count - 1], size);
    }
    MEM_UNPOISON(slot, size);
    return slot;
}

bool mem_slot_is_there(const mem_slabs *s, uint32_t class)
{
    return has_spare(s, class) || s->free[source_of(s, class)];
}

void *mem_slot_take(mem_slabs *s, uint32_t class)
{
    if (has_spare(s, class)) {
        return take_spare(s);
    }
    uint32_t source = source_of(s, class);
    mem_page *p = s->free[source];
    if (!p) {
        return NULL;
    }
    s->borrowed[class] += p->slot_size - mem_slot_size(class);
    mem_entry *slot;
    if (p->free) {
        slot = mem_region_at(s->region, p->free);
        p->free = mem_entry_next(slot);
        prefetch_slot(s, p->free, p->slot_size);
    } else {
        slot = mem_page_slot(p, p->fresh++);
    }
    MEM_UNPOISON(slot, p->slot_size);
    if (++p->live == p->slots) {
        remove_free(s, p);
    }
    return slot;
}

static void give_to_page(mem_slabs *s, mem_page *p, void *slot)
{
    mem_entry_set_free(slot, p->free);
    p->free = mem_region_position(s->region, slot);
    if (p->live-- == p->slots) {
        add_free(s, p);
    }
    if (p->live == 0) {
        remove_free(s, p);
        remove_cut(s, p);
        s->cut[p->class]--;
        add_page(&s->empty, p);
    }
}

void mem_slot_give(mem_slabs *s, void *slot)
{
    mem_page *p = mem_page_of(s, slot);
    MEM_POISON((uint8_t *) slot + sizeof(uint64_t), p->slot_size - sizeof(uint64_t));
    if (s->spare_class != p->class) {
        mem_slabs_settle(s); /* that size may never be wanted again */
    }
    if (s->spare_count == MEM_SPARES) {
        give_to_page(s, p, slot);
        return;
    }
    s->spare_class = p->class;
    s->spare[s->spare_count++] = mem_region_position(s->region, slot);
    mem_entry_set_free(slot, 0);
}

void mem_slabs_settle(mem_slabs *s)
{
    while (s->spare_count) {
        void *slot = mem_region_at(s->region, s->spare[--s->spare_count]);
        give_to_page(s, mem_page_of(s, slot), slot);
    }
}

/* ---- pages */

bool mem_slabs_grow(mem_slabs *s)
{
    mem_page *p = mem_region_take(s->region);
    if (p) {
        MEM_UNPOISON(p, s->region->page_size);
        add_page(&s->empty, p);
        s->page_count++;
    }
    return p;
}

bool mem_slabs_cut(mem_slabs *s, uint32_t class)
{
    mem_page *p = s->empty;
    if (!p) {
        return false;
    }
    remove_page(&s->empty, p);
    uint32_t size = mem_slot_size(class), room = s->region->page_size - MEM_PAGE_HEAD;
    *p = (mem_page){.slot_size = size, .class = class, .slots = room / size};
    MEM_POISON(mem_page_slot(p, 0), room);
    add_cut(s, p);
    add_free(s, p);
    s->cut[class]++;
    s->borrowed[class] = 0;
    return true;
}

void mem_slabs_renew(mem_slabs *s, mem_page *p)
{
    remove_cut(s, p);
    add_cut(s, p);
}

void mem_slabs_trim(mem_slabs *s)
{
    mem_slabs_settle(s);
    while (s->empty) {
        mem_page *p = s->empty;
        remove_page(&s->empty, p);
        MEM_UNPOISON(p, s->region->page_size);
        mem_region_give(s->region, p, s->region->page_size);
        s->page_count--;
    }
}

void *mem_slabs_lines(mem_slabs *s, uint32_t size)
{
    if (s->lines_left < size) {
        mem_page *p = s->empty;
        if (!p || s->region->page_size < size) {
            return NULL;
        }
        remove_page(&s->empty, p);
        MEM_UNPOISON(p, s->region->page_size);
        s->lines = (uint8_t *) p;
        s->lines_left = s->region->page_size;
    }
    void *lines = s->lines;
    s->lines += size;
    s->lines_left -= size;
    return memset(lines, 0, size);
}
