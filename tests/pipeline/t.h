/* t.h - a small harness for plain test programs: named tests, checks that print both values, and
 * waiting for conditions. Exit status 0 passed, 1 failed, 77 skipped. */
#ifndef T_H
#define T_H

#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef struct t_test {
    const char *name;
    void (*run)(void);
} t_test;
#define T_TEST(function)                                                                           \
    {                                                                                              \
#function, function                                                                        \
    }

/* Runs the tests named on the command line, or all of them. `-l` lists them. */
int t_main(int argc, char **argv, const t_test *tests, size_t n);
#define T_MAIN(...)                                                                                \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        static const t_test tests[] = {__VA_ARGS__};                                               \
        return t_main(argc, argv, tests, sizeof tests / sizeof tests[0]);                          \
    }

/* A failed check is printed and counted, and the test goes on. [any-thread] */
bool t_true(const char *file, int line, const char *text, bool ok);
bool t_int(const char *file, int line, const char *text, int64_t got, int64_t want);
bool t_str(const char *file, int line, const char *text, const char *got, const char *want);
bool t_bytes(const char *file, int line, const char *text, const void *got, size_t got_len,
             const void *want, size_t want_len);
/* What the checks that follow on this thread are about; printed with a failure. */
void t_about(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Ends the program. */
_Noreturn void t_give_up(const char *file, int line, const char *text);
_Noreturn void t_skip(const char *why);
/* A long test that gets on starts the time again after which it counts as hanging. */
void t_keep_going(void);

#define CHECK(x) t_true(__FILE__, __LINE__, #x, (x))
#define CHECK_INT(got, want) t_int(__FILE__, __LINE__, #got, (int64_t) (got), (int64_t) (want))
#define CHECK_STR(got, want) t_str(__FILE__, __LINE__, #got, (got), (want))
#define CHECK_BYTES(got, len, text)                                                                \
    t_bytes(__FILE__, __LINE__, #got, (got), (len), (text), strlen(text))
#define REQUIRE(x) ((x) ? (void) 0 : t_give_up(__FILE__, __LINE__, #x))

/* Milliseconds of the monotonic clock. */
uint64_t t_ms(void);
void t_nap(void);                /* a fraction of a millisecond, between two looks at a condition */
void t_sleep_until(uint64_t ms); /* for tests of time itself */
/* Waits until the condition holds; a failed check when it does not within `ms`. */
#define T_UNTIL_MS(condition, ms)                                                                  \
    do {                                                                                           \
        uint64_t t_end_ = t_ms() + (ms);                                                           \
        bool t_holds_;                                                                             \
        while (!(t_holds_ = (condition)) && t_ms() < t_end_) {                                     \
            t_nap();                                                                               \
        }                                                                                          \
        t_true(__FILE__, __LINE__, #condition, t_holds_);                                          \
    } while (0)
enum { T_PATIENCE_MS = 20000 };
#define T_UNTIL(condition) T_UNTIL_MS(condition, T_PATIENCE_MS)

/* Sanitizers make everything slower: repetition counts are divided by this. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define T_SLOWNESS 5
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define T_SLOWNESS 5
#endif
#endif
#ifndef T_SLOWNESS
#define T_SLOWNESS 1
#endif

#endif
