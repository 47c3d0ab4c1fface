/* options_mock.c - what the commands about the mock take. */
#include "options.h"

const cli_option opt_mock_serve[] = {
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
    OPTION("config", 0, "FILE", "JSON with further keys of its configuration (imgrel/mock.h)"),
    OPTION("script", 0, "FILE", "JSON list of commands to begin with: faults, scans, clock, state"),
    SWITCH("control", 0, "take such commands by POST /_mock/control"),
    CHOICE("node", 0, "HOW", "run|pull|off", "what its node does with a pod"),
    END,
};
const cli_option opt_mock_conformance[] = {
    OPTION("user", 'u', "NAME", "who asks; an administrator sees all of it (admin)"),
    OPTION("password-file", 0, "FILE", "that user's password; - is standard input"),
    OPTION("only", 0, "WORD", "checks whose name holds that word"),
    SWITCH("all", 0, "print what passed too"),
    END,
};
