# Sources of lib/run, in reading order.
run_sources = lib/run/copy_plan.c lib/run/copy_tee.c lib/run/copy_seen.c lib/run/copy_blob.c \
	lib/run/copy_match.c lib/run/copy_match.h lib/run/copy_list.c lib/run/copy_many.c \
	lib/run/copy_many.h lib/run/copy_report.c lib/run/copy_report.h \
	lib/run/copy.c lib/run/copy_referrers.c lib/run/index.c lib/run/copy_plan.h lib/run/copy_tee.h \
	lib/run/copy_seen.h lib/run/copy_item.h lib/run/copy.h lib/run/index.h
if ENABLE_KUBE
run_sources += lib/run/explain.c lib/run/explain.h lib/run/explain_robot.c lib/run/explain_impl.h
endif
if ENABLE_BUILD
run_sources += lib/run/build.c lib/run/build.h
endif
if ENABLE_RELEASE
run_sources += lib/run/release_rules.c lib/run/release_rules.h lib/run/release_map.h \
	lib/run/release_map.c lib/run/release_file.c lib/run/release_gitlab.c lib/run/release_state.c lib/run/release_report.c \
	lib/run/release_run.c lib/run/release_check.c lib/run/release_harbor.c \
	lib/run/release_image.c lib/run/release_build.c lib/run/release_scan.c lib/run/release_verify.c lib/run/release_kube.c \
	lib/run/release_ready.c \
	lib/run/release_page.c lib/run/release_delete.c lib/run/release_doctor.c \
	lib/run/release_road.c lib/run/release_render.c lib/run/release_node.c lib/run/release_rotate.c lib/run/release_deliver.c \
	lib/run/release.c lib/run/release_impl.h lib/run/release.h
endif
