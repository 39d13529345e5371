/* error.c - see error.h. */
#include "base/error.h"

mst_status msi_error(mst_error *error, mst_status status, const char *format, ...)
{
    if (error) {
        msi_text text;
        va_list args;
        error->status = status;
        msi_text_init(&text, error->text, sizeof error->text);
        va_start(args, format);
        msi_text_addv(&text, format, args);
        va_end(args);
    }
    return status;
}
