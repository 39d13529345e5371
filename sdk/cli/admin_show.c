/* admin_show.c - answers of a running process as text for people. */
#include <string.h>

#include "admin.h"

static double number(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

static const char *text(const json_t *object, const char *name)
{
    const char *found = json_string_value(json_object_get(object, name));
    return found ? found : "";
}

/* "[cache]", "[cache.NAME]" */
static void section(char *buffer, size_t size, const char *cache)
{
    snprintf(buffer, size, "[cache%s%s]", cache[0] ? "." : "", cache);
}

static const json_t *same_cache(const json_t *answer, const char *name)
{
    size_t i;
    json_t *cache;
    json_array_foreach(json_object_get(answer, "caches"), i, cache)
    {
        if (strcmp(text(cache, "cache"), name) == 0) {
            return cache;
        }
    }
    return NULL;
}

static void show_counters(cli_out *out, const json_t *cache, const json_t *before, double seconds)
{
    const json_t *old = json_object_get(before, "counters");
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get((json_t *) (size_t) cache, "counters"), name, value)
    {
        double total = json_number_value(value);
        if (strcmp(name, "pending") == 0) { /* not one that only grows */
            out_format(out, "  %-28s %16.0f\n", name, total);
        } else {
            double rate = seconds > 0 ? (total - number(old, name)) / seconds : 0;
            out_format(out, "  %-28s %16.0f %14.1f\n", name, total, rate);
        }
    }
}

static void show_tiers(cli_out *out, const json_t *cache)
{
    size_t i;
    json_t *tier;
    json_array_foreach(json_object_get(cache, "tiers"), i, tier)
    {
        const char *name;
        json_t *value;
        out_format(out, "  tier %s\n", text(tier, "tier"));
        json_object_foreach(json_object_get(tier, "figures"), name, value)
        {
            out_format(out, "    %-26s %16.0f\n", name, json_number_value(value));
        }
    }
}

void stat_show(cli_out *out, const json_t *now, const json_t *before)
{
    double seconds = (number(now, "uptime_ms") - number(before, "uptime_ms")) / 1000;
    size_t i;
    json_t *cache;
    out_format(out, "process %.0f, up %.1f s, memstache %s\n", number(now, "pid"),
               number(now, "uptime_ms") / 1000, text(now, "version"));
    json_array_foreach(json_object_get(now, "caches"), i, cache)
    {
        char head[256];
        section(head, sizeof head, text(cache, "cache"));
        out_format(out, "%-30s %16s %14s\n", head, "total", "per second");
        show_counters(out, cache, same_cache(before, text(cache, "cache")), seconds);
        show_tiers(out, cache);
    }
}

void health_show(cli_out *out, const json_t *answer)
{
    static const struct {
        const char *reason, *text;
    } texts[] = {{"breaker-open", "is not asked, because it only failed"},
                 {"closing", "the runtime is closing"},
                 {"pending", "nearly as many requests are pending as max_pending allows"}};
    size_t i;
    json_t *reason;
    out_format(out, "%s\n", text(answer, "status"));
    json_array_foreach(json_object_get(answer, "reasons"), i, reason)
    {
        char head[256];
        const char *why = text(reason, "reason"), *tier = text(reason, "tier");
        for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
            why = strcmp(why, texts[k].reason) == 0 ? texts[k].text : why;
        }
        section(head, sizeof head, text(reason, "cache"));
        out_format(out, "  %s %s%s%s%s\n", head, tier[0] ? "tier \"" : "", tier,
                   tier[0] ? "\" " : "", why);
    }
}
