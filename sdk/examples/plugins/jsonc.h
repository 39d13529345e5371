/* jsonc.h - how a program describes its structs to the serializer of serializer_jsonc.c.
 *
 *   typedef struct user { int64_t id; const char *name; } user;
 *   static const jsonc_field fields[] = {JSONC(user, id, JSONC_INT64),
 *                                        JSONC(user, name, JSONC_STRING)};
 *   static const jsonc_type user_json = JSONC_TYPE(user, fields);
 *   static const mst_type user_type = {.name = "user", .descriptor = &user_json};
 */
#ifndef JSONC_H
#define JSONC_H

#include <stddef.h>
#include <stdint.h>

/* Strings may be NULL, which is null in JSON; those of a decoded object live as long as it. */
enum {
    JSONC_BOOL,   /* bool           */
    JSONC_INT64,  /* int64_t        */
    JSONC_DOUBLE, /* double, finite */
    JSONC_STRING  /* const char *   */
};

typedef struct jsonc_field {
    const char *name;
    int type; /* JSONC_* */
    size_t offset;
} jsonc_field;
/* clang-format off */
#define JSONC(type, member, kind) {#member, kind, offsetof(type, member)}
#define JSONC_TYPE(type, fields) {JSONC_MAGIC, sizeof(type), fields, sizeof fields / sizeof fields[0]}
/* clang-format on */

/* Tells this kind of descriptor from those of other serializers. */
#define JSONC_MAGIC 0x6e6f736au

typedef struct jsonc_type {
    uint32_t magic; /* JSONC_MAGIC */
    size_t size;    /* of the struct */
    const jsonc_field *fields;
    size_t count;
} jsonc_type;

#endif
