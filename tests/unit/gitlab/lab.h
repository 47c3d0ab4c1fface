/* lab.h - a GitLab's project of the mock and a handle on it, for the tests of lib/gitlab. */
#ifndef IR_TESTS_GITLAB_LAB_H
#define IR_TESTS_GITLAB_LAB_H

#include "mock_http.h"

#include <imgrel/imgrel.h>

typedef struct lab {
    imgrel_client *client;
    imgrel_gitlab *g;
    imgrel_error err;
} lab;
void lab_up(lab *l);
void lab_down(lab *l);
/* A put or a do that must succeed; the document lives until mock_down. */
const ir_json *lab_put(lab *l, const char *kind, const char *key, const char *json,
                       const char *outcome);
const ir_json *lab_do(lab *l, const char *kind, const char *key, const char *action,
                      const char *json);
const ir_json *lab_get(lab *l, const char *kind, const char *key);
int lab_count(lab *l, const char *kind, const char *query);
/* What failed as it should; the error is forgotten. */
void lab_refused(lab *l, int rc, int code, const char *word);
const ir_json *lab_json(const char *text);

#define CI_TEXT                                                                   \
    "build-image:\\n  stage: build\\n  tags: [self-hosted]\\n  rules:\\n  - if: " \
    "'$CI_COMMIT_TAG =~ /^\\\\d+\\\\.\\\\d+\\\\.\\\\d+$/'\\n  script: [make]\\n"

#endif
