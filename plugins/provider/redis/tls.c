/* tls.c - see tls.h. OpenSSL reads and writes through a BIO of ours, because its own one for
 * sockets raises SIGPIPE when the server has gone. */
#include "tls.h"

#include <errno.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

struct red_tls_context {
    const mst_host *host;
    SSL_CTX *ssl;
    BIO_METHOD *bio;
    const char *server_name;
    red_verify verify;
};

struct red_tls {
    red_tls_context *context;
    SSL *ssl;
    int fd;
    bool wants_write;
};

/* ---- the BIO */

static int bio_write(BIO *b, const char *data, int len)
{
    const red_tls *t = BIO_get_data(b);
    ssize_t n = send(t->fd, data, (size_t) len, MSG_NOSIGNAL);
    BIO_clear_retry_flags(b);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        BIO_set_retry_write(b);
    }
    return (int) n;
}

static int bio_read(BIO *b, char *buffer, int size)
{
    const red_tls *t = BIO_get_data(b);
    ssize_t n = recv(t->fd, buffer, (size_t) size, 0);
    BIO_clear_retry_flags(b);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        BIO_set_retry_read(b);
    }
    return (int) n;
}

static long bio_ctrl(BIO *b, int command, long number, void *p)
{
    (void) b;
    (void) number;
    (void) p;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *bio_method(void)
{
    BIO_METHOD *m =
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR, "memstache");
    if (m && (!BIO_meth_set_write(m, bio_write) || !BIO_meth_set_read(m, bio_read) ||
              !BIO_meth_set_ctrl(m, bio_ctrl))) {
        BIO_meth_free(m);
        return NULL;
    }
    return m;
}

/* ---- the context */

/* OpenSSL's own words for the first error in its queue, which is emptied. */
static void openssl_says(char *text, size_t size)
{
    unsigned long code = ERR_get_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    snprintf(text, size, "%s", reason ? reason : "unknown error");
    ERR_clear_error();
}

static bool complain(char why[RED_TLS_WHY], const char *option, const char *path)
{
    char reason[100];
    openssl_says(reason, sizeof reason);
    snprintf(why, RED_TLS_WHY, "%s = %.100s cannot be used: %s", option, path, reason);
    return false;
}

static bool load_authorities(SSL_CTX *ssl, const red_tls_options *o, char why[RED_TLS_WHY])
{
    if (o->ca_file && SSL_CTX_load_verify_locations(ssl, o->ca_file, NULL) != 1) {
        return complain(why, "tls_ca_file", o->ca_file);
    }
    if (o->ca_dir && SSL_CTX_load_verify_locations(ssl, NULL, o->ca_dir) != 1) {
        return complain(why, "tls_ca_dir", o->ca_dir);
    }
    if (!o->ca_file && !o->ca_dir && SSL_CTX_set_default_verify_paths(ssl) != 1) {
        return complain(why, "the system's authorities", "default");
    }
    return true;
}

static bool load_identity(SSL_CTX *ssl, const red_tls_options *o, char why[RED_TLS_WHY])
{
    const char *key = o->key_file ? o->key_file : o->cert_file;
    if (!o->cert_file) {
        if (o->key_file) {
            snprintf(why, RED_TLS_WHY, "tls_key_file needs tls_cert_file");
        }
        return !o->key_file;
    }
    if (SSL_CTX_use_certificate_chain_file(ssl, o->cert_file) != 1) {
        return complain(why, "tls_cert_file", o->cert_file);
    }
    if (SSL_CTX_use_PrivateKey_file(ssl, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(ssl) != 1) {
        return complain(why, "tls_key_file", key);
    }
    return true;
}

red_tls_context *red_tls_context_new(const mst_host *host, const red_tls_options *o,
                                     char why[RED_TLS_WHY])
{
    red_tls_context *c = host->alloc(host, sizeof *c);
    snprintf(why, RED_TLS_WHY, "out of memory");
    if (!c) {
        return NULL;
    }
    *c = (red_tls_context){.host = host,
                           .ssl = SSL_CTX_new(TLS_client_method()),
                           .bio = bio_method(),
                           .server_name = o->server_name,
                           .verify = (red_verify) o->verify};
    if (!c->ssl || !c->bio || !load_authorities(c->ssl, o, why) || !load_identity(c->ssl, o, why)) {
        red_tls_context_free(c);
        return NULL;
    }
    SSL_CTX_set_min_proto_version(c->ssl, TLS1_2_VERSION);
    SSL_CTX_set_mode(c->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(c->ssl, c->verify == RED_VERIFY_NONE ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
                       NULL);
    return c;
}

void red_tls_context_free(red_tls_context *c)
{
    if (c) {
        SSL_CTX_free(c->ssl);
        BIO_meth_free(c->bio);
        c->host->free(c->host, c);
    }
}

/* ---- a connection */

static bool is_address(const char *name)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST};
    struct addrinfo *found = NULL;
    if (getaddrinfo(name, NULL, &hints, &found)) {
        return false;
    }
    freeaddrinfo(found);
    return true;
}

