/* ref.c - references: distribution's grammar for registries, ours for folders and archives. An
 * error quotes the part, says which character of it, and which rule. */
#include "fmt/ref.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"
#include "fmt/digest.h"

#include <arpa/inet.h>
#include <stdlib.h>

#define REPOSITORY_MAX 255
#define TAG_MAX 128
#define ALNUM "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static const struct {
    const char *prefix;
    enum ir_transport transport;
} locals[] = {{"oci:", IR_OCI_LAYOUT},
              {"oci-archive:", IR_OCI_ARCHIVE},
              {"docker-archive:", IR_DOCKER_ARCHIVE}};

int ir_tag_check(const char *tag, imgrel_error *err)
{
    size_t len = strlen(tag), good = strspn(tag, ALNUM "_.-");
    if (!len)
        return ir_fail(err, IMGREL_EINVAL, "tag is empty");
    if (len > TAG_MAX)
        return ir_fail(err, IMGREL_EINVAL, "tag \"%.40s...\": longer than %d characters", tag,
                       TAG_MAX);
    if (tag[good])
        return ir_fail(err, IMGREL_EINVAL,
                       "tag \"%s\": character %zu: only A-Z a-z 0-9 _ . - are allowed", tag,
                       good + 1);
    if (*tag == '.' || *tag == '-')
        return ir_fail(err, IMGREL_EINVAL, "tag \"%s\": it begins with '%c'", tag, *tag);
    return 0;
}

/* Length of the separator at s: '.', '_', "__" or any number of '-'; 0: none. */
static size_t separator(const char *s)
{
    if (*s == '-')
        return strspn(s, "-");
    return *s == '.' ? 1 : *s == '_' ? 1 + (s[1] == '_') : 0;
}

/* The first character of a repository that breaks the grammar; its end if none does. */
static const char *repository_end(const char *s)
{
    for (;;) {
        if (!ir_is_lower_alnum(*s))
            return s;
        while (ir_is_lower_alnum(*s))
            s++;
        if (!*s)
            return s;
        size_t n = *s == '/' ? 1 : separator(s);
        if (!n)
            return s;
        s += n;
    }
}

int ir_repository_check(const char *repository, imgrel_error *err)
{
    const char *bad = repository_end(repository);
    if (!*repository)
        return ir_fail(err, IMGREL_EINVAL, "repository is empty");
    if (strlen(repository) > REPOSITORY_MAX)
        return ir_fail(err, IMGREL_EINVAL, "repository \"%.40s...\": longer than %d characters",
                       repository, REPOSITORY_MAX);
    if (!*bad && bad > repository && ir_is_lower_alnum(bad[-1]))
        return 0;
    const char *rule = !*bad                        ? "a part ends with a separator"
                       : *bad >= 'A' && *bad <= 'Z' ? "upper case is not allowed"
                       : strchr("/._-", *bad)       ? "a part needs a-z or 0-9 around '.', '_', '-'"
                                                    : "only a-z 0-9 . _ - / are allowed";
    return ir_fail(err, IMGREL_EINVAL, "repository \"%.300s\": character %zu: %s", repository,
                   (size_t)(bad - repository) + 1, rule);
}

static bool is_ipv6(const char *s, size_t len)
{
    char text[64];
    struct in6_addr a;
    if (len >= sizeof text)
        return false;
    memcpy(text, s, len);
    text[len] = '\0';
    return inet_pton(AF_INET6, text, &a) == 1;
}

/* Length of a good domain name or [IPv6] at the start of host, 0: none. */
static size_t domain(const char *host)
{
    if (*host == '[') {
        const char *end = strchr(host, ']');
        return end && is_ipv6(host + 1, (size_t)(end - host - 1)) ? (size_t)(end + 1 - host) : 0;
    }
    const char *s = host;
    for (;;) {
        size_t n = strspn(s, ALNUM "-");
        if (!n || *s == '-' || s[n - 1] == '-')
            return 0;
        s += n;
        if (*s != '.')
            return (size_t)(s - host);
        s++;
    }
}

int ir_host_check(const char *host, imgrel_error *err)
{
    unsigned long long port = 1;
    size_t len = domain(host);
    if (!len || len > 255 || (host[len] && host[len] != ':'))
        return ir_fail(err, IMGREL_EINVAL,
                       "host \"%.260s\": not a domain name or a bracketed IPv6 address", host);
    if (host[len] && (!ir_parse_u64(host + len + 1, 65535, &port) || !port))
        return ir_fail(err, IMGREL_EINVAL, "host \"%.260s\": port is not 1 to 65535", host);
    return 0;
}

/* Is the part before the first slash a host? As docker decides it. */
static bool is_host(const char *s, size_t len)
{
    if (len == 9 && !memcmp(s, "localhost", 9))
        return true;
    for (size_t i = 0; i < len; i++)
        if (strchr(".:[", s[i]) || (s[i] >= 'A' && s[i] <= 'Z'))
            return true;
    return false;
}

