/* messages.c - see messages.h. */
#include "messages.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef Memstache__Test__Everything everything;
typedef Memstache__Test__Product product;
typedef Memstache__Test__Legacy legacy;
typedef Memstache__Test__Chain chain;

#define LIST(message, field, type, ...)                                                            \
    do {                                                                                           \
        static type values[] = {__VA_ARGS__};                                                      \
        (message)->n_##field = sizeof values / sizeof values[0];                                   \
        (message)->field = values;                                                                 \
    } while (0)

#define BYTES(text)                                                                                \
    {                                                                                              \
        sizeof(text) - 1, (uint8_t *) (text)                                                       \
    }

static void fill_scalars(everything *e)
{
    e->f_int32 = INT32_MIN;
    e->f_int64 = INT64_MIN;
    e->f_uint32 = UINT32_MAX;
    e->f_uint64 = UINT64_MAX;
    e->f_sint32 = -77;
    e->f_sint64 = INT64_MAX;
    e->f_fixed32 = 0xDEADBEEF;
    e->f_fixed64 = UINT64_C(0xDEADBEEFCAFEBABE);
    e->f_sfixed32 = -1;
    e->f_sfixed64 = -2;
    e->f_float = 0.1f;
    e->f_double = 0.1;
    e->f_bool = 1;
    e->f_string =
        "quote \" back \\ tab \t new \n \x01 \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80 </script>";
    e->f_bytes = (ProtobufCBinaryData) BYTES("\x00\x01\xfe\xff\x80");
    e->f_color = MEMSTACHE__TEST__COLOR__COLOR_BELOW;
    e->_odd__name9_x = "odd";
}

static void fill_lists(everything *e)
{
    LIST(e, r_int32, int32_t, 0, 1, -1, INT32_MAX);
    LIST(e, r_int64, int64_t, 0, INT64_MAX, INT64_MIN);
    LIST(e, r_uint32, uint32_t, 0, UINT32_MAX);
    LIST(e, r_uint64, uint64_t, 0, UINT64_MAX, UINT64_C(1) << 63);
    LIST(e, r_sint32, int32_t, INT32_MIN, INT32_MAX);
    LIST(e, r_sint64, int64_t, INT64_MIN, INT64_MAX);
    LIST(e, r_fixed32, uint32_t, 1, 2, 3);
    LIST(e, r_fixed64, uint64_t, 1, 2, 3);
    LIST(e, r_sfixed32, int32_t, -1, 2);
    LIST(e, r_sfixed64, int64_t, -1, 2);
    LIST(e, r_float, float, 0, -0.0f, 1, FLT_MAX, -FLT_MAX, FLT_MIN, 1e-45f, 16777216, 3.4e38f,
         INFINITY, -INFINITY, 0.3f, 5e-39f);
    LIST(e, r_double, double, 0, -0.0, 1, DBL_MAX, DBL_MIN, 5e-324, 1e15, 123456789.123, 1.0 / 3,
         -INFINITY, 9007199254740993.0, 1e100, 4.35);
    LIST(e, r_bool, protobuf_c_boolean, 1, 0, 1);
    LIST(e, r_string, char *, "", "a", "\xe6\xbc\xa2");
    LIST(e, r_bytes, ProtobufCBinaryData, {0, NULL}, BYTES("f"), BYTES("fo"), BYTES("foo"),
         BYTES("foob"));
    LIST(e, r_color, Memstache__Test__Color, 0, 1, -5, (Memstache__Test__Color) 99);
}

static chain links[8];

static chain *new_link(int i, int value)
{
    memstache__test__chain__init(&links[i]);
    links[i].value = value;
    return &links[i];
}

static void fill_chains(everything *e)
{
    static Memstache__Test__Chain__NamedEntry entry = MEMSTACHE__TEST__CHAIN__NAMED_ENTRY__INIT;
    e->f_chain = new_link(0, 10);
    e->f_chain->next = new_link(1, 11);
    e->f_chain->choice_case = MEMSTACHE__TEST__CHAIN__CHOICE_OTHER;
    e->f_chain->other = new_link(2, 0);
    entry.key = "k\"";
    entry.value = new_link(3, 13);
    LIST(e->f_chain, named, Memstache__Test__Chain__NamedEntry *, &entry);
    new_link(4, 14);
    new_link(5, 0);
    new_link(6, 0);
    new_link(7, 17);
    LIST(e, r_chain, chain *, &links[4], &links[5], &links[6], &links[7]);
    links[4].choice_case = MEMSTACHE__TEST__CHAIN__CHOICE_TEXT;
    links[4].text = "chosen";
    links[5].choice_case = MEMSTACHE__TEST__CHAIN__CHOICE_NUMBER; /* present, though zero */
    links[6].choice_case = MEMSTACHE__TEST__CHAIN__CHOICE_DATA;
    links[6].data = (ProtobufCBinaryData) BYTES("xyz");
    links[7].choice_case = MEMSTACHE__TEST__CHAIN__CHOICE_SHADE;
    links[7].shade = MEMSTACHE__TEST__COLOR__COLOR_GREEN;
}

