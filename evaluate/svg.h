/* svg.h - the few SVG shapes that plots are made of.
 *
 * Looks come from classes alone (svg_style.c), so that a plot follows the reader's light or dark scheme both
 * inside the page and as a file of its own. Text is always escaped here, never by callers. */
#ifndef OZ_EVALUATE_SVG_H
#define OZ_EVALUATE_SVG_H

#include "base/text.h"

/* Appends text with &, <, >, quotes escaped and control characters left out. */
void oz_markup(oz_text *t, const char *text);
/* Appends a constant as it is. */
void oz_raw(oz_text *t, const char *text);

/* `alone`: a file of its own, which carries the style sheet. */
void oz_svg_open(oz_text *t, double width, double height, const char *title, bool alone);
void oz_svg_close(oz_text *t);
void oz_svg_group(oz_text *t, double x, double y);
void oz_svg_group_end(oz_text *t);
/* Classes: "e" ends at x, "m" is centred on x. */
void oz_svg_text(oz_text *t, double x, double y, const char *classes, const char *text);
void oz_svg_text_turned(oz_text *t, double x, double y, double degrees, const char *classes,
                        const char *text);
void oz_svg_line(oz_text *t, double x1, double y1, double x2, double y2, const char *classes);
/* `title` is shown when the pointer rests on the shape; NULL = none. */
void oz_svg_rect(oz_text *t, double x, double y, double w, double h, const char *classes, const char *title);

typedef enum oz_shape {
    OZ_SHAPE_CIRCLE,
    OZ_SHAPE_SQUARE,
    OZ_SHAPE_TRIANGLE,
    OZ_SHAPE_DIAMOND,
    OZ_SHAPE_HEXAGON,
    OZ_SHAPE_CROSS,
    OZ_SHAPE_DOWN,
    OZ_SHAPE_STAR
} oz_shape;
void oz_svg_mark(oz_text *t, oz_shape shape, double x, double y, double r, const char *classes,
                 const char *title);

/* A path: points one after another; `closed` fills the area. */
void oz_svg_path(oz_text *t, const char *classes);
void oz_svg_to(oz_text *t, double x, double y, bool first);
void oz_svg_path_end(oz_text *t, bool closed, const char *title);

/* The style sheet of all plots, without <style>. */
void oz_svg_style(oz_text *t);

/* Width of a text of `size` pixels, roughly: an average letter is 0.54 wide. */
double oz_text_width(const char *text, double size);
/* The text, cut to so many characters with an ellipsis; into out[room]. */
const char *oz_text_cut(const char *text, size_t characters, char *out, size_t room);
size_t oz_text_characters(const char *text);

#endif
