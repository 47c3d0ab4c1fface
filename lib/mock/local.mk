# Sources of lib/mock, in reading order.
mock_sources = lib/mock/server.h lib/mock/conn.h lib/mock/tls.h lib/mock/harbor.h \
	lib/mock/registry.h \
	lib/mock/mock.c lib/mock/state.c lib/mock/tls.c \
	lib/mock/server.c lib/mock/server_query.c lib/mock/server_reply.c lib/mock/server_fault.c \
	lib/mock/harbor.c lib/mock/harbor_error.c lib/mock/harbor_filter.c lib/mock/harbor_query.c \
	lib/mock/harbor_secret.c lib/mock/harbor_auth.c lib/mock/harbor_rights.c \
	lib/mock/harbor_project.c lib/mock/harbor_member.c lib/mock/harbor_robot.c \
	lib/mock/harbor_artifact.c lib/mock/harbor_repository.c lib/mock/harbor_misc.c \
	lib/mock/harbor_resource.c lib/mock/harbor_job.c lib/mock/harbor_glob.c lib/mock/harbor_policy.c \
	lib/mock/harbor_retention.c lib/mock/harbor_replication.c lib/mock/harbor_push.c \
	lib/mock/harbor_copy.c lib/mock/harbor_preheat.c lib/mock/harbor_scan.c \
	lib/mock/harbor_audit.c lib/mock/harbor_user.c lib/mock/harbor_config.c \
	lib/mock/harbor_robot_v1.c lib/mock/harbor_group.c \
	lib/mock/token.c \
	lib/mock/conform.h lib/mock/conform.c lib/mock/conform_ask.c lib/mock/conform_want.c \
	lib/mock/conform_image.c lib/mock/conform_auth.c lib/mock/conform_list.c \
	lib/mock/conform_project.c lib/mock/conform_robot.c lib/mock/conform_robot_use.c \
	lib/mock/conform_registry.c lib/mock/conform_artifact.c lib/mock/conform_rest.c \
	lib/mock/registry.c lib/mock/registry_list.c lib/mock/registry_manifest.c \
	lib/mock/registry_store.c lib/mock/registry_upload.c lib/mock/registry_proxy.c
if ENABLE_KUBE
mock_sources += lib/mock/kube.h lib/mock/kube_tunnel.h lib/mock/node.h \
	lib/mock/kube.c lib/mock/kube_reply.c lib/mock/kube_kind.c lib/mock/kube_schema.c \
	lib/mock/kube_store.c lib/mock/kube_select.c lib/mock/kube_list.c lib/mock/kube_watch.c \
	lib/mock/kube_write.c lib/mock/kube_proto.c lib/mock/kube_delete.c lib/mock/kube_default.c \
	lib/mock/kube_valid.c lib/mock/kube_podvalid.c \
	lib/mock/kube_patch.c lib/mock/kube_merge.c lib/mock/kube_fields.c lib/mock/kube_apply.c \
	lib/mock/kube_control.c lib/mock/kube_endpoints.c lib/mock/kube_deploy.c lib/mock/kube_event.c \
	lib/mock/kube_log.c lib/mock/kube_forward.c lib/mock/kube_tunnel.c \
	lib/mock/kube_channel.c lib/mock/kube_spdy.c \
	lib/mock/node.c lib/mock/node_pod.c lib/mock/node_container.c lib/mock/node_status.c \
	lib/mock/node_keys.c lib/mock/node_pull.c lib/mock/node_env.c lib/mock/node_volume.c \
	lib/mock/node_spec.c lib/mock/node_run.c lib/mock/node_shim.c lib/mock/node_net.c \
	lib/mock/node_clean.c
endif
if ENABLE_GITLAB
mock_sources += lib/mock/gitlab.h lib/mock/gitlab.c lib/mock/gitlab_variable.c \
	lib/mock/gitlab_runner.c lib/mock/gitlab_repository.c lib/mock/gitlab_ci.c \
	lib/mock/gitlab_pipeline.c
endif
