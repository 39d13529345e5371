/* cmd_simulate.c - `simulate`: which policy, and how large a cache, for the requests of a trace?
 *
 * The trace is read once, and replayed through each policy with each size, one after the other.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "simulate.h"

static bool read_format(const cli *c, const char *text, int *format)
{
    static const char *const names[] = {"auto", "text", "oracle"};
    *format = FORMAT_AUTO;
    for (int i = 0; text && i < 3; i++) {
        if (strcmp(text, names[i]) == 0) {
            *format = i;
            return true;
        }
    }
    if (text) {
        cli_say(c, "--format: \"%s\" is not one of auto, text, oracle", text);
    }
    return !text;
}

/* What may stand behind the number of a size, and what it multiplies; percents are apart. */
static double unit_of(const char *text, bool in_bytes)
{
    static const struct {
        const char *name;
        double entries, bytes;
    } units[] = {{"", 1, 1},         {"k", 1e3, 0},    {"M", 1e6, 0},
                 {"B", 0, 1},        {"KiB", 0, 1024}, {"MiB", 0, 1024.0 * 1024},
                 {"GiB", 0, 1 << 30}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(text, units[i].name) == 0) {
            return in_bytes ? units[i].bytes : units[i].entries;
        }
    }
    return 0;
}

static double all_bytes(const trace *t)
{
    double sum = 0;
    bool *seen = calloc(t->distinct, sizeof *seen);
    for (uint64_t i = 0; seen && i < t->count; i++) {
        sum += seen[t->keys[i]] ? 0 : t->sizes ? t->sizes[i] : 1;
        seen[t->keys[i]] = true;
    }
    free(seen);
    return sum;
}

/* "10000", "10k", "64MiB", or "5%" of what all keys together are. */
static bool read_size(const cli *c, const char *text, const study *s, uint64_t *size)
{
    const char *unit = text + strspn(text, "0123456789.");
    char *end;
    double number = strtod(text, &end), value = 0;
    if (end != unit || unit == text) {
        number = 0;
    }
    if (number > 0 && strcmp(unit, "%") == 0 && number <= 100) {
        double all = s->in_bytes ? all_bytes(s->trace) : s->trace->distinct;
        value = fmax(1, floor(all * number / 100));
    } else if (number > 0) {
        value = floor(number * unit_of(unit, s->in_bytes));
    }
    if (value < 1 || value > 1e15) {
        cli_say(c, "--sizes: \"%s\" is not a size; write %s, or a share of %s as 5%%", text,
                s->in_bytes ? "bytes, as 64MiB" : "a number of entries, as 10000, 10k or 2M",
                s->in_bytes ? "the bytes of all keys" : "the keys of the trace");
        return false;
    }
    *size = (uint64_t) value;
    return true;
}

static bool add_size(study *s, uint64_t size)
{
    for (size_t i = 0; i < s->size_count; i++) {
        if (s->sizes[i] == size) {
            return true;
        }
    }
    uint64_t *sizes = realloc(s->sizes, (s->size_count + 1) * sizeof *sizes);
    if (sizes) {
        s->sizes = sizes;
        s->sizes[s->size_count++] = size;
    }
    return sizes;
}

static int read_sizes(const cli *c, const char *list, study *s)
{
    char word[32];
    while (*list) {
        size_t len = strcspn(list, ",");
        uint64_t size;
        snprintf(word, sizeof word, "%.*s", (int) (len < sizeof word ? len : sizeof word), list);
        if (!read_size(c, word, s, &size)) {
            return CLI_USAGE;
        }
        if (!add_size(s, size)) {
            cli_say(c, "simulate: %s", mst_strerror(MST_ENOMEM));
            return CLI_FAILED;
        }
        list += len + (list[len] == ',');
    }
    if (!s->size_count) {
        cli_say(c, "--sizes: no size in it");
    }
    return s->size_count ? CLI_OK : CLI_USAGE;
}

