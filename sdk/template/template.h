/* template.h - the files of a new plugin, embedded: what the folders of sdk/template hold. */
#ifndef MEMSTACHE_TEMPLATE_H
#define MEMSTACHE_TEMPLATE_H

typedef struct template_file {
    const char *kind; /* that it is for */
    const char *name, *text;
} template_file;

/* Those of a kind in one row; the last one has no kind. */
extern const template_file template_files[];

#endif