static int rename_ref(ir_ref *ref)
{
    const char *start = ref->transport == IR_REGISTRY ? "" : locals[ref->transport - 1].prefix;
    ir_buf b = IR_BUF(4 * IR_REF_MAX);
    ir_buf_adds(&b, start);
    if (ref->transport == IR_REGISTRY)
        ir_buf_addf(&b, "%s/%s", ref->host, ref->repository);
    else
        ir_buf_adds(&b, ref->path);
    if (ref->tag)
        ir_buf_addf(&b, ":%s", ref->tag);
    if (ref->digest)
        ir_buf_addf(&b, "@%s", ref->digest);
    char *name = ir_buf_take(&b);
    if (!name)
        return IMGREL_ENOMEM;
    free(ref->name);
    ref->name = name;
    return 0;
}

/* "host/repository", docker.io's defaults made explicit. */
static int set_name(const char *s, ir_ref *ref, imgrel_error *err)
{
    size_t first = strcspn(s, "/");
    bool has_host = s[first] && is_host(s, first);
    const char *rest = has_host ? s + first + 1 : s;
    ref->host = has_host ? ir_strndup(s, first) : ir_strdup("docker.io");
    if (ref->host && !strcmp(ref->host, "index.docker.io")) {
        free(ref->host);
        ref->host = ir_strdup("docker.io");
    }
    if (!ref->host)
        return ir_nomem(err);
    int rc = ir_host_check(ref->host, err);
    if (rc)
        return rc;
    bool official = !strcmp(ref->host, "docker.io") && !strchr(rest, '/');
    if ((rc = ir_repository_check(rest, err)))
        return rc;
    ref->repository = ir_format("%s%s", official ? "library/" : "", rest);
    if (!ref->repository)
        return ir_nomem(err);
    return official ? ir_repository_check(ref->repository, err) : 0; /* now it may be too long */
}

