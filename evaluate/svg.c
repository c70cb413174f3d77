/* svg.c - SVG elements as text.
 *
 * Coordinates have at most one decimal: a tenth of a pixel is finer than anybody sees, and files stay small.
 */
#include "evaluate/svg.h"

#include "base/utf8.h"
#include "evaluate/number.h"

#include <math.h>
#include <string.h>

void oz_raw(oz_text *t, const char *text) {
    oz_text_add(t, text, strlen(text));
}

void oz_markup(oz_text *t, const char *text) {
    size_t bytes = strlen(text);
    for (size_t i = 0; i < bytes;) {
        size_t n = oz_utf8_length(text + i, bytes - i);
        unsigned char c = (unsigned char)text[i];
        if (n == 0)
            oz_raw(t, "\xef\xbf\xbd");
        else if (c == '&')
            oz_raw(t, "&amp;");
        else if (c == '<')
            oz_raw(t, "&lt;");
        else if (c == '>')
            oz_raw(t, "&gt;");
        else if (c == '"')
            oz_raw(t, "&quot;");
        else if (c == '\'')
            oz_raw(t, "&#39;");
        else if (c >= 0x20 && c != 0x7f)
            oz_text_add(t, text + i, n);
        i += n ? n : 1;
    }
}

static void number(oz_text *t, const char *name, double v) {
    oz_shown s = oz_show_fixed(isfinite(v) ? v : 0.0, 1);
    size_t n = strlen(s.text);
    if (n > 2 && s.text[n - 1] == '0' && s.text[n - 2] == '.') s.text[n - 2] = 0;
    oz_text_format(t, " %s=\"%s\"", name, s.text);
}

static void pair(oz_text *t, const char *before, double x, double y) {
    oz_text_format(t, "%s%s %s", before, oz_show_fixed(x, 1).text, oz_show_fixed(y, 1).text);
}

/* Ends an element that was opened with its attributes. */
static void end(oz_text *t, const char *element, const char *title) {
    if (!title) {
        oz_raw(t, "/>\n");
        return;
    }
    oz_raw(t, "><title>");
    oz_markup(t, title);
    oz_text_format(t, "</title></%s>\n", element);
}

void oz_svg_open(oz_text *t, double width, double height, const char *title, bool alone) {
    oz_raw(t, "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" role=\"img\"");
    if (alone) {
        number(t, "width", width);
        number(t, "height", height);
    }
    pair(t, " viewBox=\"0 0 ", width, height);
    oz_raw(t, "\" aria-label=\"");
    oz_markup(t, title);
    oz_raw(t, "\">\n");
    if (!alone) return;
    oz_raw(t, "<title>");
    oz_markup(t, title);
    oz_raw(t, "</title>\n<style>\n");
    oz_svg_style(t);
    oz_raw(t, "</style>\n");
    oz_svg_rect(t, 0, 0, width, height, "paper", NULL);
}

void oz_svg_close(oz_text *t) {
    oz_raw(t, "</svg>\n");
}

void oz_svg_group(oz_text *t, double x, double y) {
    pair(t, "<g transform=\"translate(", x, y);
    oz_raw(t, ")\">\n");
}

void oz_svg_group_end(oz_text *t) {
    oz_raw(t, "</g>\n");
}

static void text_at(oz_text *t, double x, double y, const char *classes) {
    oz_raw(t, "<text");
    number(t, "x", x);
    number(t, "y", y);
    oz_text_format(t, " class=\"%s\"", classes);
}

void oz_svg_text(oz_text *t, double x, double y, const char *classes, const char *text) {
    text_at(t, x, y, classes);
    oz_raw(t, ">");
    oz_markup(t, text);
    oz_raw(t, "</text>\n");
}

void oz_svg_text_turned(oz_text *t, double x, double y, double degrees, const char *classes,
                        const char *text) {
    text_at(t, x, y, classes);
    oz_text_format(t, " transform=\"rotate(%s", oz_show_fixed(degrees, 1).text);
    pair(t, " ", x, y);
    oz_raw(t, ")\">");
    oz_markup(t, text);
    oz_raw(t, "</text>\n");
}

