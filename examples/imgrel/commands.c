/* commands.c - the table. What is not here does not exist: the parser, --help, imgrel(1) and the
 * shell completions are all made from it. */
#include "cli.h"

#define END                             \
    {                                   \
        NULL, 0, NULL, NULL, NULL, NULL \
    }
#define OPTION(name, letter, arg, help)     \
    {                                       \
        name, letter, arg, help, NULL, NULL \
    }
#define SWITCH(name, letter, help)           \
    {                                        \
        name, letter, NULL, help, NULL, NULL \
    }
#define CHOICE(name, letter, arg, choices, help) \
    {                                            \
        name, letter, arg, help, choices, NULL   \
    }
#define KEY(name, arg, key, help)     \
    {                                 \
        name, 0, arg, help, NULL, key \
    }

const cli_option cli_globals[] = {
    SWITCH("json", 0, "print JSON: one document, or a line each for lists and progress"),
    CHOICE("progress", 0, "MODE", "auto|plain|json|none", "how long work is shown"),
    SWITCH("quiet", 'q', "no progress, no notes; only results and errors"),
    { "log-level", 0, "LEVEL", "least important log record that is shown", "error|warn|info|debug",
      "log_level" },
    OPTION("timeout", 0, "TIME", "deadline of the whole command: seconds, or 500ms, 10m, 1h"),
    KEY("jobs", "N", "jobs", "parallel transfers"),
    OPTION("set", 0, "KEY=VALUE", "set any key of imgrel-config(5); may be repeated"),
    KEY("plain-http", "HOST", "plain_http", "reach this host without TLS; may be repeated"),
    KEY("insecure", "HOST", "insecure", "do not check this host's certificate; may be repeated"),
    KEY("resolve", "HOST=ADDRESS", "resolve", "connect there for this host; may be repeated"),
    KEY("ca-file", "FILE", "ca_file", "certificate authorities to trust (PEM)"),
    KEY("auth-file", "FILE", "auth_file", "where logins are kept"),
    SWITCH("help", 'h', "show help and stop"),
    END,
};

/* ---- what several commands share ---- */

static const cli_option harbor[] = {
    OPTION("url", 0, "URL", "Harbor's address (else HARBOR_URL)"),
    OPTION("user", 'u', "NAME", "who logs in (else HARBOR_USER)"),
    OPTION("password-file", 0, "FILE",
           "that user's password; - is standard input (else "
           "HARBOR_PASSWORD_FILE)"),
    END,
};
static const cli_option platform[] = {
    OPTION("platform", 0, "P,...", "only these platforms, as linux/arm64"),
    END,
};
static const cli_option query[] = {
    OPTION("query", 0, "Q", "Harbor's q= expression: name=~app,tags=nil"),
    END,
};

/* ---- registries ---- */

static const cli_option login[] = {
    OPTION("user", 'u', "NAME", "who logs in"),
    SWITCH("password-stdin", 0, "read the password from standard input"),
    OPTION("password-file", 0, "FILE", "read the password from a file"),
    END,
};
static const cli_option copy[] = {
    OPTION("platform", 0, "P,...", "only these platforms, as linux/arm64"),
    OPTION("tag", 0, "TAG", "put this tag there too; may be repeated"),
    SWITCH("force", 0, "overwrite what would be refused"),
    END,
};
static const cli_option referrers[] = {
    OPTION("artifact-type", 0, "TYPE", "only those of this type"),
    END,
};
static const cli_option blob_get[] = {
    OPTION("output", 'o', "FILE", "write there instead of to standard output"),
    END,
};
static const cli_option assemble[] = {
    OPTION("base", 0, "REF", "image to stand on"),
    OPTION("platform", 0, "P,...", "platforms to make, as linux/amd64,linux/arm64"),
    OPTION("layer", 0, "PATH:DIR", "put the files of PATH into DIR; may be repeated"),
    OPTION("env", 0, "NAME=VALUE", "environment variable; may be repeated"),
    OPTION("label", 0, "NAME=VALUE", "label; may be repeated"),
    OPTION("expose", 0, "PORT", "port that it listens at, as 80/tcp; may be repeated"),
    OPTION("run-as", 0, "USER", "user that it runs as"),
    OPTION("workdir", 0, "DIR", "folder that it starts in"),
    OPTION("tag", 0, "TAG", "further tag of the destination; may be repeated"),
    END,
};

