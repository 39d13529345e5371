/* cmd_bench.c - `bench`: puts a load on the cache and says what it cost.
 *
 * The keys are stored first, a warm-up is left out of the figures, and the keys are removed at the
 * end. The load goes through the public interface: what is measured is what a program gets. A
 * single thread that asks runs the loop as well, as a program that lends its loop does; several,
 * and one that keeps to a schedule, are threads of their own beside the private loops of the
 * runtime.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

const char *const bench_workloads[BENCH_WORKLOADS] = {"get", "set", "mixed", "get_many"};

/* The P of mixed:P, as a share. */
static bool read_writes(const cli *c, const char *text, double *writes)
{
    char *end;
    *writes = strtod(text, &end) / 100;
    /* Digits and a point only: strtod() takes more than that. */
    if (text[strspn(text, "0123456789.")] == '\0' && *end == '\0' && *writes > 0 && *writes < 1) {
        return true;
    }
    cli_say(c, "--workload: \"mixed:%s\" is not mixed:P with P %% of sets, above 0 and below 100",
            text);
    return false;
}

static bool read_workload(const cli *c, const char *text, bench_plan *plan)
{
    static const double writes[BENCH_WORKLOADS] = {[BENCH_SET] = 1, [BENCH_MIXED] = 0.1};
    text_nearest nearest = {.word = text};
    if (strncmp(text, "mixed:", 6) == 0) {
        plan->workload = BENCH_MIXED;
        return read_writes(c, text + 6, &plan->writes);
    }
    for (int i = 0; i < BENCH_WORKLOADS; i++) {
        if (strcmp(text, bench_workloads[i]) == 0) {
            plan->workload = i;
            plan->writes = writes[i];
            return true;
        }
        text_nearest_try(&nearest, bench_workloads[i]);
    }
    cli_say(c, "--workload: \"%s\" is not one of get, set, mixed, mixed:P, get_many%s%s%s", text,
            nearest.best ? "; did you mean " : "", nearest.best ? nearest.best : "",
            nearest.best ? "?" : "");
    return false;
}

static bool read_dist(const cli *c, const char *text, double *zipf)
{
    char *end;
    *zipf = 0;
    if (strcmp(text, "uniform") == 0) {
        return true;
    }
    if (strncmp(text, "zipf:", 5) == 0 && text[5] >= '0' && text[5] <= '9') {
        *zipf = strtod(text + 5, &end);
        if (*end == '\0' && *zipf > 0 && *zipf <= 10) {
            return true;
        }
    }
    cli_say(c, "--dist: \"%s\" is neither uniform nor zipf:A, with A above 0 and at most 10", text);
    return false;
}

typedef struct number_row {
    unsigned bit;
    size_t offset; /* in cli_args */
    double otherwise, least, most;
} number_row;

#define AT(member) offsetof(cli_args, member)
enum { KEYS, VALUE_SIZE, DEPTH, THREADS, BATCH, SECONDS, RATE, NUMBERS };
static const number_row number_rows[NUMBERS] = {
    [KEYS] = {ARG_KEYS, AT(keys), 10000, 1, 1e9},
    [VALUE_SIZE] = {ARG_VALUE_SIZE, AT(value_size), 100, BENCH_STAMP, 1 << 30},
    [DEPTH] = {ARG_DEPTH, AT(depth), 1, 1, 65536},
    [THREADS] = {ARG_THREADS, AT(threads), 1, 1, 256},
    [BATCH] = {ARG_BATCH, AT(batch), 16, 1, 65536},
    [SECONDS] = {ARG_SECONDS, AT(seconds), 5, 0.01, 86400},
    [RATE] = {ARG_RATE, AT(rate), 0, 0.01, 1e9},
};

static bool read_numbers(const cli *c, const cli_args *args, double numbers[NUMBERS])
{
    for (size_t i = 0; i < NUMBERS; i++) {
        const number_row *row = &number_rows[i];
        const char *at = (const char *) args + row->offset;
        numbers[i] = args->given & row->bit ? *(const double *) (const void *) at : row->otherwise;
        if (args->given & row->bit && !(numbers[i] >= row->least && numbers[i] <= row->most)) {
            cli_say(c, "--%s: %.10g is not from %.10g to %.10g", args_name(row->bit), numbers[i],
                    row->least, row->most);
            return false;
        }
    }
    return true;
}