static bool is_image_id(const char *s)
{
    return strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

/* Cuts "@digest" off the text, at being its @ (NULL: none). */
static int take_digest(char *at, ir_ref *ref, imgrel_error *err)
{
    int rc = at ? ir_digest_check(at + 1, err) : 0;
    if (rc || !at)
        return rc;
    *at = '\0';
    ref->digest = ir_strdup(at + 1);
    return ref->digest ? 0 : ir_nomem(err);
}

static int parse_registry(char *s, ir_ref *ref, imgrel_error *err)
{
    int rc = take_digest(strchr(s, '@'), ref, err);
    if (rc)
        return rc;
    char *slash = strrchr(s, '/'), *colon = strrchr(s, ':');
    bool tagged = colon && (!slash || colon > slash);
    if (tagged) {
        *colon = '\0';
        if ((rc = ir_tag_check(colon + 1, err)))
            return rc;
    }
    if (tagged || !ref->digest)
        if (!(ref->tag = ir_strdup(tagged ? colon + 1 : "latest")))
            return ir_nomem(err);
    if (is_image_id(s))
        return ir_fail(err, IMGREL_EINVAL, "64 hex digits are an image ID, not a name");
    return set_name(s, ref, err);
}

static bool is_printable(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return false;
    return true;
}

/* An archive of Docker's names images by whole references; a layout by what image-spec's
 * org.opencontainers.image.ref.name may hold. */
static int check_local_name(const ir_ref *ref, imgrel_error *err)
{
    if (ref->tag && (!*ref->tag || ref->tag[strspn(ref->tag, ALNUM "-._:@/+")]))
        return ir_fail(err, IMGREL_EINVAL,
                       "name \"%s\": only A-Z a-z 0-9 - . _ : @ / + are allowed", ref->tag);
    if (ref->tag && ref->transport == IR_DOCKER_ARCHIVE && strchr(ref->tag, '@'))
        return ir_fail(err, IMGREL_EINVAL, "name \"%s\": a Docker archive names by tags only",
                       ref->tag);
    return 0;
}

const char *ir_name_short(const char *name)
{
    const char *rest = ir_starts(name, "docker.io/library/") ? name + strlen("docker.io/library/")
                       : ir_starts(name, "docker.io/")       ? name + strlen("docker.io/")
                                                             : name;
    return ir_starts(rest, "docker.io/") ? name : rest; /* else it would be another's short name */
}

const char *ir_name_tag(const char *name)
{
    const char *slash = strrchr(name, '/');
    return strchr(slash ? slash : name, ':');
}

/* Docker's names always have a tag, and no docker.io. */
static int complete_name(ir_ref *ref, imgrel_error *err)
{
    if (!ref->tag || ref->transport != IR_DOCKER_ARCHIVE)
        return 0;
    char *name = ir_format("%s%s", ir_name_short(ref->tag), ir_name_tag(ref->tag) ? "" : ":latest");
    if (!name)
        return ir_nomem(err);
    free(ref->tag);
    ref->tag = name;
    return 0;
}

/* s: behind the prefix; "PATH[:NAME][@digest]". */
static int parse_local(char *s, ir_ref *ref, imgrel_error *err)
{
    char *at = strrchr(s, '@');
    if (at && !ir_starts(at, "@sha256:") && !ir_starts(at, "@sha512:"))
        at = NULL;
    int rc = take_digest(at, ref, err);
    if (rc)
        return rc;
    char *colon = strchr(s, ':');
    if (colon) {
        *colon = '\0';
        if (!(ref->tag = ir_strdup(colon + 1)))
            return ir_nomem(err);
    }
    if (!*s)
        return ir_fail(err, IMGREL_EINVAL, "the path is empty");
    if (!(ref->path = ir_strdup(s)))
        return ir_nomem(err);
    rc = check_local_name(ref, err);
    return rc ? rc : complete_name(ref, err);
}

static int parse(char *s, ir_ref *ref, imgrel_error *err)
{
    if (!is_printable(s))
        return ir_fail(err, IMGREL_EINVAL, "it holds a control character");
    for (size_t i = 0; i < sizeof locals / sizeof *locals; i++)
        if (ir_starts(s, locals[i].prefix)) {
            ref->transport = locals[i].transport;
            return parse_local(s + strlen(locals[i].prefix), ref, err);
        }
    if (ir_starts(s, "http://") || ir_starts(s, "https://")) {
        ir_fail(err, IMGREL_EINVAL, "it is a URL");
        return ir_cure(err, "leave out http:// or https://"), IMGREL_EINVAL;
    }
    if (*s == '.' || *s == '/') {
        ir_fail(err, IMGREL_EINVAL, "it is a path");
        return ir_cure(err, "write oci:DIR, oci-archive:FILE or docker-archive:FILE"),
               IMGREL_EINVAL;
    }
    return parse_registry(ir_starts(s, "docker://") ? s + 9 : s, ref, err);
}

int ir_ref_parse(const char *text, ir_ref *ret, imgrel_error *err)
{
    memset(ret, 0, sizeof *ret);
    if (!text || !*text)
        return ir_fail(err, IMGREL_EINVAL, "reference is empty");
    if (strlen(text) > IR_REF_MAX)
        return ir_fail(err, IMGREL_EINVAL, "reference \"%.40s...\": longer than %d bytes", text,
                       IR_REF_MAX);
    char *copy = ir_strdup(text);
    int rc = copy ? parse(copy, ret, err) : ir_nomem(err);
    if (!rc && rename_ref(ret))
        rc = ir_nomem(err);
    if (rc == IMGREL_EINVAL)
        ir_error_prefix(err, "reference \"%.200s\"", text);
    if (rc)
        ir_ref_free(ret);
    free(copy);
    return rc;
}

int ir_ref_parse_repository(const char *text, ir_ref *ret, imgrel_error *err)
{
    int rc = ir_ref_parse(text, ret, err);
    if (rc)
        return rc;
    const char *slash = strrchr(text, '/');
    if (ret->transport != IR_REGISTRY)
        rc = ir_fail(err, IMGREL_EINVAL, "\"%.200s\": a repository of a registry is wanted", text);
    else if (ret->digest || strchr(slash ? slash : text, ':'))
        rc = ir_fail(err, IMGREL_EINVAL,
                     "\"%.200s\": a repository is wanted, without tag or digest", text);
    else
        rc = ir_ref_set(ret, NULL, NULL) ? ir_nomem(err) : 0;
    if (rc)
        ir_ref_free(ret);
    return rc;
}

int ir_ref_copy(const ir_ref *ref, ir_ref *ret)
{
    ir_ref c = {.transport = ref->transport,
                .host = ir_strdup(ref->host),
                .repository = ir_strdup(ref->repository),
                .path = ir_strdup(ref->path),
                .tag = ir_strdup(ref->tag),
                .digest = ir_strdup(ref->digest),
                .name = ir_strdup(ref->name)};
    *ret = c;
    if (!c.host == !ref->host && !c.repository == !ref->repository && !c.path == !ref->path &&
        !c.tag == !ref->tag && !c.digest == !ref->digest && c.name)
        return 0;
    ir_ref_free(ret);
    return IMGREL_ENOMEM;
}

int ir_ref_set(ir_ref *ref, const char *tag, const char *digest)
{
    char *new_tag = ir_strdup(tag), *new_digest = ir_strdup(digest);
    if ((tag && !new_tag) || (digest && !new_digest)) {
        free(new_tag);
        free(new_digest);
        return IMGREL_ENOMEM;
    }
    free(ref->tag);
    free(ref->digest);
    ref->tag = new_tag;
    ref->digest = new_digest;
    return rename_ref(ref);
}

void ir_ref_free(ir_ref *ref)
{
    free(ref->host);
    free(ref->repository);
    free(ref->path);
    free(ref->tag);
    free(ref->digest);
    free(ref->name);
    memset(ref, 0, sizeof *ref);
}

const char *ir_ref_selector(const ir_ref *ref)
{
    return ref->digest ? ref->digest : ref->tag;
}
