/* status.c - texts for a status; generated from the table in abi.h. */
#include <memstache/memstache.h>

const char *mst_strerror(mst_status status)
{
    switch (status) {
#define TEXT(name, number, text)                                                                   \
    case name:                                                                                     \
        return text;
        MST_STATUS_MAP(TEXT)
#undef TEXT
    default:
        return "unknown status";
    }
}

const char *mst_status_name(mst_status status)
{
    switch (status) {
#define NAME(name, number, text)                                                                   \
    case name:                                                                                     \
        return #name;
        MST_STATUS_MAP(NAME)
#undef NAME
    default:
        return "unknown";
    }
}
