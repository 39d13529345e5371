/* reason.c - why the operating system refused, in words that do not depend on the locale and need
 * no buffer. */
#include <errno.h>
#include <stddef.h>

#include "conn.h"

const char *red_reason(int error)
{
    static const struct {
        int error;
        const char *text;
    } reasons[] = {
        {ECONNREFUSED, "connection refused"},
        {ECONNRESET, "connection reset by the server"},
        {EPIPE, "the server has closed the connection"},
        {ETIMEDOUT, "timed out"},
        {EAGAIN, "timed out"},
        {EHOSTUNREACH, "no route to the host"},
        {ENETUNREACH, "network unreachable"},
        {EADDRNOTAVAIL, "no free local port"},
        {ENOENT, "no such socket"},
        {EACCES, "permission denied"},
        {EMFILE, "too many open files"},
        {ENFILE, "too many open files in the system"},
        {ENOMEM, "out of memory"},
        {ENOBUFS, "out of memory"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].error == error) {
            return reasons[i].text;
        }
    }
    return "input or output error";
}
