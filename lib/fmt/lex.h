/* lex.h - the words of HTTP header values (RFC 9110 section 5.6): blanks, tokens, quotes. */
#ifndef IR_FMT_LEX_H
#define IR_FMT_LEX_H

#include <stddef.h>

const char *ir_lex_blank(const char *s); /* past spaces and tabs */
size_t ir_lex_token(const char *s);      /* length of the token at s, 0: none */
/* A quoted string (unescaped) or whatever goes up to a blank, comma or semicolon, malloc'ed;
 * *s moves behind it. NULL: an unterminated string (*s at its end) or no memory (*s unmoved). */
char *ir_lex_value(const char **s);

#endif
