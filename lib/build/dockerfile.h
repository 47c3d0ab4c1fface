/* dockerfile.h - a Dockerfile as instructions: what is known of a build before a builder is asked.
 * Pure: text in, values out. */
#ifndef IR_BUILD_DOCKERFILE_H
#define IR_BUILD_DOCKERFILE_H

#include "base/str.h"
#include "fmt/json.h"

#define IR_DOCKERFILE_MAX (1024UL * 1024UL)
#define IR_DOCKERFILE_LINES_MAX 10000

typedef struct ir_df_line {
    int line;   /* from 1 */
    char *word; /* "FROM", upper case */
    char *rest; /* what follows, lines joined, blanks at its ends gone; "" if nothing */
} ir_df_line;
typedef struct ir_dockerfile {
    char *syntax; /* of a "# syntax=" line: the frontend's image; NULL: none */
    ir_df_line *v;
    size_t n;
} ir_dockerfile;

/* name: the file's, for errors. EINVAL (line), ELIMIT. What it does not know is kept as it is:
 * that is for the builder to say. */
int ir_must_use ir_dockerfile_parse(const char *p, size_t len, const char *name,
                                    ir_dockerfile *ret, imgrel_error *err);
void ir_dockerfile_free(ir_dockerfile *d);

/* text with $NAME, ${NAME}, ${NAME:-word} and ${NAME:+word} replaced; NULL (no failure) when a name
 * is in none of the objects. */
int ir_must_use ir_df_expand(const char *text, const ir_json *vars, char **ret, imgrel_error *err);
/* ARG lines before the first FROM, under args: what FROM lines may name. */
int ir_must_use ir_df_globals(const ir_dockerfile *d, const ir_json *args, ir_json **ret,
                              imgrel_error *err);
/* "FROM [--platform=P] IMAGE [AS NAME]"; parts malloc'ed, NULL if they are not there. */
typedef struct ir_df_from { char *platform, *image, *name; } ir_df_from;
int ir_must_use ir_df_from_read(const char *rest, ir_df_from *ret, imgrel_error *err);
void ir_df_from_free(ir_df_from *f);
/* The images that it is made of: those of FROM and COPY --from that are neither a stage of it nor
 * scratch, as far as they can be known. */
int ir_must_use ir_dockerfile_images(const ir_dockerfile *d, const ir_json *args, ir_strv *ret,
                                     imgrel_error *err);

#endif