/* ---- Harbor ---- */

static const cli_option project_ensure[] = {
    SWITCH("private", 0, "make it private (what new ones are)"),
    SWITCH("public", 0, "make it public"),
    SWITCH("dry-run", 0, "change nothing; say what would"),
    END,
};
static const cli_option project_delete[] = {
    SWITCH("with-repositories", 0, "delete what is in it first"),
    END,
};
static const cli_option robot_ensure[] = {
    CHOICE("role", 0, "ROLE", "pull|push", "what it may do"),
    OPTION("access", 0, "RESOURCE:ACTION", "a right by name, instead of a role; may be repeated"),
    OPTION("expires", 0, "WHEN", "never, or days from now as 30d (new ones: never)"),
    OPTION("description", 0, "TEXT", "what it is for"),
    OPTION("secret-file", 0, "FILE", "where a new secret goes (0600); - is a pipe"),
    SWITCH("new-secret", 0, "give it a new secret even if FILE has one"),
    SWITCH("force", 0, "enable it again if it was disabled"),
    SWITCH("dry-run", 0, "change nothing; say what would"),
    END,
};
static const cli_option robot_rotate[] = {
    OPTION("secret-file", 0, "FILE", "where the new secret goes (0600); - is a pipe"),
    END,
};

/* ---- Kubernetes ---- */

#ifdef CLI_KUBE
static const cli_option kube[] = {
    OPTION("kubeconfig", 0, "FILE",
           "configuration (else KUBECONFIG, ~/.kube/config, the pod's own)"),
    OPTION("context", 0, "NAME", "context of it (else its current one)"),
    OPTION("namespace", 'n', "NS", "namespace (else the context's)"),
    END,
};
static const cli_option kube_secret[] = {
    OPTION("registry", 0, "HOST", "registry that the login is for"),
    OPTION("username", 0, "NAME", "who logs in"),
    OPTION("password-file", 0, "FILE", "that user's password; - is standard input"),
    END,
};
static const cli_option kube_pod[] = {
    OPTION("image", 0, "REF", "image that it runs"),
    OPTION("port", 0, "N", "port that its container listens at"),
    OPTION("pull-secret", 0, "NAME", "secret that its image is pulled with"),
    OPTION("env", 0, "NAME=VALUE", "environment variable; may be repeated"),
    OPTION("label", 0, "NAME=VALUE", "label; may be repeated"),
    SWITCH("dry-run", 0, "change nothing; say what would"),
    END,
};
static const cli_option kube_service[] = {
    OPTION("port", 0, "N", "port of the service"),
    OPTION("target-port", 0, "N", "port of the pod (else the same)"),
    SWITCH("dry-run", 0, "change nothing; say what would"),
    END,
};
static const cli_option kube_list[] = {
    OPTION("selector", 'l', "LABELS", "only those with these labels"),
    END,
};
static const cli_option kube_apply[] = {
    OPTION("file", 'f', "FILE", "one object, JSON or YAML; - is standard input"),
    SWITCH("force", 0, "take fields over from other managers"),
    SWITCH("dry-run", 0, "change nothing; say what would"),
    END,
};
static const cli_option kube_logs[] = {
    SWITCH("follow", 'f', "go on as it grows"),
    OPTION("container", 'c', "NAME", "container of the pod (else its only one)"),
    OPTION("tail", 0, "N", "only the last N lines"),
    OPTION("since", 0, "TIME", "only what is newer: seconds, or 10m, 1h"),
    SWITCH("previous", 0, "of the container before its last restart"),
    SWITCH("timestamps", 0, "with the time of each line"),
    END,
};
static const cli_option kube_forward[] = {
    OPTION("address", 0, "ADDRESS", "listen there instead of at 127.0.0.1"),
    END,
};
#endif

/* ---- releases ---- */