static bool read_plan(const cli *c, const cli_args *args, bench_plan *plan)
{
    enum { PLACES = 1 << 24 };
    double n[NUMBERS];
    *plan = (bench_plan){.dist = args->dist ? args->dist : "uniform",
                         .options = {.timeout_ms = args->timeout_ms}};
    if (!read_workload(c, args->workload ? args->workload : "get", plan) ||
        !read_dist(c, plan->dist, &plan->zipf) || !read_numbers(c, args, n)) {
        return false;
    }
    if (args->given & ARG_BATCH && plan->workload != BENCH_GET_MANY) {
        cli_say(c, "--batch goes with --workload get_many only");
        return false;
    }
    plan->keys = (uint64_t) n[KEYS];
    plan->value_size = (size_t) n[VALUE_SIZE];
    plan->depth = (size_t) n[DEPTH];
    plan->threads = (size_t) n[THREADS];
    plan->batch = plan->workload == BENCH_GET_MANY ? (size_t) n[BATCH] : 1;
    plan->seconds = n[SECONDS];
    plan->warmup = plan->seconds < 5 ? plan->seconds / 5 : 1;
    plan->rate = n[RATE];
    if (n[DEPTH] * n[THREADS] * (double) plan->batch > PLACES) {
        cli_say(c, "--depth times --threads times --batch is more than %d keys in flight", PLACES);
        return false;
    }
    return true;
}

/* What the figures alone do not say, or hide. */
static int judge(const cli *c, const bench_figures *f)
{
    const bench_tally *t = &f->tally;
    if (t->wrong) {
        cli_say(c, "bench: %llu values were not those of their keys",
                (unsigned long long) t->wrong);
    }
    if (t->errors && t->first_error != MST_OK) {
        cli_say(c, "bench: %llu errors, one of them: %s (%s)", (unsigned long long) t->errors,
                mst_strerror(t->first_error), mst_why_name(t->first_why));
    }
    if (f->unsent) {
        cli_say(c,
                "bench: the load fell behind: %llu operations were due and never sent; they are in "
                "no figure but this. Lower --rate, or raise --depth or --threads",
                (unsigned long long) f->unsent);
    }
    return t->errors || f->unsent ? CLI_FAILED : CLI_OK;
}

static int measure(cli *c, const cli_args *args, const bench_plan *plan, bench_figures *f)
{
    bool progress = !args->quiet && isatty(STDERR_FILENO);
    int code = bench_fill(c, plan, progress);
    if (code == CLI_OK) {
        code = bench_run_all(c, plan, progress && plan->warmup + plan->seconds > 1, f);
    }
    if (code == CLI_OK) {
        if (args->json) {
            bench_show_json(c, plan, f);
        } else {
            bench_show(c, plan, f);
        }
        out_flush(&c->out);
        code = judge(c, f);
    }
    /* Also what a fill that failed has stored; that it fails as well is then no news. */
    int removed = bench_remove(c, plan, progress);
    return code > removed ? code : removed;
}

static bool open_trace(const cli *c, const cli_args *args, bench_plan *plan)
{
    if (args->trace_out) {
        plan->trace = fopen(args->trace_out, "w");
        if (!plan->trace) {
            cli_say(c, "--trace-out %s: %s", args->trace_out, strerror(errno));
        }
    }
    return plan->trace || !args->trace_out;
}

static int close_trace(const cli *c, const cli_args *args, const bench_plan *plan, int code)
{
    if (plan->trace && (ferror(plan->trace) | fclose(plan->trace))) {
        cli_say(c, "--trace-out %s: %s", args->trace_out, strerror(errno));
        return CLI_FAILED;
    }
    return code;
}

static int bench(cli *c, const cli_args *args)
{
    bench_plan plan;
    cli_args quiet = *args;
    if (!read_plan(c, args, &plan)) {
        return CLI_USAGE;
    }
    quiet.quiet = true; /* nothing of this is meant to outlive the command */
    int code = CLI_OK;
    if (!c->batch && plan.threads == 1 && plan.rate == 0) {
        code = session_lend_loop(c);
    }
    if (code == CLI_OK) {
        code = session_cache(c, &quiet);
    }
    if (code != CLI_OK) {
        return code;
    }
    bench_figures *f = calloc(1, sizeof *f);
    if (!f) {
        cli_say(c, "bench: %s", mst_strerror(MST_ENOMEM));
        return CLI_FAILED;
    }
    code = CLI_FAILED;
    if (open_trace(c, args, &plan)) {
        code = close_trace(c, args, &plan, measure(c, args, &plan, f));
    }
    free(f);
    return code;
}

const cli_command bench_commands[] = {
    {"bench", "", "put a load on the cache and measure it",
     "Stores the keys, sends requests for a warm-up that is not counted and then for the given "
     "time, prints throughput, cost and latencies, and removes the keys. They begin with bench:. "
     "With --rate requests are sent when they are due, and latency counts from there.",
     ARG_WORKLOAD | ARG_KEYS | ARG_VALUE_SIZE | ARG_DEPTH | ARG_THREADS | ARG_BATCH | ARG_DIST |
         ARG_SECONDS | ARG_RATE | ARG_TRACE_OUT,
     0, 0, bench},
    {0},
};