/* SNI is for names only (RFC 6066); an address must be among the addresses of the certificate. */
static bool set_name(red_tls *t, const char *name)
{
    bool address = is_address(name);
    if (!address && SSL_set_tlsext_host_name(t->ssl, name) != 1) {
        return false;
    }
    if (t->context->verify != RED_VERIFY_FULL) {
        return true;
    }
    X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return address ? X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1
                   : X509_VERIFY_PARAM_set1_host(param, name, 0) == 1;
}

red_tls *red_tls_new(red_tls_context *c, int fd, const char *name)
{
    red_tls *t = c->host->alloc(c->host, sizeof *t);
    if (!t) {
        return NULL;
    }
    *t = (red_tls){.context = c, .ssl = SSL_new(c->ssl), .fd = fd};
    BIO *bio = t->ssl ? BIO_new(c->bio) : NULL;
    if (!bio) {
        red_tls_free(t);
        return NULL;
    }
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    SSL_set_bio(t->ssl, bio, bio);
    SSL_set_connect_state(t->ssl);
    if (!set_name(t, c->server_name ? c->server_name : name)) {
        red_tls_free(t);
        return NULL;
    }
    return t;
}

void red_tls_free(red_tls *t)
{
    if (t) {
        if (t->ssl && SSL_is_init_finished(t->ssl)) {
            SSL_shutdown(t->ssl);
        }
        SSL_free(t->ssl);
        ERR_clear_error();
        t->context->host->free(t->context->host, t);
    }
}

static bool must_wait(red_tls *t, int result)
{
    int error = SSL_get_error(t->ssl, result);
    t->wants_write = error == SSL_ERROR_WANT_WRITE;
    return t->wants_write || error == SSL_ERROR_WANT_READ;
}

int red_tls_handshake(red_tls *t, char why[RED_TLS_WHY])
{
    ERR_clear_error();
    t->wants_write = false;
    errno = 0;
    int result = SSL_do_handshake(t->ssl);
    if (result == 1) {
        return 1;
    }
    if (must_wait(t, result)) {
        return 0;
    }
    long verdict = SSL_get_verify_result(t->ssl);
    if (verdict != X509_V_OK) {
        snprintf(why, RED_TLS_WHY, "the certificate of the server was refused: %s",
                 X509_verify_cert_error_string(verdict));
        ERR_clear_error();
    } else if (ERR_peek_error()) {
        openssl_says(why, RED_TLS_WHY);
    } else {
        snprintf(why, RED_TLS_WHY, "the server closed the connection; does it speak TLS?");
    }
    return -1;
}

static ssize_t outcome(red_tls *t, int result)
{
    if (result > 0) {
        return result;
    }
    int saved = errno;
    if (must_wait(t, result)) {
        errno = EAGAIN;
        return -1;
    }
    if (SSL_get_error(t->ssl, result) == SSL_ERROR_ZERO_RETURN) {
        return 0;
    }
    ERR_clear_error();
    errno = saved && saved != EAGAIN ? saved : ECONNRESET;
    return -1;
}

static int as_int(size_t n)
{
    return n > INT32_MAX ? INT32_MAX : (int) n;
}

ssize_t red_tls_read(red_tls *t, void *buffer, size_t size)
{
    ERR_clear_error();
    errno = 0;
    t->wants_write = false;
    return outcome(t, SSL_read(t->ssl, buffer, as_int(size)));
}

ssize_t red_tls_write(red_tls *t, const void *data, size_t len)
{
    ERR_clear_error();
    errno = 0;
    t->wants_write = false;
    return outcome(t, SSL_write(t->ssl, data, as_int(len)));
}

bool red_tls_wants_write(const red_tls *t)
{
    return t->wants_write;
}