#ifdef CLI_RELEASE
static const cli_option release[] = {
    OPTION("file", 'f', "FILE", "the release file"),
    OPTION("version", 0, "V", "this version instead of the file's"),
    OPTION("harbor-url", 0, "URL", "Harbor's address (else HARBOR_URL, the file's registry)"),
    OPTION("harbor-user", 0, "NAME", "who logs in there (else HARBOR_USER)"),
    OPTION("harbor-password-file", 0, "FILE",
           "that user's password; - is standard input (else "
           "HARBOR_PASSWORD_FILE)"),
    OPTION("kubeconfig", 0, "FILE", "configuration (else KUBECONFIG, ~/.kube/config)"),
    OPTION("context", 0, "NAME", "context of it (else its current one)"),
    OPTION("state-dir", 0, "DIR", "where its state is kept (else .imgrel beside the file)"),
    OPTION("forward", 0, "PORT", "local port of the page check (else a free one)"),
    OPTION("node", 0, "HOW", "none: leave nodes alone"),
    END,
};
static const cli_option release_apply[] = {
    SWITCH("force", 0, "overwrite a version tag that holds another image"),
    END,
};
static const cli_option release_delete[] = {
    SWITCH("dry-run", 0, "change nothing; say what would"),
    END,
};
#endif

/* ---- the rest ---- */

#ifdef CLI_MOCK
static const cli_option mock_serve[] = {
    OPTION("address", 0, "ADDRESS", "listen there instead of at 127.0.0.1"),
    OPTION("port", 0, "N", "port of Harbor and the registry (else a free one)"),
    OPTION("kube-port", 0, "N", "port of Kubernetes (else a free one)"),
    SWITCH("tls", 0, "speak TLS, with a certificate authority of its own"),
    OPTION("registry", 0, "URL", "a registry behind it; without one it keeps blobs itself"),
    OPTION("registry-dir", 0, "DIR", "where it keeps blobs (else a temporary folder)"),
    OPTION("state", 0, "FILE", "keeps projects, robots and objects over a restart"),
    OPTION("kubeconfig", 0, "FILE", "write the configuration for its Kubernetes there"),
    OPTION("hosts", 0, "HOST=ADDRESS", "how its node finds a host; may be repeated"),
    OPTION("admin-password-file", 0, "FILE", "admin's password; written if it is not there"),
    OPTION("external-url", 0, "URL", "address that it says it has"),
    OPTION("harbor-version", 0, "V", "version of Harbor that it is like, as 2.15"),
    CHOICE("node", 0, "HOW", "run|pull|off", "what its node does with a pod"),
    END,
};
#endif
static const cli_option man[] = { SWITCH("man", 0, "print the manual page"), END };

