/* slides.c - see slides.h. Direct-mapped, because a wrong guess is cheap and a search is not. */
#include "pipeline/slides.h"

static msi_slide *place_of(const msi_slides *s, uint64_t hash)
{
    /* The low bits choose stripes, those in the middle lanes: in one lane they are much alike. */
    return &s->places[(hash >> 44) % MSI_SLIDES];
}

void msi_slides_fini(msi_slides *s, const mst_allocator *allocator)
{
    msi_free(allocator, s->places);
    s->places = NULL;
}

msi_slide *msi_slides_find(const msi_slides *s, uint64_t hash)
{
    msi_slide *at = s->places ? place_of(s, hash) : NULL;
    return at && at->window_ms && at->hash == hash ? at : NULL;
}

void msi_slides_note(msi_slides *s, const mst_allocator *allocator, msi_slide slide)
{
    if (!s->places) {
        s->places = msi_zalloc(allocator, MSI_SLIDES * sizeof *s->places);
    }
    if (s->places) {
        *place_of(s, slide.hash) = slide;
    }
}

void msi_slides_forget(msi_slides *s, uint64_t hash)
{
    msi_slide *at = msi_slides_find(s, hash);
    if (at) {
        at->window_ms = 0;
    }
}
