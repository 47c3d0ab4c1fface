/* commands.c - the table. What is not here does not exist: the parser, --help, imgrel(1) and the
 * shell completions are all made from it. */
#include "options.h"

const cli_option cli_globals[] = {
    SWITCH("json", 0, "print JSON: one document, or a line each for lists and progress"),
    CHOICE("progress", 0, "MODE", "auto|plain|json|none", "how long work is shown"),
    SWITCH("quiet", 'q', "no progress, no notes; only results and errors"),
    { "log-level", 0, "LEVEL", "least important log record that is shown", "error|warn|info|debug",
      "log_level"},
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

static const cli_option man[] = {SWITCH("man", 0, "print the manual page"), END};

const cli_command cli_commands[] = {
    { "login", "HOST", "check a login and keep it", opt_login, NULL, cmd_login },
    { "logout", "HOST", "forget a login", NULL, NULL, cmd_logout },
    { "copy", "SRC DST...", "copy an image with all that it names", opt_copy, NULL, cmd_copy },
    { "tags", "REPOSITORY", "list the tags of a repository", NULL, NULL, cmd_tags },
    { "catalog", "HOST", "list the repositories of a registry", NULL, NULL, cmd_catalog },
    { "digest", "REF", "print the digest of an image", opt_platform, NULL, cmd_digest },
    { "manifest", "REF", "print a manifest or index, byte for byte", opt_platform, NULL,
      cmd_manifest },
    { "inspect", "REF", "say what an image is", opt_platform, NULL, cmd_inspect },
    { "delete", "REF", "delete a tag or a manifest", NULL, NULL, cmd_delete },
    { "referrers", "REF", "list what refers to an image", opt_referrers, NULL, cmd_referrers },
    { "blob get", "REF", "read a blob, verified", opt_blob_get, NULL, cmd_blob_get },
    { "blob put", "REPOSITORY [FILE]", "write a blob and print its digest", NULL, NULL,
      cmd_blob_put },
    { "blob exists", "REF", "whether a blob is there (exit code 3: no)", NULL, NULL,
      cmd_blob_exists },
    { "image assemble", "[SPEC] DST", "make an image from files, running nothing", opt_assemble,
      NULL, cmd_image_assemble },

    { "harbor check", "", "prove the login and print the version", NULL, opt_harbor,
      cmd_harbor_check },
    { "harbor project ensure", "NAME", "see to it that a project exists", opt_project_ensure,
      opt_harbor, cmd_project_ensure },
    { "harbor project list", "", "list projects", opt_query, opt_harbor, cmd_project_list },
    { "harbor project get", "NAME", "read a project", NULL, opt_harbor, cmd_project_get },
    { "harbor project delete", "NAME", "delete a project", opt_project_delete, opt_harbor,
      cmd_project_delete },
    { "harbor robot ensure", "PROJECT NAME", "see to it that a robot has just these rights",
      opt_robot_ensure, opt_harbor, cmd_robot_ensure },
    { "harbor robot list", "[PROJECT]", "list a project's robots, or the system's", opt_query,
      opt_harbor, cmd_robot_list },
    { "harbor robot get", "PROJECT NAME", "read a robot", NULL, opt_harbor, cmd_robot_get },
    { "harbor robot delete", "PROJECT NAME", "delete a robot", NULL, opt_harbor, cmd_robot_delete },
    { "harbor robot rotate", "PROJECT NAME", "give a robot a new secret", opt_robot_rotate,
      opt_harbor, cmd_robot_rotate },
    { "harbor repo list", "PROJECT", "list a project's repositories", opt_query, opt_harbor,
      cmd_repo_list },
    { "harbor artifact list", "PROJECT/REPOSITORY", "list a repository's artifacts", opt_query,
      opt_harbor, cmd_artifact_list },
#ifdef CLI_KUBE

    { "kube namespace ensure", "NAME", "see to it that a namespace exists", NULL, opt_kube,
      cmd_kube_namespace_ensure },
    { "kube secret ensure", "NAME", "see to it that a pull secret holds a login", opt_kube_secret,
      opt_kube, cmd_kube_secret_ensure },
    { "kube pod run", "NAME", "run a pod", opt_kube_pod, opt_kube, cmd_kube_pod_run },
    { "kube service expose", "POD", "expose a pod as a service of its name", opt_kube_service,
      opt_kube, cmd_kube_service_expose },
    { "kube get", "KIND/NAME", "read an object", NULL, opt_kube, cmd_kube_get },
    { "kube list", "KIND", "list objects", opt_kube_list, opt_kube, cmd_kube_list },
    { "kube apply", "", "apply an object on the server's side", opt_kube_apply, opt_kube,
      cmd_kube_apply },
    { "kube delete", "KIND/NAME", "delete an object and wait until it is gone", NULL, opt_kube,
      cmd_kube_delete },
    { "kube wait", "pod/NAME", "wait until a pod is ready, or say why it cannot be", NULL, opt_kube,
      cmd_kube_wait },
    { "kube diagnose", "pod/NAME", "say why a pod does not run", NULL, opt_kube,
      cmd_kube_diagnose },
    { "kube logs", "pod/NAME", "print a container's log", opt_kube_logs, opt_kube, cmd_kube_logs },
    { "kube forward", "KIND/NAME LOCAL:REMOTE...", "forward local ports to a pod or service",
      opt_kube_forward, opt_kube, cmd_kube_forward },
#endif
#ifdef CLI_RELEASE

    { "release plan", "", "say what apply would change", NULL, opt_release, cmd_release_plan },
    { "release apply", "", "make it so: from the files to the page", opt_release_apply, opt_release,
      cmd_release_apply },
    { "release verify", "", "prove it: tags, digest, platforms, refusals, pod, page", NULL,
      opt_release, cmd_release_verify },
    { "release render", "", "print the Kubernetes objects as YAML", NULL, opt_release,
      cmd_release_render },
    { "release delete", "", "remove what apply created, and only that", opt_release_delete,
      opt_release, cmd_release_delete },
    { "release doctor", "", "find what stands in the way, and its cure", NULL, opt_release,
      cmd_release_doctor },
#endif
#ifdef CLI_MOCK

    { "mock serve", "", "run a Harbor, registry, Kubernetes and node for tests", opt_mock_serve,
      NULL, cmd_mock_serve },
#endif

    { "config", "", "print the configuration table", man, NULL, cmd_config },
    { "completion", "SHELL", "print the completion of bash, zsh or fish", NULL, NULL,
      cmd_completion },
    { "version", "", "print the version", NULL, NULL, cmd_version },
    { "help", "[COMMAND...]", "show help", man, NULL, cmd_help },
    { NULL, NULL, NULL, NULL, NULL, NULL },
};
