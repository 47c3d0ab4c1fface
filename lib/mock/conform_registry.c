/* conform_registry.c - rows on /v2/: challenges, what is 401 there, and the pushes that later rows
 * stand on. */
#include "mock/conform.h"
#include "fmt/media.h"

#define BYTES "Content-Type: application/octet-stream"
#define BLOB(repository, name)                                                          \
    {.as = "{robot}",                                                                   \
     .ask = "POST /v2/{p}/" repository "/blobs/uploads/",                               \
     .want = "202 | keep upload header Location"},                                      \
    {                                                                                   \
        .as = "{robot}", .ask = "PUT {upload}&digest={" name "_digest}", .head = BYTES, \
        .body = "{" name "}", .want = "201"                                             \
    }
#define MANIFEST "Content-Type: " IR_MT_OCI_MANIFEST

const mk_row mk_conform_registry[] = {
    {.check = "registry-challenge",
     .fact = "nobody is sent to the token service, a bad login to Basic",
     .as = "-",
     .ask = "GET /v2/",
     .want = "401 | header Www-Authenticate ~ Bearer realm=\"http | "
             "header Www-Authenticate ~ /service/token\",service=\"harbor-registry\""},
    {.as = "ghost-{x}:Wrong12345",
     .ask = "GET /v2/",
     .want = "401 | header Www-Authenticate = Basic realm=\"harbor\""},
    {.as = "{robot}", .ask = "GET /v2/", .want = "200"},
    {.check = "registry-push-refused",
     .fact = "what is not allowed is 401, and no 403",
     .as = "{puller}",
     .ask = "POST /v2/{p}/r/blobs/uploads/",
     .want = "401 | code UNAUTHORIZED | header Www-Authenticate = Basic realm=\"harbor\""},
    {.check = "registry-no-project",
     .fact = "a project that is not there is 401 with an empty challenge, for everybody",
     .ask = "POST /v2/nope-{x}/r/blobs/uploads/",
     .want = "401 | code UNAUTHORIZED | header Www-Authenticate ="},
    {.check = "registry-needs-a-project",
     .fact = "a repository has a project before its name",
     .ask = "GET /v2/{x}/manifests/1",
     .want = "400"},
    {.check = "push",
     .fact = "an upload's place is a URL; push and pull are enough to push",
     .as = "{robot}",
     .ask = "POST /v2/{p}/r/blobs/uploads/",
     .want = "202 | header Location ~ ://"},
    BLOB("r", "layer"),
    BLOB("r", "config"),
    {.as = "{robot}",
     .ask = "PUT /v2/{p}/r/manifests/1",
     .head = MANIFEST,
     .body = "{manifest}",
     .want = "201 | header Docker-Content-Digest = {manifest_digest} | "
             "keep pushed header Docker-Content-Digest"},
    {.check = "push-index",
     .fact = "an index takes children that are there",
     .as = "{robot}",
     .ask = "GET /v2/{p}/r/tags/list",
     .want = "200 | json tags.0 = 1"},
    BLOB("r", "config_arm"),
    {.as = "{robot}",
     .ask = "PUT /v2/{p}/r/manifests/{manifest_arm_digest}",
     .head = MANIFEST,
     .body = "{manifest_arm}",
     .want = "201"},
    {.as = "{robot}",
     .ask = "PUT /v2/{p}/r/manifests/multi",
     .head = "Content-Type: " IR_MT_OCI_INDEX,
     .body = "{index}",
     .want = "201 | header Docker-Content-Digest = {index_digest} | "
             "keep pushed_index header Docker-Content-Digest"},
    {.check = "push-nested",
     .fact = "repositories have slashes in their names",
     .as = "{robot}",
     .ask = "GET /v2/",
     .want = "200"},
    BLOB("a/b", "layer"),
    BLOB("a/b", "config"),
    {.as = "{robot}",
     .ask = "PUT /v2/{p}/a/b/manifests/1",
     .head = MANIFEST,
     .body = "{manifest}",
     .want = "201 | keep pushed_nested header Docker-Content-Digest"},
    {.check = "pull",
     .fact = "an OCI index is there for those who say that they take one",
     .as = "{puller}",
     .ask = "GET /v2/{p}/r/manifests/multi",
     .head = "Accept: " IR_MT_OCI_INDEX,
     .want = "200 | header Docker-Content-Digest = {pushed_index} | len manifests = 2"},
    {.as = "{puller}",
     .ask = "GET /v2/{p}/r/manifests/multi",
     .head = "Accept: " IR_MT_DOCKER_MANIFEST,
     .want = "404"},
    {.check = "delete-by-tag",
     .fact = "a manifest is deleted by its digest only",
     .ask = "DELETE /v2/{p}/r/manifests/1",
     .want = "400 | code UNSUPPORTED"},
    {0},
};
