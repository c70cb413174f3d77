/* markup.h - is a text well-formed HTML or SVG? */
#ifndef OZ_TESTS_EVALUATE_MARKUP_H
#define OZ_TESTS_EVALUATE_MARKUP_H

/* Every element that is opened is closed, in order; void HTML elements stand alone. Fails the test, naming
 * `what`. */
void is_balanced(const char *text, const char *what);

#endif