static int find_optimum(cli *c, study *s, bool progress)
{
    s->optimal = calloc(s->size_count, sizeof *s->optimal);
    bool enough = s->optimal != NULL;
    for (size_t i = 0; enough && i < s->size_count; i++) {
        if (progress) {
            out_progress("the optimum, size %zu of %zu", i + 1, s->size_count);
        }
        enough = optimal_hits(s->trace, s->sizes[i], &s->optimal[i]);
    }
    if (!enough) {
        cli_say(c, "note: there is no memory to find the optimum");
        free(s->optimal);
        s->optimal = NULL;
    }
    return CLI_OK;
}

static int replay_all(cli *c, const cli_args *args, study *s, bool progress)
{
    int code = CLI_OK;
    for (size_t p = 0; p < s->policy_count && code == CLI_OK; p++) {
        policy used;
        code = policy_open(c, args, s->policies[p], &used);
        if (code != CLI_OK) {
            return code;
        }
        for (size_t i = 0; i < s->size_count && code == CLI_OK; i++) {
            if (progress) {
                out_progress("%s, policy %zu of %zu, size %zu of %zu", s->policies[p], p + 1,
                             s->policy_count, i + 1, s->size_count);
            }
            code = replay(c, &used, s->trace, s->sizes[i], s->in_bytes,
                          &s->outcomes[p * s->size_count + i]);
        }
        policy_close(&used);
    }
    return code;
}

static int run_study(cli *c, const cli_args *args, study *s, bool progress)
{
    s->outcomes = calloc(s->policy_count * s->size_count, sizeof *s->outcomes);
    if (!s->outcomes) {
        cli_say(c, "simulate: %s", mst_strerror(MST_ENOMEM));
        return CLI_FAILED;
    }
    int code = replay_all(c, args, s, progress);
    if (code == CLI_OK && !s->in_bytes) {
        code = find_optimum(c, s, progress);
    }
    if (progress) {
        out_progress(NULL);
    }
    return code;
}

static int show(cli *c, const cli_args *args, const study *s)
{
    if (args->json) {
        study_show_json(c, s);
    } else if (args->recommend) {
        study_recommend(c, s);
    } else {
        study_show(c, s);
    }
    return args->svg ? study_draw(c, s, args->svg) : CLI_OK;
}

static int with_trace(cli *c, const cli_args *args, const trace *t, bool progress)
{
    study s = {.trace_name = args->trace, .trace = t, .in_bytes = args->in_bytes};
    int code = read_sizes(c, args->sizes ? args->sizes : "1%,3%,10%,30%", &s);
    if (code == CLI_OK) {
        s.policies = policy_names(c, args->policies, &s.policy_count);
        code = s.policies ? run_study(c, args, &s, progress) : CLI_USAGE;
    }
    if (code == CLI_OK) {
        code = show(c, args, &s);
    }
    policy_names_free(s.policies, s.policy_count);
    free(s.sizes);
    free(s.outcomes);
    free(s.optimal);
    return code;
}

static int simulate(cli *c, const cli_args *args)
{
    bool progress = !args->quiet && isatty(STDERR_FILENO);
    int format;
    trace t;
    if (!args->trace) {
        cli_say(c,
                "simulate needs --trace FILE: requests, a key on each line; - is standard input");
        return CLI_USAGE;
    }
    if (!read_format(c, args->format, &format)) {
        return CLI_USAGE;
    }
    int code = session_read(c, args);
    if (code != CLI_OK) {
        return code;
    }
    code = trace_read(c, args->trace, format, progress, &t);
    if (code == CLI_OK) {
        code = with_trace(c, args, &t, progress);
    }
    trace_free(&t);
    return code;
}

const cli_command simulate_commands[] = {
    {"simulate", "", "replay a trace of requests through eviction policies",
     "Says for each policy and size how many requests would have been hits, beside the optimum. A "
     "trace has a key on each line, and behind it the size of the value if you like; or it is in "
     "libCacheSim's form oracleGeneral. It may be packed by xz, gzip or zstd. The policies are the "
     "plugins, with the keys of their sections.",
     ARG_SIMULATE, 0, 0, simulate},
    {0},
};
