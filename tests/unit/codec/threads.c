/* threads.c - one codec, many threads: instances that are not reentrant are entered by one of them
 * at a time, the others by all, and the counters are exact. A plain program, for TSan. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "codec_floor.h"
#include "messages.h"

enum { THREADS = 8, ROUNDS = 300, TEXT = 4000, COMPRESSORS = FLOOR_READERS - FLOOR_BROTLI };

/* ---- a serializer that notices company; what it touches is not atomic on purpose */

static msi_instance *shy;
static long inside, entered, crowded, unlocked;

static void pass_through(void)
{
    if (pthread_mutex_trylock(&shy->mutex) == 0) {
        pthread_mutex_unlock(&shy->mutex);
        unlocked++;
    }
    crowded += inside != 0;
    inside++;
    entered++;
    sched_yield(); /* let somebody in */
    inside--;
}

static mst_status shy_encode(void *self, const void *type, const void *object, mst_sink *sink)
{
    pass_through();
    return sink->write(sink, "0123456789", 10);
}

static mst_status shy_decode(void *self, const void *type, mst_slice src, void **object,
                             size_t *bytes)
{
    pass_through();
    *object = self;
    *bytes = 0;
    return MST_OK;
}

static void shy_destroy(void *self, const void *type, void *object)
{
    pass_through();
}

static const mst_serializer_ops shy_ops = {sizeof shy_ops, 200, shy_encode, shy_decode,
                                           shy_destroy};
static const mst_plugin shy_plugin = {
    .struct_size = sizeof shy_plugin,
    .kind = MST_KIND_SERIALIZER,
    .kind_version = MST_SERIALIZER_VERSION,
    .instance_size = 8,
    .name = "shy",
    .version = "1",
    .author = "test",
    .license = "MIT",
    .summary = "notices company",
    .ops = &shy_ops,
};
static const mst_plugin *const shy_plugins[] = {&shy_plugin};
static const mst_module shy_module = {
    MST_MODULE_MAGIC, sizeof shy_module, MST_ABI_MAJOR, MST_ABI_MINOR, 0, 1, shy_plugins};

/* ---- what each thread does; returns what went wrong, or NULL */

static codec_floor floor_;
static msi_codec shy_codec, sealing[COMPRESSORS];
static char text[TEXT];

static const char *typed_round(msi_codec *codec, uint32_t id, const mst_type *type,
                               const ProtobufCMessage *message)
{
    msi_bytes out;
    msi_object *o;
    const char *wrong = NULL;
    msi_bytes_init(&out, codec->allocator, 1 << 20);
    if (msi_codec_encode(codec, type, message, &out)) {
        wrong = "encode";
    } else if (msi_codec_decode(codec, id, type, (mst_slice){out.data, out.len}, &o)) {
        wrong = "decode";
    } else {
        if (codec != &shy_codec && !message_equal(o->object, message)) {
            wrong = "another message";
        }
        msi_object_retain(o);
        msi_object_release(o);
        msi_object_release(o);
    }
    msi_bytes_fini(&out);
    return wrong;
}

static const char *sealed_round(msi_codec *codec)
{
    uint8_t stored[TEXT + MSI_ENVELOPE_MAX], *inflated = NULL;
    msi_sealed sealed;
    msi_meta meta = {0};
    mst_slice payload = {text, TEXT};
    if (msi_codec_seal(codec, payload, &meta, MST_YES, &sealed) || !sealed.owned) {
        return "seal";
    }
    memcpy(stored, sealed.header, sealed.header_len);
    memcpy(stored + sealed.header_len, sealed.payload.data, sealed.payload.len);
    mst_slice bytes = {stored, sealed.header_len + sealed.payload.len};
    msi_sealed_fini(codec, &sealed);
    const char *wrong = NULL;
    if (msi_codec_open(codec, bytes, &meta, &payload, &inflated)) {
        wrong = "open";
    } else if (payload.len != TEXT || memcmp(payload.data, text, TEXT) != 0) {
        wrong = "another payload";
    }
    msi_free(codec->allocator, inflated);
    /* One codec for this: the log of the test is written by one thread at a time. */
    if (!wrong && msi_codec_open(&floor_.codec, (mst_slice){"x", 1}, &meta, &payload, &inflated) !=
                      MST_ECORRUPT) {
        wrong = "opened what is none";
    }
    return wrong;
}

static void *work(void *message)
{
    const ProtobufCMessage *m = message;
    mst_type type = {"message", m->descriptor, 0};
    const char *wrong = NULL;
    for (int i = 0; i < ROUNDS && !wrong; i++) {
        wrong = typed_round(&shy_codec, 200, &type, m);
        wrong = wrong ? wrong : typed_round(&floor_.codec, 0, &type, m);
        wrong = wrong ? wrong : sealed_round(&sealing[i % COMPRESSORS]);
    }
    return (void *) wrong;
}

static int failed(const char *what)
{
    fprintf(stderr, "codec threads: %s\n", what);
    return 1;
}

int main(void)
{
    pthread_t threads[THREADS];
    void *wrong;
    const char *first = NULL;
    codec_floor_open(&floor_);
    shy = codec_floor_instance(&floor_, &shy_module, NULL);
    floor_.codec.serializer = floor_.readers[FLOOR_JSON];
    shy_codec = floor_.codec;
    shy_codec.serializer = shy;
    for (int i = 0; i < COMPRESSORS; i++) {
        sealing[i] = floor_.codec;
        sealing[i].compressor = floor_.readers[FLOOR_BROTLI + i];
    }
    memset(text, 'a', TEXT);
    const ProtobufCMessage *message = &message_product()->base;
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, work, (void *) message)) {
            return failed("no thread");
        }
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &wrong);
        first = first ? first : wrong;
    }
    if (first) {
        return failed(first);
    }
    if (crowded || unlocked || inside || entered != 3L * THREADS * ROUNDS) {
        return failed("two threads were in an instance that is not reentrant");
    }
    uint64_t compressed = 0;
    for (int i = 0; i < COMPRESSORS; i++) {
        compressed += sealing[i].compressed;
    }
    if (floor_.codec.encodes != THREADS * ROUNDS || floor_.codec.decodes != THREADS * ROUNDS ||
        compressed != THREADS * ROUNDS ||
        floor_.codec.faults[MSI_ENVELOPE_NO_MAGIC] != THREADS * ROUNDS) {
        return failed("a counter is wrong");
    }
    msi_instance_release(shy);
    return codec_floor_close(&floor_) ? failed("memory is left over") : 0;
}