const cli_command cli_commands[] = {
    { "login", "HOST", "check a login and keep it", login, NULL, cmd_login },
    { "logout", "HOST", "forget a login", NULL, NULL, cmd_logout },
    { "copy", "SRC DST...", "copy an image with all that it names", copy, NULL, cmd_copy },
    { "tags", "REPOSITORY", "list the tags of a repository", NULL, NULL, cmd_tags },
    { "catalog", "HOST", "list the repositories of a registry", NULL, NULL, cmd_catalog },
    { "digest", "REF", "print the digest of an image", platform, NULL, cmd_digest },
    { "manifest", "REF", "print a manifest or index, byte for byte", platform, NULL, cmd_manifest },
    { "inspect", "REF", "say what an image is", platform, NULL, cmd_inspect },
    { "delete", "REF", "delete a tag or a manifest", NULL, NULL, cmd_delete },
    { "referrers", "REF", "list what refers to an image", referrers, NULL, cmd_referrers },
    { "blob get", "REF", "read a blob, verified", blob_get, NULL, cmd_blob_get },
    { "blob put", "REPOSITORY [FILE]", "write a blob and print its digest", NULL, NULL,
      cmd_blob_put },
    { "blob exists", "REF", "whether a blob is there (exit code 3: no)", NULL, NULL,
      cmd_blob_exists },
    { "image assemble", "[SPEC] DST", "make an image from files, running nothing", assemble, NULL,
      cmd_image_assemble },

    { "harbor check", "", "prove the login and print the version", NULL, harbor, cmd_harbor_check },
    { "harbor project ensure", "NAME", "see to it that a project exists", project_ensure, harbor,
      cmd_project_ensure },
    { "harbor project list", "", "list projects", query, harbor, cmd_project_list },
    { "harbor project get", "NAME", "read a project", NULL, harbor, cmd_project_get },
    { "harbor project delete", "NAME", "delete a project", project_delete, harbor,
      cmd_project_delete },
    { "harbor robot ensure", "PROJECT NAME", "see to it that a robot has just these rights",
      robot_ensure, harbor, cmd_robot_ensure },
    { "harbor robot list", "[PROJECT]", "list a project's robots, or the system's", query, harbor,
      cmd_robot_list },
    { "harbor robot get", "PROJECT NAME", "read a robot", NULL, harbor, cmd_robot_get },
    { "harbor robot delete", "PROJECT NAME", "delete a robot", NULL, harbor, cmd_robot_delete },
    { "harbor robot rotate", "PROJECT NAME", "give a robot a new secret", robot_rotate, harbor,
      cmd_robot_rotate },
    { "harbor repo list", "PROJECT", "list a project's repositories", query, harbor,
      cmd_repo_list },
    { "harbor artifact list", "PROJECT/REPOSITORY", "list a repository's artifacts", query, harbor,
      cmd_artifact_list },
#ifdef CLI_KUBE

    { "kube namespace ensure", "NAME", "see to it that a namespace exists", NULL, kube,
      cmd_kube_namespace_ensure },
    { "kube secret ensure", "NAME", "see to it that a pull secret holds a login", kube_secret, kube,
      cmd_kube_secret_ensure },
    { "kube pod run", "NAME", "run a pod", kube_pod, kube, cmd_kube_pod_run },
    { "kube service expose", "POD", "expose a pod as a service of its name", kube_service, kube,
      cmd_kube_service_expose },
    { "kube get", "KIND/NAME", "read an object", NULL, kube, cmd_kube_get },
    { "kube list", "KIND", "list objects", kube_list, kube, cmd_kube_list },
    { "kube apply", "", "apply an object on the server's side", kube_apply, kube, cmd_kube_apply },
    { "kube delete", "KIND/NAME", "delete an object and wait until it is gone", NULL, kube,
      cmd_kube_delete },
    { "kube wait", "pod/NAME", "wait until a pod is ready, or say why it cannot be", NULL, kube,
      cmd_kube_wait },
    { "kube diagnose", "pod/NAME", "say why a pod does not run", NULL, kube, cmd_kube_diagnose },
    { "kube logs", "pod/NAME", "print a container's log", kube_logs, kube, cmd_kube_logs },
    { "kube forward", "KIND/NAME LOCAL:REMOTE...", "forward local ports to a pod or service",
      kube_forward, kube, cmd_kube_forward },
#endif
#ifdef CLI_RELEASE

    { "release plan", "", "say what apply would change", NULL, release, cmd_release_plan },
    { "release apply", "", "make it so: from the files to the page", release_apply, release,
      cmd_release_apply },
    { "release verify", "", "prove it: tags, digest, platforms, refusals, pod, page", NULL, release,
      cmd_release_verify },
    { "release render", "", "print the Kubernetes objects as YAML", NULL, release,
      cmd_release_render },
    { "release delete", "", "remove what apply created, and only that", release_delete, release,
      cmd_release_delete },
    { "release doctor", "", "find what stands in the way, and its cure", NULL, release,
      cmd_release_doctor },
#endif
#ifdef CLI_MOCK

    { "mock serve", "", "run a Harbor, registry, Kubernetes and node for tests", mock_serve, NULL,
      cmd_mock_serve },
#endif

    { "config", "", "print the configuration table", man, NULL, cmd_config },
    { "completion", "SHELL", "print the completion of bash, zsh or fish", NULL, NULL,
      cmd_completion },
    { "version", "", "print the version", NULL, NULL, cmd_version },
    { "help", "[COMMAND...]", "show help", man, NULL, cmd_help },
    { NULL, NULL, NULL, NULL, NULL, NULL },
};
