/* svg_style.c - the colours of plots, light and dark.
 *
 * One hue a family of methods, told apart also by colour-blind readers (after Okabe and Ito, and Tol) and by
 * the shape of the mark. Plain colours in two blocks, not variables: other viewers than browsers know no
 * variables. */
#include "evaluate/svg.h"

/* Class, property, light, dark. */
static const struct {
    const char *selector, *rule, *light, *dark;
} COLOURS[] = {
    {".paper", "fill", "#ffffff", "#14181d"},
    {"text", "fill", "#20262d", "#e4e8ec"},
    {"text.soft", "fill", "#66707b", "#98a3ae"},
    {".axis", "stroke", "#9aa4ae", "#5c6873"},
    {".grid", "stroke", "#eaedf0", "#252c34"},
    {".strip", "fill", "#f5f7f8", "#1a2027"},
    {".budget", "stroke", "#20262d", "#e4e8ec"},
    {".leader", "stroke", "#c3cad1", "#414b55"},
    {".win", "fill", "#e9f2fb", "#1b2a3a"},
    {"text.halo", "stroke", "#ffffff", "#14181d"},
    /* Families. */
    {".k0", "stroke", "#1f6fb4", "#6db3f2"},
    {".k1", "stroke", "#cc4e14", "#ff9563"},
    {".k2", "stroke", "#10805a", "#4fc99a"},
    {".k3", "stroke", "#7a4fb0", "#bd9cf0"},
    {".k4", "stroke", "#b0306a", "#f283b2"},
    {".k5", "stroke", "#8a6d00", "#dcb93c"},
    {".k6", "stroke", "#7c868f", "#929da8"},
    {".k7", "stroke", "#20262d", "#e4e8ec"},
    /* Kinds of bytes. */
    {".b0", "fill", "#2b6ca3", "#4f97d6"},
    {".b1", "fill", "#e0975a", "#e3a06a"},
    {".b2", "fill", "#58a589", "#5fb79a"},
    {".b3", "fill", "#9b86c4", "#a894d6"},
    {".b4", "fill", "#c9cfd5", "#4a545f"},
    {".b5", "fill", "#8d98a3", "#77838f"},
    {".b6", "fill", "#c46a8d", "#d97fa3"},
    /* Bits a weight, few to many; the letters on them. */
    {".q0", "fill", "#eef5fb", "#182634"},
    {".q1", "fill", "#d3e5f3", "#1b354c"},
    {".q2", "fill", "#b0d0e8", "#1f4665"},
    {".q3", "fill", "#86b7da", "#24587f"},
    {".q4", "fill", "#5a9bca", "#2c6c9b"},
    {".q5", "fill", "#347cb4", "#3d82b6"},
    {".q6", "fill", "#1d5d93", "#5b9cce"},
    {".q7", "fill", "#124069", "#8cc0e8"},
    {"text.on0", "fill", "#20262d", "#d5dee6"},
    {"text.on1", "fill", "#ffffff", "#0d1b28"},
};

static void colours(oz_text *t, bool dark, const char *indent) {
    for (size_t i = 0; i < sizeof COLOURS / sizeof *COLOURS; i++) {
        const char *colour = dark ? COLOURS[i].dark : COLOURS[i].light, *selector = COLOURS[i].selector;
        oz_text_format(t, "%s.plot %s{%s:%s", indent, selector, COLOURS[i].rule, colour);
        if (selector[1] == 'k') oz_text_format(t, ";fill:%s", colour);
        oz_raw(t, "}\n");
    }
}

void oz_svg_style(oz_text *t) {
    oz_raw(t, ".plot{font:12px system-ui,-apple-system,\"Segoe UI\",Roboto,\"Helvetica Neue\",\"Noto "
              "Sans\",sans-serif;"
              "font-variant-numeric:tabular-nums}\n");
    colours(t, false, "");
    oz_raw(t, "@media (prefers-color-scheme:dark){\n");
    colours(t, true, " ");
    oz_raw(
        t,
        "}\n"
        ".plot text[class]:not(.halo){stroke:none}.plot .e{text-anchor:end}.plot .m{text-anchor:middle}"
        ".plot .b{font-weight:600}.plot .h{font-size:14px;font-weight:600}.plot .small{font-size:11px}\n"
        ".plot .axis,.plot .grid,.plot .leader{stroke-width:1;fill:none}.plot .budget{stroke-width:1;"
        "stroke-dasharray:2 4;fill:none;opacity:.6}\n"
        ".plot .curve{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}"
        ".plot .thin{stroke-width:1.25}.plot .wide{stroke-width:2.75}.plot .faint{opacity:.5}\n"
        ".plot .d1{stroke-dasharray:7 4}.plot .d2{stroke-dasharray:2 4}.plot .d3{stroke-dasharray:9 3 2 3}\n"
        ".plot .hit{fill:transparent}.plot .band{stroke:none;opacity:.13}.plot .mark{stroke-width:1.5}.plot "
        ".open{fill-opacity:.12}"
        ".plot text.halo{paint-order:stroke;stroke-width:4px;stroke-linejoin:round}\n");
}
