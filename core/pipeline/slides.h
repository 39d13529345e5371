/* slides.h - keys that slide in the far tier, as a lane remembers them: when this process has given
 * them their window again, so that not every read has to. [loop]
 *
 * Bounded and forgetful: keys share places, and the later one has it. What is forgotten costs one
 * renewal more. Other processes write, too, so what is remembered may be wrong: renew.c corrects
 * it by the envelope that is read. */
#ifndef MSI_SLIDES_H
#define MSI_SLIDES_H

#include "base/alloc.h"

enum { MSI_SLIDES = 4096 }; /* places, of 32 bytes: 128KiB for each lane that needs them */

typedef struct msi_slide {
    uint64_t hash;
    uint64_t window_ms; /* the entry's own, from its envelope; 0: an empty place */
    uint64_t renewed_ms;
    uint64_t limit_ms; /* when it ends in any case; 0: never */
} msi_slide;

/* Zeroed to start with. */
typedef struct msi_slides {
    msi_slide *places; /* NULL until a key slides */
} msi_slides;

void msi_slides_fini(msi_slides *, const mst_allocator *);
/* NULL: not known to slide. */
msi_slide *msi_slides_find(const msi_slides *, uint64_t hash);
/* Takes the place of what was there. Without memory nothing is remembered. */
void msi_slides_note(msi_slides *, const mst_allocator *, msi_slide);
void msi_slides_forget(msi_slides *, uint64_t hash);

#endif
