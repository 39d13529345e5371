/* number.c - numbers of JSON, which may be spelt as numbers or as strings: writers quote 64-bit
 * integers, because readers in other languages keep them in doubles. */
#include <math.h>
#include <string.h>

#include "mapping.h"

#define TWO_TO_64 18446744073709551616.0

typedef struct whole {
    bool negative;
    uint64_t magnitude;
} whole;

/* Digits with an optional sign, nothing else; false also when it does not fit. */
static bool plain_digits(const char *text, whole *out)
{
    uint64_t value = 0;
    out->negative = *text == '-';
    text += out->negative;
    if (!*text) {
        return false;
    }
    for (; *text; text++) {
        unsigned digit = (unsigned) (*text - '0');
        if (digit > 9 || value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = 10 * value + digit;
    }
    out->magnitude = value;
    return true;
}

/* In most places jansson does not say that it has no memory; it says nothing at all. */
mst_status mst_json_refusal(const json_error_t *error)
{
    bool memory = json_error_code(error) == json_error_out_of_memory || !error->text[0];
    return memory ? MST_ENOMEM : MST_ECORRUPT;
}

/* A text that holds a JSON number; the caller frees it. */
static mst_status parse_number(const char *text, json_t **out)
{
    json_error_t error;
    if (*text != '-' && (*text < '0' || *text > '9')) {
        return MST_ECORRUPT;
    }
    *out = json_loads(text, JSON_DECODE_ANY, &error);
    return *out ? MST_OK : mst_json_refusal(&error);
}

/* An integer, or a real without a fraction such as 1e3. */
static mst_status number_whole(const json_t *json, whole *out)
{
    if (json_is_integer(json)) {
        json_int_t value = json_integer_value(json);
        *out = (whole){value < 0, value < 0 ? 0 - (uint64_t) value : (uint64_t) value};
        return MST_OK;
    }
    if (!json_is_real(json)) {
        return MST_ECORRUPT;
    }
    double value = json_real_value(json), magnitude = value < 0 ? -value : value;
    if (!(magnitude < TWO_TO_64) || (double) (uint64_t) magnitude != magnitude) {
        return MST_ECORRUPT;
    }
    *out = (whole){value < 0, (uint64_t) magnitude};
    return MST_OK;
}

static mst_status text_whole(const char *text, whole *out)
{
    if (plain_digits(text, out)) {
        return MST_OK;
    }
    json_t *number;
    mst_status status = parse_number(text, &number);
    if (status == MST_OK) {
        status = number_whole(number, out);
        json_decref(number);
    }
    return status;
}

static mst_status within(whole value, int64_t min, uint64_t max, uint64_t *out)
{
    if (value.negative ? value.magnitude > 0 - (uint64_t) min : value.magnitude > max) {
        return MST_ECORRUPT;
    }
    *out = value.negative ? 0 - value.magnitude : value.magnitude;
    return MST_OK;
}

mst_status mst_json_integer_text(const char *text, int64_t min, uint64_t max, uint64_t *out)
{
    whole value;
    mst_status status = text_whole(text, &value);
    return status ? status : within(value, min, max, out);
}

mst_status mst_json_integer(const json_t *json, int64_t min, uint64_t max, uint64_t *out)
{
    if (json_is_string(json)) {
        const char *text = json_string_value(json);
        return strlen(text) == json_string_length(json) ? mst_json_integer_text(text, min, max, out)
                                                        : MST_ECORRUPT;
    }
    whole value;
    mst_status status = number_whole(json, &value);
    return status ? status : within(value, min, max, out);
}

mst_status mst_json_double(const json_t *json, double *out)
{
    static const struct {
        const char *text;
        double value;
    } special[] = {{"NaN", NAN}, {"Infinity", INFINITY}, {"-Infinity", -INFINITY}};
    if (json_is_number(json)) {
        *out = json_number_value(json);
        return MST_OK;
    }
    const char *text = json_string_value(json); /* NULL when it is not a string */
    if (!text || strlen(text) != json_string_length(json)) {
        return MST_ECORRUPT;
    }
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++) {
        if (strcmp(text, special[i].text) == 0) {
            *out = special[i].value;
            return MST_OK;
        }
    }
    json_t *number;
    mst_status status = parse_number(text, &number);
    if (status == MST_OK) {
        *out = json_number_value(number);
        json_decref(number);
    }
    return status;
}
