/* tls.h - TLS over a non-blocking descriptor, by OpenSSL: 1.2 or later, the certificate of the
 * server checked against its name unless told otherwise. */
#ifndef REDIS_TLS_H
#define REDIS_TLS_H

#include <memstache/plugin.h>

#include <stdbool.h>
#include <sys/types.h>

typedef enum red_verify { RED_VERIFY_FULL, RED_VERIFY_CA, RED_VERIFY_NONE } red_verify;

typedef struct red_tls_options {
    const char *ca_file, *ca_dir, *cert_file, *key_file, *server_name;
    int32_t verify; /* red_verify */
} red_tls_options;

typedef struct red_tls_context red_tls_context; /* what connections share: authorities, own key */
typedef struct red_tls red_tls;                 /* one connection */

enum { RED_TLS_WHY = 256 };

/* NULL: *why tells which file or option is at fault. Reads files. */
red_tls_context *red_tls_context_new(const mst_host *, const red_tls_options *,
                                     char why[RED_TLS_WHY]);
void red_tls_context_free(red_tls_context *);

/* `name` is what the certificate must be for, unless the options name it. The descriptor is not
 * closed. NULL: out of memory. */
red_tls *red_tls_new(red_tls_context *, int fd, const char *name);
/* Says good-bye to the server if that can be done at once. NULL is fine. */
void red_tls_free(red_tls *);

/* 1: done; 0: not yet; -1: failed, *why tells which check failed. */
int red_tls_handshake(red_tls *, char why[RED_TLS_WHY]);
/* As recv() and send(): bytes, 0 at the end, or -1 and errno, EAGAIN when it cannot go on now. */
ssize_t red_tls_read(red_tls *, void *buffer, size_t size);
ssize_t red_tls_write(red_tls *, const void *data, size_t len);
/* The last call could not go on before the descriptor is writable. */
bool red_tls_wants_write(const red_tls *);

#endif
