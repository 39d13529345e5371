/* simulate_svg.c - miss ratio by size, a curve for each policy and one for the optimum. The picture
 * needs nothing but itself, and follows the light or dark colours of whoever looks at it. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "simulate.h"

enum { LEFT = 70, TOP = 50, PLOT_WIDTH = 560, PLOT_HEIGHT = 360, LEGEND = 150, BOTTOM = 70 };

static const char *const colours[] = {"#2a78d6", "#e8590c", "#2b9348", "#b5179e",
                                      "#c99700", "#0b9aa6", "#d62246", "#7048e8",
                                      "#7a5230", "#5c8a00", "#d6438a", "#607d8b"};
enum { COLOURS = sizeof colours / sizeof colours[0] };

static void escaped(FILE *f, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '<':
            fputs("&lt;", f);
            break;
        case '>':
            fputs("&gt;", f);
            break;
        case '&':
            fputs("&amp;", f);
            break;
        default:
            fputc((unsigned char) *text < 0x20 ? ' ' : *text, f);
        }
    }
}

typedef struct scale {
    double least, most; /* logarithms of sizes */
} scale;

static double x_of(const scale *sc, uint64_t size)
{
    double width = sc->most - sc->least;
    double share = width > 0 ? (log10((double) size) - sc->least) / width : 0.5;
    return LEFT + share * PLOT_WIDTH;
}

static double y_of(double miss_ratio)
{
    return TOP + (1 - miss_ratio) * PLOT_HEIGHT;
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;
    return (x > y) - (x < y);
}

static void head(FILE *f, const study *s)
{
    int width = LEFT + PLOT_WIDTH + LEGEND, height = TOP + PLOT_HEIGHT + BOTTOM;
    fprintf(f,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
            "height=\"%d\" font-family=\"sans-serif\" font-size=\"13\">\n"
            "<style>svg{background:#fff;color:#222}.grid{stroke:currentColor;opacity:.15}"
            "text{fill:currentColor}path{fill:none;stroke-width:2}"
            "@media(prefers-color-scheme:dark){svg{background:#16181d;color:#e6e6e6}}</style>\n"
            "<title>Miss ratio by size</title>\n<text x=\"%d\" y=\"24\" font-size=\"16\">",
            width, height, width, height, LEFT);
    const char *slash = strrchr(s->trace_name, '/');
    escaped(f, slash ? slash + 1 : s->trace_name);
    fprintf(f, ": %llu requests of %u keys</text>\n", (unsigned long long) s->trace->count,
            s->trace->distinct);
}

static void show_size(FILE *f, uint64_t size)
{
    static const char units[] = " kMGT";
    double shown = (double) size;
    int unit = 0;
    while (shown >= 1000 && unit < 4) {
        shown /= 1000;
        unit++;
    }
    fprintf(f, "%.3g%.*s", shown, unit != 0, units + unit);
}

/* A label for each size that has room for one. */
static void axes(FILE *f, const study *s, const scale *sc, const uint64_t *sizes)
{
    enum { LABEL_ROOM = 44 };
    double last = -LABEL_ROOM;
    for (int i = 0; i <= 10; i += 2) {
        double y = y_of(i / 10.0);
        fprintf(f,
                "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
                "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.1f</text>\n",
                LEFT, LEFT + PLOT_WIDTH, y, y, LEFT - 8, y + 4, i / 10.0);
    }
    for (size_t i = 0; i < s->size_count; i++) {
        double x = x_of(sc, sizes[i]);
        fprintf(f, "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>\n", x, x,
                TOP, TOP + PLOT_HEIGHT);
        if (x - last >= LABEL_ROOM) {
            fprintf(f, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">", x,
                    TOP + PLOT_HEIGHT + 20);
            show_size(f, sizes[i]);
            fputs("</text>\n", f);
            last = x;
        }
    }
    fprintf(f,
            "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n"
            "<text transform=\"translate(20 %d) rotate(-90)\" text-anchor=\"middle\">miss "
            "ratio</text>\n",
            LEFT + PLOT_WIDTH / 2, TOP + PLOT_HEIGHT + 48,
            s->in_bytes ? "size of the cache in bytes" : "size of the cache in entries",
            TOP + PLOT_HEIGHT / 2);
}

static size_t index_of(const study *s, uint64_t size)
{
    size_t i = 0;
    while (s->sizes[i] != size) {
        i++;
    }
    return i;
}

/* Policy number `p`; the optimum behind the last one. */
static void curve(FILE *f, const study *s, const scale *sc, const uint64_t *sizes, size_t p)
{
    bool is_policy = p < s->policy_count;
    const char *colour = is_policy ? colours[p % COLOURS] : "currentColor";
    const char *dashes = is_policy ? (p < COLOURS ? "none" : "8 3") : "3 3";
    double y = TOP + 10 + 20 * (double) p;
    fprintf(f, "<path stroke=\"%s\" stroke-dasharray=\"%s\" d=\"", colour, dashes);
    for (size_t i = 0; i < s->size_count; i++) {
        size_t at = index_of(s, sizes[i]);
        double ratio = is_policy ? study_ratio(s, p, at) : study_optimal(s, at);
        fprintf(f, "%s%.1f %.1f", i ? " L" : "M", x_of(sc, sizes[i]), y_of(1 - ratio));
    }
    fprintf(f,
            "\"/>\n<path stroke=\"%s\" stroke-dasharray=\"%s\" d=\"M%d %.1f h24\"/>"
            "<text x=\"%d\" y=\"%.1f\">",
            colour, dashes, LEFT + PLOT_WIDTH + 14, y, LEFT + PLOT_WIDTH + 44, y + 4);
    escaped(f, is_policy ? s->policies[p] : "optimum");
    fputs("</text>\n", f);
}

static void picture(FILE *f, const study *s, const uint64_t *sizes)
{
    const scale sc = {log10((double) sizes[0]), log10((double) sizes[s->size_count - 1])};
    head(f, s);
    axes(f, s, &sc, sizes);
    for (size_t p = 0; p < s->policy_count + (s->optimal != NULL); p++) {
        curve(f, s, &sc, sizes, p);
    }
    fputs("</svg>\n", f);
}

int study_draw(cli *c, const study *s, const char *file)
{
    uint64_t *sizes = malloc(s->size_count * sizeof *sizes);
    FILE *f = sizes ? fopen(file, "w") : NULL;
    bool written = false;
    if (f) {
        memcpy(sizes, s->sizes, s->size_count * sizeof *sizes);
        qsort(sizes, s->size_count, sizeof *sizes, by_size);
        picture(f, s, sizes);
        written = !ferror(f);
        written = fclose(f) == 0 && written;
    }
    if (!written) {
        cli_say(c, "--svg %s: %s", file, sizes ? strerror(errno) : mst_strerror(MST_ENOMEM));
    }
    free(sizes);
    return written ? CLI_OK : CLI_FAILED;
}