void oz_svg_line(oz_text *t, double x1, double y1, double x2, double y2, const char *classes) {
    oz_raw(t, "<line");
    number(t, "x1", x1);
    number(t, "y1", y1);
    number(t, "x2", x2);
    number(t, "y2", y2);
    oz_text_format(t, " class=\"%s\"/>\n", classes);
}

void oz_svg_rect(oz_text *t, double x, double y, double w, double h, const char *classes, const char *title) {
    oz_raw(t, "<rect");
    number(t, "x", x);
    number(t, "y", y);
    number(t, "width", w);
    number(t, "height", h);
    oz_text_format(t, " class=\"%s\"", classes);
    end(t, "rect", title);
}

/* Corners of the shapes that are polygons, for radius 1: equal areas to the eye, not equal radii. */
static const double CORNERS[][8][2] = {
    [OZ_SHAPE_SQUARE] = {{-.88, -.88}, {.88, -.88}, {.88, .88}, {-.88, .88}},
    [OZ_SHAPE_TRIANGLE] = {{0, -1.2}, {1.1, .85}, {-1.1, .85}},
    [OZ_SHAPE_DIAMOND] = {{0, -1.25}, {1.25, 0}, {0, 1.25}, {-1.25, 0}},
    [OZ_SHAPE_HEXAGON] = {{-.55, -1}, {.55, -1}, {1.1, 0}, {.55, 1}, {-.55, 1}, {-1.1, 0}},
    [OZ_SHAPE_CROSS] = {{-.9, -.9}, {.9, .9}, {0, 0}, {.9, -.9}, {-.9, .9}, {0, 0}},
    [OZ_SHAPE_DOWN] = {{0, 1.2}, {1.1, -.85}, {-1.1, -.85}},
    [OZ_SHAPE_STAR] = {{0, -1.6}, {.4, -.4}, {1.6, 0}, {.4, .4}, {0, 1.6}, {-.4, .4}, {-1.6, 0}, {-.4, -.4}}};
static const int CORNER_COUNT[] = {0, 4, 3, 4, 6, 6, 3, 8};

void oz_svg_mark(oz_text *t, oz_shape shape, double x, double y, double r, const char *classes,
                 const char *title) {
    if (shape == OZ_SHAPE_CIRCLE) {
        oz_raw(t, "<circle");
        number(t, "cx", x);
        number(t, "cy", y);
        number(t, "r", r);
        oz_text_format(t, " class=\"%s\"", classes);
        end(t, "circle", title);
        return;
    }
    oz_svg_path(t, classes);
    for (int i = 0; i < CORNER_COUNT[shape]; i++)
        oz_svg_to(t, x + r * CORNERS[shape][i][0], y + r * CORNERS[shape][i][1], i == 0);
    oz_svg_path_end(t, true, title);
}

void oz_svg_path(oz_text *t, const char *classes) {
    oz_text_format(t, "<path class=\"%s\" d=\"", classes);
}

void oz_svg_to(oz_text *t, double x, double y, bool first) {
    pair(t, first ? "M" : "L", x, y);
}

void oz_svg_path_end(oz_text *t, bool closed, const char *title) {
    oz_raw(t, closed ? "Z\"" : "\"");
    end(t, "path", title);
}

size_t oz_text_characters(const char *text) {
    size_t n = 0;
    for (; *text; text++) n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

double oz_text_width(const char *text, double size) {
    return 0.54 * size * (double)oz_text_characters(text);
}

const char *oz_text_cut(const char *text, size_t characters, char *out, size_t room) {
    static const char dots[] = "\xe2\x80\xa6";
    size_t bytes = strlen(text), at = 0, seen = 0;
    if (oz_text_characters(text) <= characters && bytes < room) return text;
    while (at < bytes && seen + 1 < characters) {
        size_t n = oz_utf8_length(text + at, bytes - at);
        n = n ? n : 1;
        if (at + n + sizeof dots > room) break;
        memcpy(out + at, text + at, n);
        at += n;
        seen++;
    }
    memcpy(out + at, dots, sizeof dots);
    return out;
}