#define ENTRY(kind, lower, name, k, v)                                                             \
    static Memstache__Test__Everything__##kind name;                                               \
    memstache__test__everything__##lower##__init(&name);                                           \
    name.key = k;                                                                                  \
    name.value = v

static void fill_maps(everything *e)
{
    ENTRY(MInt32Entry, mint32_entry, i1, -5, "five");
    ENTRY(MInt32Entry, mint32_entry, i2, 0, "");
    LIST(e, m_int32, Memstache__Test__Everything__MInt32Entry *, &i1, &i2);
    ENTRY(MUint64Entry, muint64_entry, u1, UINT64_MAX, (ProtobufCBinaryData) BYTES("u"));
    LIST(e, m_uint64, Memstache__Test__Everything__MUint64Entry *, &u1);
    ENTRY(MBoolEntry, mbool_entry, b1, 1, 0.5);
    ENTRY(MBoolEntry, mbool_entry, b2, 0, -0.25);
    LIST(e, m_bool, Memstache__Test__Everything__MBoolEntry *, &b1, &b2);
    ENTRY(MStringEntry, mstring_entry, s1, "\xc3\xa4", MEMSTACHE__TEST__COLOR__COLOR_RED);
    LIST(e, m_string, Memstache__Test__Everything__MStringEntry *, &s1);
    ENTRY(MSint64Entry, msint64_entry, c1, INT64_MIN, &links[2]);
    LIST(e, m_sint64, Memstache__Test__Everything__MSint64Entry *, &c1);
    ENTRY(LikeAMapEntry, like_amap_entry, l1, "key", 3);
    LIST(e, not_a_map, Memstache__Test__Everything__LikeAMapEntry *, &l1);
}

const everything *message_everything(void)
{
    static everything e;
    memstache__test__everything__init(&e);
    fill_scalars(&e);
    fill_lists(&e);
    fill_chains(&e);
    fill_maps(&e);
    return &e;
}

const product *message_product(void)
{
    static product p, related;
    static Memstache__Test__Product__StockByStoreEntry here, there;
    memstache__test__product__init(&p);
    memstache__test__product__init(&related);
    memstache__test__product__stock_by_store_entry__init(&here);
    memstache__test__product__stock_by_store_entry__init(&there);
    p.sku = "4711-B";
    p.display_name = "Eau de Cologne, Echt Koelnisch Wasser, Eau de Cologne de Cologne";
    p.price_cents = INT64_C(9007199254740993); /* more than a double holds */
    LIST(&p, tags, char *, "perfume for him", "perfume for her", "perfume for all");
    p.color = MEMSTACHE__TEST__COLOR__COLOR_GREEN;
    here.key = "Glockengasse";
    here.value = 12;
    there.key = "Paris";
    LIST(&p, stock_by_store, Memstache__Test__Product__StockByStoreEntry *, &here, &there);
    related.sku = "4711-A";
    p.related = &related;
    p.thumbnail = (ProtobufCBinaryData) BYTES("\x89PNG\r\n\x1a\n");
    p.weight_kg = 0.35;
    return &p;
}

const legacy *message_legacy(void)
{
    static legacy l, child;
    static Memstache__Test__Legacy__NamesEntry entry;
    memstache__test__legacy__init(&l);
    memstache__test__legacy__init(&child);
    memstache__test__legacy__names_entry__init(&entry);
    l.id = "";
    l.has_level = 1; /* present, with a value that is not the default */
    l.level = 0;
    l.has_active = 1;
    l.active = 0;
    l.has_size = 1;
    l.size = MEMSTACHE__TEST__SIZE__SIZE_S;
    l.has_raw = 1;
    l.raw = (ProtobufCBinaryData){0, NULL};
    LIST(&l, packed, int32_t, 1, 2, 3);
    LIST(&l, loose, int32_t, 4, 5);
    entry.has_key = 1;
    entry.key = 5;
    entry.value = "five";
    LIST(&l, names, Memstache__Test__Legacy__NamesEntry *, &entry);
    l.pick_case = MEMSTACHE__TEST__LEGACY__PICK_WORD;
    l.word = "picked";
    child.id = "child";
    child.count = -3;
    l.child = &child;
    return &l;
}

int message_equal(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
    size_t len = protobuf_c_message_get_packed_size(a);
    uint8_t *one = malloc(2 * len + 1), *other = one + len;
    int equal = one && len == protobuf_c_message_get_packed_size(b);
    if (equal) {
        protobuf_c_message_pack(a, one);
        protobuf_c_message_pack(b, other);
        equal = memcmp(one, other, len) == 0;
    }
    free(one);
    return equal;
}
